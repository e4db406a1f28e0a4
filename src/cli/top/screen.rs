//! The terminal: draws the view whenever it changes, and reads keys.

use crate::cli::exit::Failure;
use crate::cli::relay::Running;
use crate::cli::signals;
use crate::cli::top::EVERY;
use crate::cli::top::answers::Answers;
use crate::cli::top::appearance::Appearance;
use crate::cli::top::draw::draw;
use crate::cli::top::view::View;
use jiff::Timestamp;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

/// Watches until a key or a signal ends it.
pub async fn watch(
    running: Running,
    mut view: View,
    appearance: Appearance,
) -> Result<(), Failure> {
    let shutdown = signals::shutdown()?;
    let mut terminal = ratatui::try_init()?;
    let (said, mut keys) = mpsc::channel(KEYS);
    let keyboard = std::thread::Builder::new().name("keys".to_owned()).spawn(move || listen(&said));
    let ended = match &keyboard {
        Ok(_) => {
            tokio::select! {
                ended = follow(&running, &mut view, &appearance, &mut terminal, &mut keys) => ended,
                () = shutdown => Ok(()),
            }
        }
        Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
    };
    // The keyboard's thread ends when its receiver is gone.
    drop(keys);
    if let Ok(keyboard) = keyboard {
        drop(keyboard.join());
    }
    ratatui::try_restore()?;
    Ok(ended?)
}

/// Asks and draws until q is pressed.
async fn follow(
    running: &Running,
    view: &mut View,
    appearance: &Appearance,
    terminal: &mut DefaultTerminal,
    keys: &mut mpsc::Receiver<Key>,
) -> io::Result<()> {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // A slow relay delays no key.
        let mut asked = std::pin::pin!(async {
            ticks.tick().await;
            tokio::time::timeout(PATIENCE, Answers::of(running)).await
        });
        let asked = loop {
            show(view, appearance, terminal)?;
            tokio::select! {
                asked = &mut asked, if !view.paused => break asked,
                key = keys.recv() => match key {
                    Some(Key::Pause) => view.paused = !view.paused,
                    Some(Key::Explain) => view.explains = !view.explains,
                    Some(Key::Resized) => {}
                    Some(Key::End) | None => return Ok(()),
                },
            }
        };
        let now = Timestamp::now();
        match asked {
            Ok(Ok(answers)) => view.add(answers, now),
            Ok(Err(failure)) => view.miss(failure.message, now),
            Err(_) => view.miss("The relay does not answer in time".to_owned(), now),
        }
    }
}

fn show(view: &View, appearance: &Appearance, terminal: &mut DefaultTerminal) -> io::Result<()> {
    terminal.draw(|frame| draw(view, appearance, frame.area(), frame.buffer_mut())).map(drop)
}

/// A key, or another event of the terminal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Key {
    End,
    Pause,
    Explain,
    /// The terminal was resized.
    Resized,
}

impl Key {
    fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Resize(..) => Some(Self::Resized),
            Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press, .. }) => match code {
                KeyCode::Char('c') if modifiers.contains(KeyModifiers::CONTROL) => Some(Self::End),
                KeyCode::Char('q') | KeyCode::Esc => Some(Self::End),
                KeyCode::Char('p') => Some(Self::Pause),
                KeyCode::Char('?') => Some(Self::Explain),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Sends each key, until the receiver is gone.
fn listen(said: &mpsc::Sender<Key>) {
    while !said.is_closed() {
        match event::poll(GLANCE) {
            Ok(false) => {}
            Ok(true) => {
                let Ok(event) = event::read() else { return };
                if let Some(key) = Key::of(&event)
                    && said.blocking_send(key).is_err()
                {
                    return;
                }
            }
            // The terminal is gone.
            Err(_) => return,
        }
    }
}

/// A relay answers in milliseconds; on a busy machine it may take longer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The time that the end may wait for the keyboard's thread.
const GLANCE: Duration = Duration::from_millis(100);
/// More keys than anybody presses at once; further keys wait in the terminal.
const KEYS: usize = 16;
