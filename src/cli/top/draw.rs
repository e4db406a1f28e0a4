//! Draws a view: the sentence about the relay's state first, then the facts behind it.
//!
//! # Promises
//! - Every text that is not ours goes through `printable::text` before it is drawn.
//! - A small terminal shows less, but always the sentence.

use crate::cli::top::answers::{Answers, Throughput};
use crate::cli::top::appearance::Appearance;
use crate::cli::top::format::{ago, bytes, rate, wrapped};
use crate::cli::top::tables;
use crate::cli::top::view::View;
use crate::http::admin::summary::{Health, span};
use crate::printable;
use jiff::SignedDuration;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Sparkline, Table, Widget};

/// Draws all parts for which there is room.
pub fn draw(view: &View, appearance: &Appearance, area: Rect, buffer: &mut Buffer) {
    let Some(answers) = &view.answers else { return };
    let sentences = sentences(view, answers, appearance, usize::from(area.width));
    let sources = tables::sources(view, answers, appearance, area.width);
    let lanes = tables::lanes(view, answers, appearance, area.width);
    // A line above each part, and one for its titles.
    let part = |rows: usize, most: usize| (rows.clamp(1, most) + 2) as u16;
    let has_room = area.height >= ROOMY;
    let [head, sentence, kafka, source_area, flow, lane_area, decisions, keys] =
        Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(sentences.len() as u16),
            Constraint::Length(1),
            Constraint::Max(part(answers.sources.len(), if has_room { 12 } else { 4 })),
            Constraint::Length(if has_room { 5 } else { 2 }),
            Constraint::Max(part(lanes.rows, if has_room { 12 } else { 4 })),
            Constraint::Fill(1),
            Constraint::Length(1),
        ])
        .areas(area);

    head_of(view, answers, appearance).render(head, buffer);
    Paragraph::new(sentences).render(sentence, buffer);
    kafka_of(view, answers, appearance).render(kafka, buffer);
    below_a_line(sources.table, source_area, buffer);
    throughput(&answers.throughput, appearance, flow, buffer);
    below_a_line(lanes.table, lane_area, buffer);
    below_a_line(tables::decisions(answers, appearance, area.width).table, decisions, buffer);
    Line::styled("q quit   p pause   ? help", appearance.quiet()).render(keys, buffer);
    if view.explains {
        explain(area, buffer);
    }
}

fn below_a_line(table: Table<'_>, area: Rect, buffer: &mut Buffer) {
    let [_, table_area] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    Widget::render(table, table_area, buffer);
}

fn head_of<'a>(view: &View, answers: &'a Answers, appearance: &Appearance) -> Line<'a> {
    let status = &answers.status;
    let up = i64::try_from(status.uptime_seconds).unwrap_or(i64::MAX);
    let facts = format!(
        "cadrelay {} · up {} · spool {} of {} · {} · instance {}",
        printable::text(&status.version),
        span(SignedDuration::from_secs(up)),
        bytes(status.spool.bytes),
        bytes(status.spool.max_bytes),
        printable::text(&status.delivery),
        printable::text(&status.instance),
    );
    let paused = if view.paused { "paused · " } else { "" };
    Line::from(vec![
        Span::styled(paused, Style::new().add_modifier(Modifier::BOLD)),
        Span::styled(facts, appearance.quiet()),
    ])
}

/// The relay's sentence. If the relay no longer answers, a line before it says that the rest is
/// old.
fn sentences<'a>(
    view: &View,
    answers: &Answers,
    appearance: &Appearance,
    width: usize,
) -> Vec<Line<'a>> {
    let lost = view.lost.iter().flat_map(|lost| {
        let old = ago(view.since(lost.last));
        let text = format!("{}. What follows is how it was {old}.", printable::text(&lost.why));
        let style = appearance.of_health(Health::Trouble);
        wrapped(&text, width).into_iter().map(move |line| Line::styled(line, style))
    });
    let summary = &answers.status.summary;
    let style = appearance.of_health(summary.health);
    let text = printable::text(&summary.text).into_owned();
    let said = wrapped(&text, width).into_iter().map(|line| Line::styled(line, style));
    lost.chain(said).collect()
}

fn kafka_of<'a>(view: &View, answers: &Answers, appearance: &Appearance) -> Line<'a> {
    let kafka = &answers.status.kafka;
    let last = kafka.last_success.map(|last| ago(view.since(last)));
    let (words, style) = match (kafka.delivering, last) {
        (true, Some(last)) => (format!("answers, last {last}"), appearance.of(Color::Green)),
        (true, None) => ("answers".to_owned(), appearance.of(Color::Green)),
        (false, Some(last)) => {
            (format!("does not answer, last {last}"), appearance.of(Color::Yellow))
        }
        (false, None) => ("has not answered yet".to_owned(), appearance.of(Color::Yellow)),
    };
    let brokers = printable::text(&kafka.brokers).into_owned();
    Line::from(vec![
        Span::raw("Kafka "),
        Span::styled(words, style),
        Span::styled(format!(" · {brokers}"), appearance.quiet()),
    ])
}

/// The rates of the last interval, and the history of the last quarter of an hour.
fn throughput(series: &Throughput, appearance: &Appearance, area: Rect, buffer: &mut Buffer) {
    let [_, words, chart] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Fill(1)])
            .areas(area);
    let seconds = series.seconds.max(1) as f64;
    let last = |of: &[u64]| rate(of.last().copied().unwrap_or(0) as f64 / seconds);
    let mut text =
        format!("received {}/s · published {}/s", last(&series.received), last(&series.published));
    if area.width >= WIDE {
        let (duplicates, refused) = (last(&series.duplicates), last(&series.refused));
        text.push_str(&format!(" · duplicates {duplicates}/s · not answered 200 {refused}/s"));
    }
    Line::raw(text).render(words, buffer);
    let shown = series.received.len().saturating_sub(usize::from(chart.width));
    let recent = series.received.get(shown..).unwrap_or_default();
    Sparkline::default().data(recent).style(appearance.of(Color::Cyan)).render(chart, buffer);
}

fn explain(area: Rect, buffer: &mut Buffer) {
    let lines = [
        "q, Esc   end",
        "p        pause, and go on",
        "?        this",
        "",
        "WAITING  stored, and not yet in Kafka",
        "REFUSED  not answered 200",
        "RATE     a second, of the last ten",
        "The bars are what came in the last quarter of an hour.",
    ];
    let (width, height) = (58.min(area.width), (lines.len() as u16 + 2).min(area.height));
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    Clear.render(place, buffer);
    Paragraph::new(lines.map(Line::raw).to_vec())
        .block(Block::bordered().title(" cadrelay top "))
        .render(place, buffer);
}

/// At this width all four rates fit in a line.
const WIDE: u16 = 80;
/// At this height there is room for the bars.
const ROOMY: u16 = 30;
