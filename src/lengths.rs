//! The test of lengths: a file holds one idea, so it is short.

use std::path::{Path, PathBuf};

/// Files that are one table.
const TABLES: &[&str] = &["http/error.rs", "providers/aps/catalog.rs"];
const MOST_LINES: usize = 300;

#[test]
fn no_file_is_long_but_a_table() {
    let files = files();
    let long: Vec<String> = files
        .iter()
        .filter(|file| !TABLES.iter().any(|table| file.ends_with(table)))
        .map(|file| (file, std::fs::read_to_string(src().join(file)).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(file, lines)| format!("{}: {lines}", file.display()))
        .collect();

    assert!(files.len() > 200, "these are not all: {files:?}");
    assert!(long.is_empty(), "more than {MOST_LINES} lines: {long:#?}");
}

/// The files of the program, as paths below [`src`].
pub fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    find(&src(), &mut files);
    files.iter().map(|file| file.strip_prefix(src()).unwrap().to_owned()).collect()
}

/// The folder of the program.
pub fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
