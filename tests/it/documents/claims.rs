//! Each test that a document names exists.

use crate::documents::each_file_of_rust;
use std::collections::BTreeSet;
use std::fs;
use support::tools::project;

#[test]
fn every_test_that_a_document_names_exists() {
    let mut tests = BTreeSet::new();
    for folder in ["src", "tests"] {
        each_file_of_rust(&project().join(folder), &mut |text| collect(text, &mut tests));
    }
    for (document, at_least) in [("SECURITY.md", 50), ("RELIABILITY.md", 3)] {
        let text = fs::read_to_string(project().join("docs").join(document)).expect(document);
        let named = named(&text);

        let missing: Vec<_> = named.iter().filter(|name| !tests.contains(**name)).collect();

        assert!(missing.is_empty(), "{document} names tests that do not exist: {missing:?}");
        assert!(named.len() >= at_least, "{document} names {} tests", named.len());
    }
}

/// Names in backticks that are sentences, as those of tests are.
fn named(text: &str) -> BTreeSet<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_name = |word: &&str| {
        let is_plain =
            word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        is_plain && word.matches('_').count() >= 4 && !word.starts_with("cadrelay_")
    };
    quoted.filter(is_name).collect()
}

/// The names of all functions below `#[test]`, `#[tokio::test]` and their like.
fn collect(text: &str, tests: &mut BTreeSet<String>) {
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((_, rest)) = line.split_once("fn ") {
            if is_test {
                let name = rest.split('(').next().unwrap_or_default();
                tests.insert(name.to_owned());
            }
            is_test = false;
        }
    }
}
