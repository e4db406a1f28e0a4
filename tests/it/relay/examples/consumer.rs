//! A running consumer of examples/, in any language.

use super::{id_of, published::Published};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use support::process::{launch, signal};
use support::tools::{program, project, python, tool};
use support::waiting::eventually;

#[derive(Clone, Copy, Debug)]
pub enum Language {
    Python,
    Rust,
    Java,
    Go,
    Node,
}

impl Language {
    fn command(self) -> Command {
        match self {
            Self::Python => {
                let mut command = python();
                command.arg(project().join("examples/consumer.py"));
                command
            }
            Self::Rust => Command::new(rust_example()),
            Self::Java => {
                let mut command = Command::new("java");
                // It lives for seconds; the better compiler would not pay for itself.
                command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-jar"]);
                command.arg(built("java").join("target/consumer.jar"));
                command
            }
            Self::Go => Command::new(built("go").join("consumer")),
            Self::Node => {
                let folder = built("node");
                let mut command = Command::new(folder.join("bin/node"));
                command.arg(folder.join("consumer.js"));
                command
            }
        }
    }
}

/// A consumer in a process of its own. It ends with this value.
pub struct Consumer {
    process: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Consumer {
    /// Starts it on all topics, as a member of `group`, with the database `memory`.
    pub fn start(language: Language, published: &Published, group: &str, memory: &str) -> Self {
        let file = |end: &str| published.dir().join(format!("{group}-{memory}.{end}"));
        let (stdout, stderr) = (file("out"), file("err"));
        let mut command = language.command();
        command
            .args(["--brokers", &published.brokers(), "--topics", &published.pattern()])
            .args(["--group", &format!("{}{group}", published.prefix())])
            .arg("--database")
            .arg(published.dir().join(format!("{memory}.db")))
            .stdout(File::create(&stdout).expect("a file"))
            .stderr(File::create(&stderr).expect("a file"));
        Self { process: launch(command).expect("it starts"), stdout, stderr }
    }

    /// Waits until it has told of these ids, stops it as a service manager does, and gives all its lines.
    pub async fn tells_of(mut self, ids: &[String]) -> Vec<String> {
        eventually("the consumer tells of all", async || {
            if let Some(status) = self.process.try_wait().expect("a child of ours can be asked") {
                panic!("the consumer ended: {status}\n{}", self.errors());
            }
            let lines = self.lines();
            let told: BTreeSet<_> = lines.iter().map(|line| id_of(line)).collect();
            let all = ids.iter().all(|id| told.contains(id.as_str()));
            (all && lines.len() >= ids.len()).then_some(())
        })
        .await;
        signal(self.process.id(), libc::SIGTERM);
        let status = eventually("the consumer ends", async || {
            self.process.try_wait().expect("a child of ours can be asked")
        })
        .await;
        // Java ends so at SIGTERM, whatever its hooks do.
        let well = [Some(0), Some(128 + libc::SIGTERM)];
        assert!(well.contains(&status.code()), "{status}\n{}", self.errors());
        self.lines()
    }

    /// The whole lines that it has printed.
    fn lines(&self) -> Vec<String> {
        let told = fs::read_to_string(&self.stdout).expect("what it told");
        let whole = told.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(str::to_owned).collect()
    }

    fn errors(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap_or_default()
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // There is nobody to tell if it fails.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The example beside the program under test, as it is now. `cargo test` builds it with all tests, but
/// not with some.
fn rust_example() -> PathBuf {
    let built = program().with_file_name("examples").join("consumer");
    let source = project().join("examples/consumer.rs");
    let time = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    assert!(time(&built) >= time(&source), "run cargo build --examples, or tests/run");
    built
}

/// The folder of a consumer that was built from the current sources.
fn built(language: &str) -> PathBuf {
    let folder = tool("CADRELAY_EXAMPLES", ".cache/examples", "tests/tools/examples");
    let sources = |root: &Path| files(&root.join(language));
    assert!(
        sources(&folder.join("sources")) == sources(&project().join("examples")),
        "run tests/tools/examples, or tests/run"
    );
    folder.join(language)
}

/// Names and contents of the files below a folder.
fn files(folder: &Path) -> BTreeSet<(String, Vec<u8>)> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            let inner = files(&entry.path());
            found
                .extend(inner.into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else {
            found.insert((name, fs::read(entry.path()).expect("a file of ours")));
        }
    }
    found
}
