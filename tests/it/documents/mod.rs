//! The tests, commands, keys and links that the documents name exist.

mod claims;
mod log;
mod typed;

use std::fs;
use std::path::Path;

/// Shows the text of each file of Rust in a folder and below it.
fn each_file_of_rust(folder: &Path, show: &mut impl FnMut(&str)) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            each_file_of_rust(&path, show);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            show(&fs::read_to_string(&path).expect("a file of Rust"));
        }
    }
}
