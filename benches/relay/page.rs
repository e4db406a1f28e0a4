//! The page of measured figures: docs/PERFORMANCE.md and the pictures beside it.

use std::fs;
use std::path::PathBuf;

/// The choice to write results to the page, or not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Keep {
    /// Prints the results only.
    No,
    /// Replaces the earlier results on the page.
    Yes,
}

/// Prints a block. Unless told otherwise, also puts it on the page, between `<!-- name -->` and
/// `<!-- end of name -->`.
pub fn put(keep: Keep, name: &str, block: &str) {
    println!("\n## {name}\n\n{block}");
    if keep == Keep::No {
        return;
    }
    let file = support::tools::project().join("docs/PERFORMANCE.md");
    let page = fs::read_to_string(&file).expect("the page is there");
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = page.split_once(&begin).expect("the page has a place for the block");
    let (_, after) = rest.split_once(&end).expect("the place has an end");
    let page = format!("{before}{begin}{}\n{end}{after}", block.trim_end());
    fs::write(&file, page).expect("the page can be written");
}

/// The file of a picture.
pub fn picture(name: &str) -> PathBuf {
    let folder = support::tools::project().join("docs/performance");
    fs::create_dir_all(&folder).expect("docs can be written");
    folder.join(format!("{name}.svg"))
}

/// Describes the machine, the time and the version in a sentence.
pub fn circumstances() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("");
    format!(
        "Version {} on {}: {cores} cores of {model}, Linux {}; load {load} before the run.",
        env!("CARGO_PKG_VERSION"),
        jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC"),
        kernel.trim()
    )
}
