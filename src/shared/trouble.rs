//! The reasons why the shared window does not answer.

/// A reason, in a word or two.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// There is no connection.
    Away,
    /// The connection broke, or could not be made.
    Transport,
    /// Redis did not answer in time.
    Timeout,
    /// The user or the password is wrong.
    Authentication,
    /// The user lacks a permission that the relay needs.
    Authorization,
    /// Redis takes no writes: it is a replica, or one that cannot save.
    ReadOnly,
    /// Redis is loading its data after a start.
    Loading,
    /// Its memory is full.
    Full,
    /// The sentinels know no master of this name.
    NoMaster,
    /// The client cannot be made with these settings.
    Settings,
    /// Redis refused the call.
    Refused,
}

impl Trouble {
    /// The reason as operators read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Away => "away",
            Self::Transport => "no connection",
            Self::Timeout => "no answer in time",
            Self::Authentication => "user or password refused",
            Self::Authorization => "the user may not run scripts on our keys",
            Self::ReadOnly => "it takes no writes",
            Self::Loading => "it is reading its data",
            Self::Full => "its memory is full",
            Self::NoMaster => "the sentinels know no such master",
            Self::Settings => "these settings make no client",
            Self::Refused => "it refuses the call",
        }
    }
}
