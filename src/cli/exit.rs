//! The end of a command: a number for scripts and a message for people.

use crate::kafka::outcome::Trouble;
use crate::webhooks::error::Error;
use std::process::ExitCode;

/// The number that a command ends with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// The command did what was asked.
    Done = 0,
    /// The requested result was not reached.
    Failed = 1,
    /// The command or the configuration is wrong. Nothing was sent.
    Usage = 2,
    /// Credentials are missing or refused.
    Credentials = 3,
    /// The requested thing does not exist.
    NotFound = 4,
    /// The remote side gave another answer, or none.
    Remote = 5,
}

impl Exit {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Done, Self::Failed, Self::Usage, Self::Credentials, Self::NotFound, Self::Remote];

    /// The sentence in the manual.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "The command succeeded.",
            Self::Failed => "The requested result was not reached.",
            Self::Usage => "The command or the configuration is wrong. Nothing was sent.",
            Self::Credentials => "Credentials are missing or refused.",
            Self::NotFound => "The requested thing does not exist.",
            Self::Remote => "The remote side gave another answer, or none.",
        }
    }

    /// The first of two exits that is not [`Exit::Done`].
    pub fn or(self, next: Self) -> Self {
        if self == Self::Done { next } else { self }
    }
}

/// The failure that ended a command early.
#[derive(Debug)]
pub struct Failure {
    /// The exit.
    pub exit: Exit,
    /// The message for people, complete and without secrets.
    pub message: String,
}

impl Failure {
    /// The failure for a wrong command or configuration.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }

    /// The failure for a result that was not reached.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into() }
    }

    /// Puts words before the message.
    pub fn context(self, words: impl std::fmt::Display) -> Self {
        Self { message: format!("{words}: {}", self.message), ..self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error {
            Error::MissingCredentials { .. } | Error::Refused { .. } => Self::Credentials,
            Error::Unusable(_) => Self::Usage,
            Error::NotFound { .. } => Self::NotFound,
            Error::Cancelled { .. } => Self::Failed,
            Error::OldRemains(cause) | Error::Unconfirmed { error: cause, .. } => {
                Self::from(cause.as_ref())
            }
            Error::Answered { .. } | Error::Unreadable { .. } | Error::Unreachable { .. } => {
                Self::Remote
            }
        }
    }
}

impl From<Trouble> for Exit {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Authentication | Trouble::Authorization => Self::Credentials,
            Trouble::Transport
            | Trouble::Timeout
            | Trouble::UnknownTopic
            | Trouble::NotEnoughReplicas
            | Trouble::Fenced
            | Trouble::Fatal
            | Trouble::Quota
            | Trouble::TooLarge
            | Trouble::Invalid => Self::Remote,
        }
    }
}

impl From<std::io::Error> for Failure {
    /// The reader of a pipe may stop when it has enough, as `head` does: that is no failure.
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self { exit: Exit::Done, message: String::new() },
            _ => Self::failed(error.to_string()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { exit: Exit::from(&error), message: error.to_string() }
    }
}
