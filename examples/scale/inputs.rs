//! The measured figures: the table of inputs on the page.

use std::collections::BTreeMap;

/// The inputs by name, as rows of the page's table.
pub struct Inputs {
    rows: Vec<Row>,
    by_name: BTreeMap<String, f64>,
}

struct Row {
    name: String,
    value: f64,
    unit: String,
    from: String,
}

impl Inputs {
    /// Reads the table. Panics with the row that cannot be read.
    pub fn of_page(page: &str) -> Self {
        let table = super::page::block(page, "inputs");
        let rows: Vec<Row> = table.lines().skip(2).map(Row::parse).collect();
        Self::of(rows)
    }

    fn of(rows: Vec<Row>) -> Self {
        let by_name = rows.iter().map(|row| (row.name.clone(), row.value)).collect();
        Self { rows, by_name }
    }

    /// The value of an input.
    pub fn get(&self, name: &str) -> f64 {
        *self.by_name.get(name).unwrap_or_else(|| panic!("the page has no input {name}"))
    }

    /// Replaces the inputs that the page of figures has measured by its values.
    pub fn with_measured(mut self, performance: &str) -> Self {
        for row in &mut self.rows {
            if let Some((value, from)) = measured(performance, &row.name) {
                (row.value, row.from) = (value, from);
            }
        }
        Self::of(self.rows)
    }

    /// Writes the table as it stands on the page.
    pub fn table(&self) -> String {
        let head = "| input | value | unit | measured by |\n|---|--:|---|---|\n".to_owned();
        self.rows.iter().fold(head, |table, row| {
            let Row { name, value, unit, from } = row;
            table + &format!("| `{name}` | {value} | {unit} | {from} |\n")
        })
    }
}

impl Row {
    fn parse(line: &str) -> Self {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, value, unit, from] = cells[..] else { panic!("not a row of inputs: {line}") };
        Self {
            name: name.trim_matches('`').to_owned(),
            value: value.parse().unwrap_or_else(|_| panic!("not a number: {line}")),
            unit: unit.to_owned(),
            from: from.to_owned(),
        }
    }
}

/// The value of an input on the page of figures, and its place there. `None` if the page has no
/// figure yet.
fn measured(performance: &str, input: &str) -> Option<(f64, String)> {
    let block = |name| super::page::block(performance, name);
    let (name, value) = match input {
        // The first row is the base: 64 connections, 1 KiB, exactly once.
        "relay_cpu" => ("cost", cell(block("cost"), |_| true, "CPU µs")?),
        "broker_cpu" => ("cost", cell(block("cost"), |_| true, "broker µs")?),
        "writer_cpu" => {
            ("threads", cell(block("threads"), |row| row.contains("writer"), "CPU µs")?)
        }
        "drain_rate" => {
            let name = "backlog of a million";
            (name, between(block(name), "drained at ", " a second")?)
        }
        "sync" => {
            ("circumstances", between(block("circumstances"), "data sync of 16 KiB took ", " ms")?)
        }
        "window_id_bytes" => {
            let memory = |ids: &str| cell(block("ids"), |row| row == ids, "memory MiB");
            let more = memory("10000000")? - memory("1000000")?;
            ("ids", (more * 1024.0 * 1024.0 / 9e6 * 10.0).round() / 10.0)
        }
        _ => return None,
    };
    Some((value, format!("`cargo bench --bench relay -- report`: docs/PERFORMANCE.md, {name}")))
}

/// A cell of the first row whose first cell `is_the_one`.
fn cell(table: &str, is_the_one: impl Fn(&str) -> bool, column: &str) -> Option<f64> {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut lines = table.lines().filter(|line| line.starts_with('|'));
    let column = cells(lines.next()?).iter().position(|name| name == column)?;
    let row = lines.skip(1).map(cells).find(|cells| is_the_one(&cells[0]))?;
    row.get(column)?.parse().ok()
}

/// The number between two texts.
fn between(text: &str, before: &str, after: &str) -> Option<f64> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after)?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_report_writes_is_found_on_its_page() {
        let page = "<!-- circumstances -->\nTwo cores. A data sync of 16 KiB took 0.15 ms in the median, \
                    0.4 ms at p99.\n<!-- end of circumstances -->\n\
                    <!-- cost -->\n| connections × body | CPU µs | broker µs |\n|---|--:|--:|\n\
                    | 64 × 1 KiB | 21.4 | 15.5 |\n<!-- end of cost -->\n\
                    <!-- ids -->\n| ids | CPU µs | memory MiB |\n|--:|--:|--:|\n\
                    | 1000000 | 20.0 | 60 |\n| 10000000 | 20.0 | 150 |\n<!-- end of ids -->\n\
                    <!-- backlog of a million -->\n1 records of 350 B drained at 121000 a second, beside\n\
                    <!-- end of backlog of a million -->\n<!-- threads -->\n<!-- end of threads -->\n";
        let value = |input| measured(page, input).map(|(value, _)| value);

        assert_eq!(value("relay_cpu"), Some(21.4));
        assert_eq!(value("broker_cpu"), Some(15.5));
        assert_eq!(value("sync"), Some(0.15));
        assert_eq!(value("drain_rate"), Some(121_000.0));
        assert_eq!(value("window_id_bytes"), Some(10.5));
        assert_eq!(value("writer_cpu"), None);
    }
}
