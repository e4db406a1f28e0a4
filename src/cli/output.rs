//! Results on stdout: the same rows as a table, JSON, YAML or CSV.
//!
//! # Promises
//! - json, yaml and csv hold the same keys and values; an absent value is left out, or empty in
//!   csv.
//! - stdout gets only the result. Notes go to stderr.

use crate::printable;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::{Map, Value};
use std::io::{self, IsTerminal, Write};

/// A form of output.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For programs and people.
    Yaml,
    /// For spreadsheets.
    Csv,
}

/// The keys of a kind of row.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// All keys, in order.
    pub keys: &'static [&'static str],
    /// The keys that a table of several rows shows.
    pub table: &'static [&'static str],
    /// The text that replaces an empty table.
    pub empty: &'static str,
}

impl Format {
    /// A table on a terminal, JSON elsewhere.
    pub fn default_of(stdout: &io::Stdout) -> Self {
        if stdout.is_terminal() { Self::Table } else { Self::Json }
    }

    /// Prints a list.
    pub fn list<T: Serialize>(self, layout: Layout, rows: &[T]) -> io::Result<()> {
        match self {
            Self::Table if rows.is_empty() => print(layout.empty),
            Self::Table => print(&table_of_rows(layout.table, &values(rows))),
            Self::Json => print(&json(&rows)),
            Self::Yaml => print(&yaml(&rows)),
            Self::Csv => print(&csv(layout.keys, &values(rows))),
        }
    }

    /// Prints one object.
    pub fn object<T: Serialize>(self, keys: &[&str], object: &T) -> io::Result<()> {
        match self {
            Self::Table => print(&table_of_one(keys, &value(object))),
            Self::Json => print(&json(object)),
            Self::Yaml => print(&yaml(object)),
            Self::Csv => print(&csv(keys, &[value(object)])),
        }
    }
}

/// Writes a note beside the result to stderr. It may contain text of a sender or provider.
pub fn note(text: &str) {
    // If stderr is closed, the note is lost; the result still counts.
    let _ = writeln!(io::stderr(), "{}", printable::lines(text));
}

/// Prints a text to stdout, ending with a newline.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        stdout.write_all(b"\n")?;
    }
    stdout.flush()
}

fn json<T: Serialize>(rows: &T) -> String {
    let json = serde_json::to_string_pretty(rows).expect("our rows have text keys");
    printable::json(&json).into_owned()
}

/// Every JSON is YAML, and JSON can escape characters that a terminal acts on.
fn yaml<T: Serialize>(rows: &T) -> String {
    let yaml = serde_saphyr::to_string(rows).expect("our rows have text keys");
    if printable::lines(&yaml) == yaml { yaml } else { json(rows) }
}

fn csv(keys: &[&str], rows: &[Value]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let lines = std::iter::once(keys.iter().map(ToString::to_string).collect::<Vec<_>>())
        .chain(rows.iter().map(|row| keys.iter().map(|key| csv_cell(row.get(key))).collect()));
    for line in lines {
        writer.write_record(line).expect("memory takes every line, all of the header's length");
    }
    let bytes = writer.into_inner().expect("memory takes every line");
    String::from_utf8(bytes).expect("only text was written")
}

fn table_of_rows(keys: &[&str], rows: &[Value]) -> String {
    let mut table = table();
    table.set_header(keys.iter().map(|key| title(key)));
    for row in rows {
        table.add_row(keys.iter().map(|key| cell(row.get(key), "\n")));
    }
    trimmed(&table)
}

fn table_of_one(keys: &[&str], object: &Value) -> String {
    let mut table = table();
    for key in keys {
        if let Some(value) = object.get(key) {
            table.add_row([title(key), cell(Some(value), "\n")]);
        }
    }
    trimmed(&table)
}

fn table() -> Table {
    let mut table = Table::new();
    // Some terminals report a width of zero; a table squeezed into it would be unreadable.
    let arrangement = match table.width() {
        Some(width) if width < NARROWEST => ContentArrangement::Disabled,
        _ => ContentArrangement::Dynamic,
    };
    table.load_style(presets::NOTHING).set_content_arrangement(arrangement);
    table
}

fn trimmed(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// A number stays a number in a spreadsheet, whatever its sign.
fn csv_cell(value: Option<&Value>) -> String {
    let text = cell(value, "; ");
    if matches!(value, Some(Value::Number(_))) { text } else { printable::csv(&text).into_owned() }
}

/// Formats a value for one cell: lists joined, objects as `key=value` in tables and JSON in csv. An
/// object in a list has a line of its own.
fn cell(value: Option<&Value>, separator: &str) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => printable::text(text).into_owned(),
        Some(Value::Array(items)) => {
            let item = |item: &Value| match item {
                Value::Object(pairs) if separator == "\n" => pairs_of(pairs).join(" "),
                item => cell(Some(item), separator),
            };
            items.iter().map(item).collect::<Vec<_>>().join(separator)
        }
        Some(Value::Object(pairs)) if separator == "\n" => pairs_of(pairs).join("\n"),
        Some(other) => printable::json(&other.to_string()).into_owned(),
    }
}

fn pairs_of(pairs: &Map<String, Value>) -> Vec<String> {
    pairs
        .iter()
        .map(|(key, value)| format!("{}={}", printable::text(key), cell(Some(value), " ")))
        .collect()
}

/// A key as a title: `createdAt` becomes `CREATED AT`.
fn title(key: &str) -> String {
    let mut title = String::new();
    for letter in key.chars() {
        if letter.is_uppercase() {
            title.push(' ');
        }
        title.extend(letter.to_uppercase());
    }
    title
}

fn values<T: Serialize>(rows: &[T]) -> Vec<Value> {
    rows.iter().map(value).collect()
}

fn value<T: Serialize>(row: &T) -> Value {
    serde_json::to_value(row).expect("our rows have text keys")
}

/// On a narrower terminal, lines are left for the terminal to break.
const NARROWEST: u16 = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn csv_has_all_keys_and_joins_lists() {
        let rows = [json!({ "id": "a", "events": ["x", "y"], "scope": { "k": "v" } })];

        let text = csv(&["id", "name", "events", "scope"], &rows);

        assert_eq!(text, "id,name,events,scope\na,,x; y,\"{\"\"k\"\":\"\"v\"\"}\"\n");
    }

    #[test]
    fn what_a_sender_wrote_neither_moves_a_terminal_nor_calculates() {
        let rows = [json!({ "id": "=cmd()", "name": "a\u{1b}[2Jb\u{9b}", "n": -1, "k": ["@x"] })];
        let keys = &["id", "name", "n", "k"];

        let csv = csv(keys, &rows);
        let table = table_of_rows(keys, &rows);
        let json = super::json(&rows);

        assert!(csv.ends_with("\n'=cmd(),a\\u{1b}[2Jb\\u{9b},-1,'@x\n"), "{csv}");
        for shown in [csv, table, json] {
            assert!(!shown.contains(['\u{1b}', '\u{9b}']), "{shown:?}");
        }
    }

    #[test]
    fn a_list_of_objects_has_a_line_for_each_in_a_table() {
        let deliveries = json!([{ "at": "1", "outcome": "accepted" }, { "at": "2" }]);

        let text =
            table_of_one(&["id", "deliveries"], &json!({ "id": "a", "deliveries": deliveries }));

        assert_eq!(text, " ID          a\n DELIVERIES  at=1 outcome=accepted\n             at=2\n");
    }

    #[test]
    fn a_table_has_its_titles_and_a_line_for_each_row() {
        let rows = [json!({ "id": "a", "createdAt": "now" }), json!({ "id": "b" })];

        let text = table_of_rows(&["id", "createdAt"], &rows);

        assert_eq!(text, " ID  CREATED AT\n a   now\n b\n");
    }
}
