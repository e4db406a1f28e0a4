//! Programs that the tests run, and folders that they use. `tests/run` fetches the programs of others
//! and says where they are; a test that lacks one fails.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

/// A Python that has the packages of `tests/tools/requirements.txt`.
pub fn python() -> Command {
    Command::new(tool("CADRELAY_PYTHON", ".cache/venv/bin/python", "tests/tools/python"))
}

/// Prometheus's promtool.
pub fn promtool() -> Command {
    Command::new(tool("CADRELAY_PROMTOOL", ".cache/promtool/promtool", "tests/tools/promtool"))
}

/// Prometheus itself.
pub fn prometheus() -> Command {
    Command::new(tool(
        "CADRELAY_PROMETHEUS",
        ".cache/promtool/prometheus",
        "tests/tools/prometheus",
    ))
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
    let support = Path::new(env!("CARGO_MANIFEST_DIR"));
    support.ancestors().nth(2).expect("this crate is tests/support of the project")
}

/// The program under test, as cargo built it for the running test or bench.
pub fn program() -> PathBuf {
    // Cargo names it to what it runs. Under a debugger or a profiler it is the neighbour.
    std::env::var_os("CARGO_BIN_EXE_cadrelay")
        .map_or_else(|| profile_folder().join("cadrelay"), PathBuf::from)
}

/// The folder in the target folder that is free for the tests' own use.
pub fn scratch() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = profile_folder().with_file_name("tmp");
        fs::create_dir_all(&folder).expect("the target folder is writable");
        folder
    })
}

/// `target/debug` of a test that runs as `target/debug/deps/it-…`.
fn profile_folder() -> PathBuf {
    let running = std::env::current_exe().expect("the system knows what runs");
    running.ancestors().nth(2).expect("cargo puts tests into deps").to_owned()
}

/// The tool that a variable names, or the one in the usual place.
pub fn tool(variable: &str, place: &str, fetched_by: &str) -> PathBuf {
    let path = std::env::var_os(variable).map_or_else(|| project().join(place), PathBuf::from);
    assert!(
        path.exists(),
        "these tests need {}, and it is not there: run {fetched_by}, or tests/run",
        path.display()
    );
    path
}
