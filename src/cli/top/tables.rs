//! The tables of the screen. On a narrow terminal a table has fewer columns, never cut numbers.

use crate::cli::top::answers::Answers;
use crate::cli::top::appearance::Appearance;
use crate::cli::top::format::{ago, rate};
use crate::cli::top::view::View;
use crate::http::admin::summary::{grouped, span};
use crate::printable;
use crate::recent::decision::Outcome;
use ratatui::layout::{Alignment, Constraint};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Text;
use ratatui::widgets::{Cell, Row, Table};

/// A table, and the number of its rows.
pub struct Rows<'a> {
    /// The table.
    pub table: Table<'a>,
    /// The number of its rows.
    pub rows: usize,
}

/// A column: its title, its width, and the width of the terminal from which on it is shown.
struct Column {
    title: &'static str,
    width: Constraint,
    from: u16,
    numbers: bool,
}

/// A column of words.
const fn words(title: &'static str, width: u16, from: u16) -> Column {
    Column { title, width: Constraint::Length(width), from, numbers: false }
}

/// A column of numbers, aligned to the right.
const fn numbers(title: &'static str, width: u16, from: u16) -> Column {
    Column { title, width: Constraint::Length(width), from, numbers: true }
}

/// A column that takes the remaining width.
const fn rest(title: &'static str, least: u16, from: u16) -> Column {
    Column { title, width: Constraint::Min(least), from, numbers: false }
}

const SOURCES: [Column; 8] = [
    rest("SOURCE", 12, 0),
    words("PROVIDER", 9, 100),
    numbers("RATE", 7, 0),
    words("LAST", 12, 0),
    numbers("ACCEPTED", 11, 60),
    numbers("DUPLICATE", 10, 80),
    numbers("QUARANTINED", 11, 100),
    numbers("REFUSED", 9, 50),
];

const LANES: [Column; 5] = [
    rest("TOPIC", 24, 0),
    numbers("WAITING", 10, 0),
    words("OLDEST", 8, 50),
    numbers("PUBLISHED", 11, 95),
    words("STATE", 28, 80),
];

const DECISIONS: [Column; 5] = [
    words("TIME", 8, 0),
    words("SOURCE", 12, 80),
    words("OUTCOME", 11, 0),
    rest("EVENT", 16, 0),
    Column { title: "SUBJECT", width: Constraint::Fill(1), from: 100, numbers: false },
];

/// The table of the sources.
pub fn sources<'a>(
    view: &View,
    answers: &Answers,
    appearance: &Appearance,
    width: u16,
) -> Rows<'a> {
    let rows = answers.sources.iter().map(|source| {
        let outcomes = &source.outcomes;
        let last = source.last_notification_at;
        let refused = match outcomes.refused() {
            0 => Style::new(),
            _ => appearance.of(Color::Yellow),
        };
        [
            plain(&source.name),
            plain(&source.provider),
            (view.rate(&source.name).map_or_else(|| "…".to_owned(), rate), Style::new()),
            (last.map_or_else(|| "never".to_owned(), |at| ago(view.since(at))), Style::new()),
            (grouped(outcomes.accepted), Style::new()),
            (grouped(outcomes.duplicate), Style::new()),
            (grouped(outcomes.quarantined), Style::new()),
            (grouped(outcomes.refused()), refused),
        ]
    });
    table(&SOURCES, rows, appearance, width)
}

/// The table of the topics, those with the most waiting records first. A topic without waiting or
/// published records is not shown.
pub fn lanes<'a>(view: &View, answers: &Answers, appearance: &Appearance, width: u16) -> Rows<'a> {
    let mut lanes: Vec<_> = answers
        .status
        .lanes
        .iter()
        .filter(|lane| lane.pending > 0 || lane.published > 0 || lane.reason.is_some())
        .collect();
    lanes.sort_by_key(|lane| std::cmp::Reverse((lane.pending, lane.published)));
    let rows = lanes.into_iter().map(|lane| {
        let state = match &lane.reason {
            Some(reason) => {
                let reason = printable::text(reason).replace('_', " ");
                (format!("set aside: {reason}"), appearance.of(Color::Red))
            }
            None if lane.pending > 0 && !answers.status.kafka.delivering => {
                ("waits for Kafka".to_owned(), appearance.of(Color::Yellow))
            }
            None => ("flows".to_owned(), appearance.of(Color::Green)),
        };
        [
            plain(&lane.topic),
            (grouped(lane.pending), Style::new()),
            (lane.oldest.map_or_else(String::new, |at| span(view.since(at))), Style::new()),
            (grouped(lane.published), Style::new()),
            state,
        ]
    });
    table(&LANES, rows, appearance, width)
}

/// The table of the last decisions, newest first.
pub fn decisions<'a>(answers: &Answers, appearance: &Appearance, width: u16) -> Rows<'a> {
    let rows = answers.decisions.iter().map(|decision| {
        let at =
            decision.at.to_zoned_datetime(appearance.zone.clone()).strftime("%H:%M:%S").to_string();
        let event = decision.event.as_ref().or(decision.reason.as_ref());
        [
            (at, appearance.quiet()),
            plain(&decision.source),
            (
                decision.outcome.as_str().replace('_', " "),
                appearance.of(colour_of(decision.outcome)),
            ),
            plain(event.map_or("", String::as_str)),
            plain(decision.subject.as_deref().unwrap_or_default()),
        ]
    });
    table(&DECISIONS, rows, appearance, width)
}

fn colour_of(outcome: Outcome) -> Color {
    match outcome {
        Outcome::Accepted => Color::Green,
        Outcome::Duplicate => Color::Blue,
        Outcome::Quarantined => Color::Magenta,
        Outcome::Unproven | Outcome::Malformed | Outcome::TooLarge => Color::Yellow,
        Outcome::Unavailable => Color::Red,
    }
}

fn plain(text: &str) -> (String, Style) {
    (printable::text(text).into_owned(), Style::new())
}

fn table<'a, const N: usize>(
    columns: &'static [Column; N],
    rows: impl Iterator<Item = [(String, Style); N]>,
    appearance: &Appearance,
    width: u16,
) -> Rows<'a> {
    let is_shown = |column: &Column| column.from <= width;
    let cell = |column: &Column, text: String, style: Style| {
        let alignment = if column.numbers { Alignment::Right } else { Alignment::Left };
        Cell::new(Text::raw(text).alignment(alignment)).style(style)
    };
    let shown = columns.iter().filter(|column| is_shown(column));
    let titles = Row::new(shown.clone().map(|column| {
        cell(column, column.title.to_owned(), appearance.quiet().add_modifier(Modifier::BOLD))
    }));
    let rows: Vec<_> = rows
        .map(|values| {
            let cells = columns.iter().zip(values).filter(|(column, _)| is_shown(column));
            Row::new(cells.map(|(column, (text, style))| cell(column, text, style)))
        })
        .collect();
    let count = rows.len();
    let widths = shown.map(|column| column.width);
    Rows { table: Table::new(rows, widths).header(titles).column_spacing(2), rows: count }
}
