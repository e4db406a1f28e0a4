//! What was measured: the table of inputs on the page.

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

    /// The same with what the page of figures has measured, as far as it has.
    pub fn with_measured(mut self, performance: &str) -> Self {
        for row in &mut self.rows {
            if let Some((value, from)) = measured(performance, &row.name) {
                (row.value, row.from) = (value, from);
            }
        }
        Self::of(self.rows)
    }

    /// The table, as it stands on the page.
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

/// The value of an input on the page of figures, and where it stands there.
fn measured(performance: &str, input: &str) -> Option<(f64, String)> {
    let (block, row, column) = match input {
        // The first row of each table is the base: 64 connections, 1 KiB, exactly once.
        "relay_cpu" => ("cost", None, "CPU µs"),
        "broker_cpu" => ("cost", None, "broker µs"),
        "writer_cpu" => ("threads", Some("writer"), "CPU µs"),
        _ => return None,
    };
    let table = super::page::block(performance, block);
    let mut lines = table.lines().filter(|line| line.starts_with('|'));
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let column = cells(lines.next()?).iter().position(|name| name == column)?;
    let found = lines.skip(1).map(cells).find(|cells| match row {
        None => true,
        Some(name) => cells[0].contains(name),
    })?;
    let value = found[column].parse().ok()?;
    Some((value, format!("`cargo bench --bench relay -- cost`: docs/PERFORMANCE.md, {block}")))
}
