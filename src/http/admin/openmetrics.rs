//! The OpenMetrics text format, version 1.0.0. The library only writes Prometheus's own format.
//!
//! # Promises
//! - The families and values are the same in both formats; only the notation differs.
//! - The text ends in `# EOF`, so that a reader notices a scrape that was cut off.
//!
//! Knows nothing of the meaning of the series. Ours have no summaries, exemplars or timestamps.

use prometheus::proto::{Metric, MetricFamily, MetricType};
use std::fmt::{self, Display, Write};

/// The content type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// True if an `Accept` header prefers this format to Prometheus's own.
pub fn is_asked_for(accept: &str) -> bool {
    let mut best = (0.0, 0.0);
    for item in accept.split(',') {
        let mut parts = item.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let mut quality = 1.0;
        let mut is_ours = true;
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => quality = value.trim().parse::<f32>().unwrap_or(0.0),
                "version" => is_ours = value.trim().trim_matches('"') == "1.0.0",
                _ => {}
            }
        }
        match kind.as_str() {
            "application/openmetrics-text" if is_ours => best.0 = f32::max(best.0, quality),
            "text/plain" | "text/*" | "*/*" => best.1 = f32::max(best.1, quality),
            _ => {}
        }
    }
    best.0 > 0.0 && best.0 >= best.1
}

/// Writes all families as text.
pub fn encode(families: &[MetricFamily]) -> String {
    let mut text = String::new();
    for family in families {
        write_family(&mut text, family).expect("writing to a string does not fail");
    }
    text.push_str("# EOF\n");
    text
}

fn write_family(text: &mut String, family: &MetricFamily) -> fmt::Result {
    let kind = family.get_field_type();
    let name = match kind {
        // The family's name lacks the ending that its samples have.
        MetricType::COUNTER => family.name().strip_suffix("_total").unwrap_or(family.name()),
        _ => family.name(),
    };
    let kind_name = match kind {
        MetricType::COUNTER => "counter",
        MetricType::GAUGE => "gauge",
        MetricType::HISTOGRAM => "histogram",
        MetricType::SUMMARY | MetricType::UNTYPED => "unknown",
    };
    writeln!(text, "# TYPE {name} {kind_name}")?;
    writeln!(text, "# HELP {name} {}", escaped(family.help()))?;
    for metric in family.get_metric() {
        match kind {
            MetricType::COUNTER => {
                let value = metric.get_counter().get_value();
                write_sample(text, name, "_total", metric, None, value)?;
            }
            MetricType::GAUGE => {
                write_sample(text, name, "", metric, None, metric.get_gauge().get_value())?;
            }
            MetricType::HISTOGRAM => write_histogram(text, name, metric)?,
            MetricType::SUMMARY | MetricType::UNTYPED => {}
        }
    }
    Ok(())
}

fn write_histogram(text: &mut String, name: &str, metric: &Metric) -> fmt::Result {
    let histogram = metric.get_histogram();
    let count = histogram.get_sample_count();
    for bucket in histogram.get_bucket() {
        // `1.0` and not `1`: readers compare the bound as text.
        let bound = format!("{:?}", bucket.upper_bound());
        write_sample(text, name, "_bucket", metric, Some(&bound), bucket.cumulative_count())?;
    }
    write_sample(text, name, "_bucket", metric, Some("+Inf"), count)?;
    write_sample(text, name, "_count", metric, None, count)?;
    write_sample(text, name, "_sum", metric, None, histogram.get_sample_sum())
}

fn write_sample(
    text: &mut String,
    name: &str,
    ending: &str,
    metric: &Metric,
    bound: Option<&str>,
    value: impl Display,
) -> fmt::Result {
    write!(text, "{name}{ending}")?;
    let labels = metric.get_label().iter().map(|label| (label.name(), label.value()));
    for (at, (label, value)) in labels.chain(bound.map(|bound| ("le", bound))).enumerate() {
        let before = if at == 0 { '{' } else { ',' };
        write!(text, "{before}{label}=\"{}\"", escaped(value))?;
    }
    if bound.is_some() || !metric.get_label().is_empty() {
        text.push('}');
    }
    writeln!(text, " {value}")
}

/// Escapes a text. In this format quotes are escaped in help texts too.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_that_which_the_asking_prefers() {
        for asking in [
            "application/openmetrics-text",
            "application/openmetrics-text;version=1.0.0",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,*/*;q=0.2",
        ] {
            assert!(is_asked_for(asking), "{asking}");
        }
        for asking in [
            "",
            "*/*",
            "text/plain;version=0.0.4",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;version=0.0.1",
            "application/openmetrics-text;q=0.4,text/plain;q=0.5",
        ] {
            assert!(!is_asked_for(asking), "{asking}");
        }
    }

    #[test]
    fn each_type_is_written_as_the_format_has_it() {
        let registry = prometheus::Registry::new();
        let counter = prometheus::IntCounterVec::new(
            prometheus::Opts::new("a_total", "Says \"a\"."),
            &["who"],
        )
        .unwrap();
        counter.with_label_values(&["x\\y\"z"]).inc();
        let options = prometheus::HistogramOpts::new("b_seconds", "B.").buckets(vec![0.5, 1.0]);
        let histogram = prometheus::Histogram::with_opts(options).unwrap();
        histogram.observe(0.75);
        registry.register(Box::new(counter)).unwrap();
        registry.register(Box::new(histogram)).unwrap();

        let text = encode(&registry.gather());

        let expected = [
            "# TYPE a counter",
            r#"# HELP a Says \"a\"."#,
            r#"a_total{who="x\\y\"z"} 1"#,
            "# TYPE b_seconds histogram",
            "# HELP b_seconds B.",
            r#"b_seconds_bucket{le="0.5"} 0"#,
            r#"b_seconds_bucket{le="1.0"} 1"#,
            r#"b_seconds_bucket{le="+Inf"} 1"#,
            "b_seconds_count 1",
            "b_seconds_sum 0.75",
            "# EOF\n",
        ];
        assert_eq!(text, expected.join("\n"));
    }
}
