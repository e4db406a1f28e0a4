//! The page: computed blocks stand between `<!-- name -->` and `<!-- end of name -->`.

use super::arithmetic::{BUSY, Bounds, CORES, Needs};
use super::balance::{Popularity, busiest, hashes};
use super::inputs::Inputs;
use super::queue;
use std::{fs, path::PathBuf};

/// Reads the page.
pub fn read() -> String {
    fs::read_to_string(path("docs/SCALE.md")).expect("docs/SCALE.md")
}

/// Reads the page of figures.
pub fn performance() -> String {
    fs::read_to_string(path("docs/PERFORMANCE.md")).expect("docs/PERFORMANCE.md")
}

/// Writes the page.
pub fn write(page: &str) {
    fs::write(path("docs/SCALE.md"), page).expect("docs/SCALE.md is writable");
}

/// A block of a page.
pub fn block<'a>(page: &'a str, name: &str) -> &'a str {
    let (begin, end) = borders(name);
    let (_, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("no block {name}"));
    rest.split_once(&end).unwrap_or_else(|| panic!("block {name} does not end")).0
}

/// The page with its inputs and all that follows from them.
pub fn with_results(page: &str, inputs: &Inputs) -> String {
    let blocks = [
        ("inputs", inputs.table()),
        ("one replica", one_replica(inputs)),
        ("waits", waits(inputs)),
        ("rates", rates(inputs)),
        ("balance", balance()),
    ];
    blocks.into_iter().fold(page.to_owned(), |page, (name, text)| {
        let (begin, end) = borders(name);
        let old = format!("{begin}{}{end}", block(&page, name));
        page.replacen(&old, &format!("{begin}{text}{end}"), 1)
    })
}

fn one_replica(inputs: &Inputs) -> String {
    let head = "| cores | its processors are full at | its writer at | its drain at | it carries | what gives first |\n\
                |--:|--:|--:|--:|--:|---|\n";
    [2.0, 4.0, 8.0].into_iter().fold(head.to_owned(), |table, cores| {
        let bounds = Bounds::of(inputs, cores);
        table
            + &format!(
                "| {cores} | {} | {} | {} | **{}** | {} |\n",
                thousands(bounds.workers),
                thousands(bounds.writer),
                thousands(bounds.drain),
                thousands(bounds.carried()),
                bounds.first().1
            )
    })
}

fn waits(inputs: &Inputs) -> String {
    let head =
        "| share of its full rate | notifications/s | median ms | p99 ms |\n|--:|--:|--:|--:|\n";
    let full = Bounds::of(inputs, CORES).first().0;
    [0.1, 0.25, 0.5, 0.7, 0.8, 0.9].into_iter().fold(head.to_owned(), |table, share| {
        let rate = share * full;
        let (median, p99) = match queue::play(inputs, CORES as usize, rate) {
            Some(waits) => (format!("{:.2}", waits.median), format!("{:.2}", waits.p99)),
            None => ("does not keep up".to_owned(), String::new()),
        };
        table + &format!("| {:.0} % | {} | {median} | {p99} |\n", share * 100.0, thousands(rate))
    })
}

fn rates(inputs: &Inputs) -> String {
    let head = "| notifications/s | replicas | disks of the replicas | brokers | disks of the brokers | Redis, cores \
                | its memory for a window | memory of each replica for a window |\n\
                |--:|--:|--:|--:|--:|--:|--:|--:|\n";
    RATES.into_iter().fold(head.to_owned(), |table, rate| {
        let needs = Needs::of(inputs, rate);
        table
            + &format!(
                "| {} | {} | {}/s | {} | {}/s | {:.1} | {} | {} |\n",
                thousands(rate),
                needs.replicas,
                bytes(needs.log),
                needs.brokers,
                bytes(needs.kafka),
                needs.redis,
                bytes(needs.shared_window),
                bytes(needs.window),
            )
    })
}

fn balance() -> String {
    let head = "| subjects | spoken of | 3 replicas | 5 replicas | 6 partitions | 24 partitions | 96 partitions |\n\
                |--:|---|--:|--:|--:|--:|--:|\n";
    let mut table = head.to_owned();
    for subjects in [100, 10_000, 100_000] {
        let hashes = hashes(subjects);
        for (popularity, name) in [(Popularity::Even, "evenly"), (Popularity::Skewed, "as by Zipf")]
        {
            table.push_str(&format!("| {subjects} | {name} |"));
            for places in [3, 5, 6, 24, 96] {
                table.push_str(&format!(" {:.2} |", busiest(&hashes, popularity, places)));
            }
            table.push('\n');
        }
    }
    table
}

fn thousands(rate: f64) -> String {
    format!("{:.0} k", rate / 1e3)
}

fn bytes(bytes: f64) -> String {
    let units = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB")];
    let (size, unit) = units.into_iter().find(|(size, _)| bytes >= *size).unwrap_or((1e3, "kB"));
    format!("{:.*} {unit}", usize::from(bytes / size < 10.0), bytes / size)
}

fn borders(name: &str) -> (String, String) {
    (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"))
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The rates on the page. Each is a mean over the whole window; the design asks about 100,000.
const RATES: [f64; 5] = [1e3, 1e4, 3e4, 1e5, 3e5];

/// The page states these values in words.
const _: () = assert!(BUSY == 0.5 && CORES == 4.0);
