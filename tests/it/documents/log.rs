//! The table of log events is that of the program.

use crate::documents::each_file_of_rust;
use regex::Regex;
use std::collections::BTreeSet;
use std::fs;
use support::tools::project;

#[test]
fn every_event_of_the_log_is_in_the_table_and_no_other() {
    let text = fs::read_to_string(project().join("docs/OPERATING.md")).expect("the document");
    let section = text.split("\n## The log\n").nth(1).expect("the section");
    let section = section.split("\n## ").next().expect("its text");
    let first_cells = section.lines().filter_map(|line| line.strip_prefix("| ")?.split('|').next());
    let quoted = Regex::new("`([a-z_]+)`").expect("a pattern");
    let documented: BTreeSet<String> = first_cells
        .skip(1)
        .flat_map(|cell| quoted.captures_iter(cell).map(|found| found[1].to_owned()))
        .collect();

    let event = Regex::new("\\bevent = \"([a-z_]+)\"").expect("a pattern");
    let mut said = BTreeSet::new();
    each_file_of_rust(&project().join("src"), &mut |text| {
        said.extend(event.captures_iter(text).map(|found| found[1].to_owned()));
    });

    assert_eq!(documented, said);
}
