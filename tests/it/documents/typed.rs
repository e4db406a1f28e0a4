//! Every command, key and link in the documents exists.

use cadrelay::cli::Cli;
use clap::CommandFactory as _;
use clap::error::ErrorKind;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use support::tools::project;

/// The documents that people read, by their path in the repository.
fn documents() -> BTreeMap<PathBuf, String> {
    let top =
        ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md"].map(PathBuf::from);
    let docs = std::fs::read_dir(project().join("docs")).expect("docs/");
    let docs = docs.map(|entry| Path::new("docs").join(entry.expect("an entry").file_name()));
    let pages = docs.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    top.into_iter()
        .chain(pages)
        .map(|path| {
            let text = std::fs::read_to_string(project().join(&path)).expect("a document");
            (path, text)
        })
        .collect()
}

/// The code of a document: whole lines of its blocks, and what stands in a sentence.
#[derive(Default)]
struct Code {
    lines: Vec<String>,
    inline: Vec<String>,
}

impl Code {
    fn of(document: &str) -> Self {
        let spans = pattern("`([^`]+)`");
        let mut code = Self::default();
        // Blocks alternate with prose.
        for (at, part) in document.split("```").enumerate() {
            if at % 2 == 1 {
                let whole = part.replace("\\\n", " ");
                code.lines.extend(whole.lines().skip(1).map(|line| line.trim().to_owned()));
            } else {
                // A span may go on in the next line.
                let prose = part.replace('\n', " ");
                code.inline.extend(spans.captures_iter(&prose).map(|found| found[1].to_owned()));
            }
        }
        code
    }
}

/// The words of a line as a shell reads them, up to a comment, a pipe or the next command.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut is_word) = (String::new(), None, false);
    for letter in line.chars() {
        match (quote, letter) {
            (Some(mark), letter) if letter == mark => quote = None,
            (None, '\'' | '"') => (quote, is_word) = (Some(letter), true),
            (None, '#') if !is_word => break,
            (None, '|') if !is_word => break,
            (None, '>' | '<' | ';' | '&') => break,
            (None, ' ') => {
                if is_word {
                    words.push(std::mem::take(&mut word));
                }
                is_word = false;
            }
            (_, letter) => {
                word.push(letter);
                is_word = true;
            }
        }
    }
    if is_word {
        words.push(word);
    }
    words
}

/// The commands that a text stands for: `list|get` is two, and a placeholder is some value.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let mut before = String::new();
    for word in words(text) {
        let choices: Vec<String> = match (word.as_str(), before.as_str()) {
            ("…", "--provider") => vec!["onshape".into()],
            ("…", flag) if flag.starts_with("--") => vec!["x".into()],
            ("…", _) => continue,
            ("N", _) => vec!["1".into()],
            ("COMMAND", _) => vec!["check".into()],
            (word, _) => word.split(['|', '/']).map(str::to_owned).collect(),
        };
        // A path or an address has slashes of its own.
        let is_address = word.starts_with('/') || word.contains("://");
        let is_choice = before != "--config" && !is_address && choices.len() > 1;
        let choices = if is_choice || choices.len() == 1 { choices } else { vec![word.clone()] };
        let longer = |command: &Vec<String>| {
            let command = command.clone();
            choices.clone().into_iter().map(move |word| [command.clone(), vec![word]].concat())
        };
        all = all.iter().flat_map(longer).collect();
        before = word;
    }
    all
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

fn parse(command: &[String]) -> Result<(), clap::Error> {
    Cli::command().try_get_matches_from(command).map(|_| ())
}

#[test]
fn every_command_in_the_documents_is_one_that_the_program_takes() {
    let mut wrong = Vec::new();
    let mut seen = 0;

    for (path, document) in documents() {
        let code = Code::of(&document);
        let whole = code.lines.iter().map(|line| (line, true));
        let named = code.inline.iter().map(|text| (text, false));
        for (text, is_whole) in whole.chain(named).filter(|(text, _)| text.starts_with("cadrelay "))
        {
            for command in commands(text) {
                seen += 1;
                let Err(error) = parse(&command) else { continue };
                let is_incomplete = matches!(
                    error.kind(),
                    ErrorKind::MissingRequiredArgument
                        | ErrorKind::MissingSubcommand
                        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                );
                let is_help =
                    matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
                // A sentence may name a command without all that it needs.
                if !is_help && (is_whole || !is_incomplete) {
                    let why = error.to_string();
                    let why = why.lines().next().unwrap_or_default();
                    wrong.push(format!("{}: {text}: {why}", path.display()));
                }
            }
        }
    }

    assert!(seen > 50, "only {seen} commands were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_flag_in_the_documents_is_one_of_the_program() {
    fn flags(command: &clap::Command, known: &mut BTreeSet<String>) {
        let longs = command.get_arguments().filter_map(|argument| argument.get_long());
        known.extend(longs.map(|long| format!("--{long}")));
        command.get_subcommands().for_each(|inner| flags(inner, known));
    }
    let mut known = BTreeSet::from(OTHERS.map(str::to_owned));
    flags(&Cli::command(), &mut known);
    let flag = pattern(r"^(--[a-z][a-z-]*)");

    for (path, document) in documents() {
        for text in Code::of(&document).inline {
            if let Some(found) = flag.captures(&text) {
                assert!(known.contains(&found[1]), "{}: {text}", path.display());
            }
        }
    }
}

#[test]
fn every_configuration_key_in_the_documents_is_in_the_table_of_keys() {
    // The table itself is compared with the program by `relay::configuration`.
    let rows = pattern(r"(?m)^\| `([a-z_.]+)` \|");
    let documents = documents();
    let table = &documents[Path::new("docs/CONFIGURATION.md")];
    let known: BTreeSet<&str> =
        rows.captures_iter(table).map(|row| row.get(1).expect("a key").as_str()).collect();
    let key =
        pattern(r"^((?:http|admin|kafka|spool|dedup|keeper|sources|telemetry)\.[a-z_]+)( =.*)?$");

    for (path, document) in &documents {
        for text in Code::of(document).inline {
            let Some(found) = key.captures(&text) else { continue };
            let name = &found[1];
            assert!(known.contains(name) || name == "spool.state", "{}: {text}", path.display());
        }
    }
}

#[test]
fn every_link_in_the_documents_leads_to_a_file_and_a_heading() {
    let documents = documents();
    let link = pattern(r"\]\(([^)\s]+)\)");

    for (path, document) in &documents {
        for found in link.captures_iter(document) {
            let target = &found[1];
            // The bench writes these pictures together with its figures.
            if target.contains("://") || target.starts_with("performance/") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let folder = path.parent().expect("a folder");
            let file = if file.is_empty() { path.clone() } else { folder.join(file) };
            let full = project().join(&file);
            assert!(full.exists(), "{}: {target}", path.display());
            if !heading.is_empty() {
                let text = std::fs::read_to_string(&full).expect("a page");
                assert!(anchors(&text).contains(heading), "{}: {target}", path.display());
            }
        }
    }
}

#[test]
fn every_section_that_deploy_refers_to_is_there() {
    let reference = pattern(r#"docs/([A-Z]+\.md), "([^"]+)""#);
    let mut seen = 0;
    let mut folders = vec![project().join("deploy")];

    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // A comment goes on in the next line.
            let text = std::fs::read_to_string(&path).unwrap_or_default().replace("\n#", "");
            for found in reference.captures_iter(&text) {
                seen += 1;
                let page = std::fs::read_to_string(project().join("docs").join(&found[1]));
                let headings = page.expect("the page that is referred to");
                let heading = format!("# {}\n", &found[2]);
                assert!(headings.contains(&heading), "{}: {}", path.display(), &found[0]);
            }
        }
    }

    assert!(seen > 0, "nothing was found");
}

/// The headings of a page as its links name them.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| -> String {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        let kept =
            text.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
    };
    headings.map(anchor).collect()
}

/// Flags of other programs that the documents name: the benches', those of examples/ and deploy/, certbot's.
const OTHERS: [&str; 11] = [
    "--binary",
    "--brokers",
    "--connections",
    "--database",
    "--deploy-hook",
    "--group",
    "--kafka",
    "--long",
    "--redeliveries",
    "--sync",
    "--topics",
];
