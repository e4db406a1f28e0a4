//! `cadrelay top`: the console's first screen in a terminal.
//!
//! # Promises
//! - It shows the answers of the admin listener and asks for nothing else; it changes nothing.
//! - Texts of a sender are escaped before they reach the terminal.
//! - The terminal is restored, however the command ends.
//!
//! Without a terminal, or with `--once`, it prints one frame.

mod answers;
mod appearance;
mod draw;
mod format;
mod screen;
mod tables;
#[cfg(test)]
mod tests;
mod view;

use crate::cli::colour::Colour;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output;
use crate::cli::relay::{Running, Which};
use crate::cli::top::answers::Answers;
use crate::cli::top::appearance::Appearance;
use crate::cli::top::draw::draw;
use crate::cli::top::view::View;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::io::{self, IsTerminal};
use std::time::Duration;

/// Watch a running relay: its sources, its waiting records, Kafka, and the last decisions
///
/// Keys: q ends, p pauses, ? explains. The token is that of admin.token in the configuration, or of
/// CADRELAY__ADMIN__TOKEN.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Print one frame and end, as without a terminal
    #[arg(long)]
    once: bool,
}

impl Args {
    /// Watches until q is pressed.
    pub async fn run(self, colour: Colour) -> Result<Exit, Failure> {
        let running = self.which.running(&self.which.config()?)?;
        let mut view = View::default();
        // The first answer decides whether there is a relay to watch.
        view.add(Answers::of(&running).await?, Timestamp::now());
        let stdout = io::stdout();
        let appearance = Appearance { colours: colour.suits(&stdout), zone: TimeZone::system() };
        if self.once || !stdout.is_terminal() || !io::stdin().is_terminal() {
            once(&running, view, appearance).await?;
        } else {
            screen::watch(running, view, appearance).await?;
        }
        Ok(Exit::Done)
    }
}

/// Prints one frame. It asks twice, because a rate needs two answers.
async fn once(running: &Running, mut view: View, appearance: Appearance) -> Result<(), Failure> {
    tokio::time::sleep(EVERY).await;
    view.add(Answers::of(running).await?, Timestamp::now());
    // The size is known only if stdout is a terminal.
    let size = io::stdout().is_terminal().then(ratatui::crossterm::terminal::size);
    let width = size.and_then(Result::ok).map_or(WIDTH, |(width, _)| width);
    let mut buffer = Buffer::empty(Rect::new(0, 0, width.max(NARROWEST), HEIGHT));
    // Plain text: a printed frame is often kept or sent.
    let appearance = Appearance { colours: false, ..appearance };
    draw(&view, &appearance, buffer.area, &mut buffer);
    output::print(&text_of(&buffer))?;
    Ok(())
}

/// The lines of a frame without trailing blanks.
fn text_of(frame: &Buffer) -> String {
    let width = usize::from(frame.area.width);
    let lines: Vec<String> = frame
        .content
        .chunks(width)
        .map(|cells| cells.iter().map(|cell| cell.symbol()).collect::<String>())
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n").trim_end().to_owned()
}

/// The interval between two requests.
const EVERY: Duration = Duration::from_secs(1);
/// The width without a terminal.
const WIDTH: u16 = 100;
/// On a narrower terminal nothing can be read.
const NARROWEST: u16 = 40;
/// Enough lines for a screenful of decisions.
const HEIGHT: u16 = 48;
