//! Pictures of the curves, as SVG.

use crate::growth::Curve;
use plotters::prelude::*;
use std::error::Error;
use std::path::Path;

/// Draws a curve: the processor time and the median answer over the cause, which grows by factors.
pub fn curve(curve: &Curve, file: &Path) -> Result<(), Box<dyn Error>> {
    let cause = |at: u64| at.max(1) as f64;
    let places = curve.places.iter().filter(|place| place.at > 0);
    let cpu: Vec<(f64, f64)> = places.clone().map(|place| (cause(place.at), place.cpu)).collect();
    let wait: Vec<(f64, f64)> = places.map(|place| (cause(place.at), place.p50)).collect();
    let (Some(first), Some(last)) = (cpu.first(), cpu.last()) else { return Ok(()) };
    let top = |line: &[(f64, f64)]| line.iter().map(|(_, y)| *y).fold(0.0, f64::max) * 1.15;

    let area = SVGBackend::new(file, (640, 320)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .right_y_label_area_size(56)
        .build_cartesian_2d((first.0..last.0).log_scale(), 0.0..top(&cpu))?
        .set_secondary_coord((first.0..last.0).log_scale(), 0.0..top(&wait));
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc(curve.cause.told())
        .y_desc("processor µs a notification")
        .x_label_formatter(&|at| short(*at))
        .draw()?;
    chart.configure_secondary_axes().y_desc("median answer, ms").draw()?;
    chart
        .draw_series(LineSeries::new(cpu, BLUE.stroke_width(2)).point_size(3))?
        .label("processor time")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], BLUE.stroke_width(2)));
    chart
        .draw_secondary_series(LineSeries::new(wait, RED.stroke_width(2)).point_size(3))?
        .label("median answer")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], RED.stroke_width(2)));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE)
        .border_style(BLACK.mix(0.2))
        .draw()?;
    area.present()?;
    Ok(())
}

fn short(number: f64) -> String {
    match number {
        _ if number >= 1e6 => format!("{:.0}M", number / 1e6),
        _ if number >= 1e3 => format!("{:.0}k", number / 1e3),
        _ => format!("{number:.0}"),
    }
}
