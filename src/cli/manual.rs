//! `cadrelay man`: a manual page for each command, generated from the descriptions of the command
//! line.
//!
//! # Promises
//! - There is a page for each command that `--help` shows, and no other, and a page has the same
//!   words as `--help`.

use crate::cli::Cli;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::io::{self, Write};
use std::path::PathBuf;

/// Write the manual: one page for each command, for `man`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The directory to write the pages to, such as /usr/local/share/man/man1; created if missing
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

impl Args {
    /// Writes the pages, and prints the names of their files.
    pub async fn run(self) -> Result<Exit, Failure> {
        let cannot = |error: io::Error| Failure::failed(format!("{}: {error}", self.dir.display()));
        std::fs::create_dir_all(&self.dir).map_err(cannot)?;
        let mut written = String::new();
        for page in pages().map_err(cannot)? {
            let file = self.dir.join(&page.file);
            std::fs::write(&file, page.text).map_err(cannot)?;
            written.push_str(&format!("{}\n", file.display()));
        }
        output::print(&written)?;
        Ok(Exit::Done)
    }
}

struct Page {
    file: String,
    text: Vec<u8>,
}

fn pages() -> io::Result<Vec<Page>> {
    // `help` has nothing that a page would not have.
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add(&command, &mut pages)?;
    Ok(pages)
}

/// The page of a command, then those of its subcommands.
fn add(command: &Command, pages: &mut Vec<Page>) -> io::Result<()> {
    let man = Man::new(command.clone()).manual("cadrelay");
    let mut text = Vec::new();
    man.render(&mut text)?;
    let is_whole_program = pages.is_empty();
    exit_status(&mut text)?;
    if is_whole_program {
        listed(&mut text, "ENVIRONMENT", ENVIRONMENT)?;
        listed(&mut text, "FILES", FILES)?;
    }
    see_also(command, &mut text)?;
    pages.push(Page { file: man.get_filename(), text });
    command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .try_for_each(|command| add(command, pages))
}

fn exit_status(out: &mut dyn Write) -> io::Result<()> {
    let rows = Exit::ALL.map(|exit| ((exit as u8).to_string(), exit.meaning()));
    let rows: Vec<_> = rows.iter().map(|(number, meaning)| (number.as_str(), *meaning)).collect();
    listed(out, "EXIT STATUS", &rows)
}

/// A section of terms, each with a sentence.
fn listed(out: &mut dyn Write, title: &str, rows: &[(&str, &str)]) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    for (term, meaning) in rows {
        roff.control("TP", []).text([bold(*term)]).text([roman(*meaning)]);
    }
    roff.to_writer(out)
}

/// The page of the parent command, and further reading.
fn see_also(command: &Command, out: &mut dyn Write) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    match name.rsplit_once('-') {
        Some((above, _)) => roff.text([bold(above), roman("(1)")]),
        None => roff.text([bold("systemctl"), roman("(1), "), bold("journalctl"), roman("(1)")]),
    };
    roff.to_writer(out)
}

const ENVIRONMENT: &[(&str, &str)] = &[
    ("CADRELAY_CONFIG", "The configuration file, where --config does not name one."),
    (
        "CADRELAY__SECTION__KEY",
        "A setting over that of the file: CADRELAY__KAFKA__BROKERS is kafka.brokers.",
    ),
    (
        "ONSHAPE_ACCESS_KEY, ONSHAPE_SECRET_KEY, ONSHAPE_BASE_URL",
        "The credentials and the address of Onshape, for the webhook commands and the keeper.",
    ),
    (
        "APS_CLIENT_ID, APS_CLIENT_SECRET, APS_BASE_URL, APS_REGION",
        "The credentials, the address and the region of APS, for the same.",
    ),
    ("NO_COLOR", "No colours, if it is set to anything."),
    ("RUST_LOG", "Which log lines are written, where the usual ones are too few or too many."),
];

const FILES: &[(&str, &str)] = &[
    ("./cadrelay.toml, /etc/cadrelay/cadrelay.toml", "The configuration; the first that exists."),
    (
        "/var/lib/cadrelay",
        "The spool of the packaged service: records that Kafka does not have yet. Never remove it.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_help_shows_has_a_page_named_for_it() {
        let files: Vec<_> = pages().unwrap().into_iter().map(|page| page.file).collect();

        for file in ["cadrelay.1", "cadrelay-serve.1", "cadrelay-webhook-secret-set.1"] {
            assert!(files.iter().any(|page| page == file), "{file} in {files:?}");
        }
        assert!(!files.iter().any(|file| file.contains("help")), "{files:?}");
    }
}
