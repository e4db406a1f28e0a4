//! The programs of others that the tests run. `tests/run` fetches them and says where they are; a
//! test that lacks one fails.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A Python that has the packages of `tests/tools/requirements.txt`.
pub fn python() -> Command {
    Command::new(tool("CADRELAY_PYTHON", ".cache/venv/bin/python", "tests/tools/python"))
}

/// Prometheus's promtool.
pub fn promtool() -> Command {
    Command::new(tool("CADRELAY_PROMTOOL", ".cache/promtool/promtool", "tests/tools/promtool"))
}

/// Runs a program to its end and gives what it printed. Fails the test if it failed.
#[track_caller]
pub fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    assert!(
        status.success(),
        "{command:?}: {status}\n{}\n{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
    String::from_utf8(stdout).expect("it prints text")
}

/// The folder of the project.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a variable names, or the usual place.
pub fn tool(variable: &str, place: &str, fetched_by: &str) -> PathBuf {
    let path = std::env::var_os(variable).map_or_else(|| project().join(place), PathBuf::from);
    assert!(
        path.exists(),
        "these tests need {}, and it is not there: run {fetched_by}, or tests/run",
        path.display()
    );
    path
}
