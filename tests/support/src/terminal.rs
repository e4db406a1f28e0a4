//! A pseudo-terminal that plays a person's: what a command does when somebody looks at it.

use super::process::launch;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A command at a terminal.
pub struct Terminal {
    child: Child,
    person: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    /// Starts a command at a terminal of 100 columns and 40 lines that can show colours.
    pub fn start(mut command: Command) -> Self {
        let (terminal, person) = pseudo_terminal();
        let end = || Stdio::from(terminal.try_clone().expect("a second handle"));
        command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm-256color");
        if command.get_envs().all(|(name, _)| name != "NO_COLOR") {
            command.env_remove("NO_COLOR");
        }
        let child = launch(command).expect("the command starts");
        let mut reader = File::from(person.try_clone().expect("a second handle"));
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal that nobody has open any more is an error to read.
            while let Ok(length @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, person: File::from(person), screen, shown: String::new() }
    }

    /// Waits until this is shown, escape codes and all. Fails the test if it never is.
    #[track_caller]
    pub fn until(&mut self, words: &str) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        while !self.shown.contains(words) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.screen.recv_timeout(left) {
                Ok(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("{words:?} does not come; there is: {:?}", self.shown),
            }
        }
        self
    }

    /// The text that was shown since the last key.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Presses keys. What was shown before is forgotten.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        self.shown.clear();
        self.person.write_all(keys.as_bytes()).expect("the terminal takes keys");
        self
    }

    /// The id of the command's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The exit code once it has ended, none for a signal, and the rest of what was shown.
    pub fn end(mut self) -> (Option<i32>, String) {
        let exit = self.child.wait().expect("a child of ours ends").code();
        drop(self.person);
        while let Ok(bytes) = self.screen.recv_timeout(REST) {
            self.shown.push_str(&String::from_utf8_lossy(&bytes));
        }
        (exit, self.shown)
    }
}

/// Both ends of a new pseudo-terminal: the command's and the person's.
fn pseudo_terminal() -> (OwnedFd, OwnedFd) {
    let (mut person, mut terminal) = (0, 0);
    let null = std::ptr::null_mut();
    let size = libc::winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: both places are valid for a descriptor, the size is read alone, and the other arguments
    // may be null.
    let opened = unsafe {
        libc::openpty(&mut person, &mut terminal, null, null.cast(), (&raw const size).cast_mut())
    };
    assert_eq!(opened, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: openpty has just made both, and nobody else owns them.
    let (terminal, person) =
        unsafe { (OwnedFd::from_raw_fd(terminal), OwnedFd::from_raw_fd(person)) };
    for end in [&terminal, &person] {
        // SAFETY: a bare system call on a descriptor of ours. A child that inherited the person's end
        // would keep the terminal open.
        let closed = unsafe { libc::fcntl(end.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
        assert_eq!(closed, 0, "{}", std::io::Error::last_os_error());
    }
    (terminal, person)
}

/// Nothing here takes seconds on a quiet machine; a test machine is seldom quiet.
const PATIENCE: Duration = Duration::from_secs(60);
/// The output of a command is complete when it has ended, but the thread that reads it may be late.
const REST: Duration = Duration::from_millis(200);
