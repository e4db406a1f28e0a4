//! What keeps the shared window from answering.

/// A reason, in a word or two.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// There is no connection.
    Away,
    /// The connection broke, or could not be made.
    Transport,
    /// It did not answer in time.
    Timeout,
    /// User or password are wrong.
    Authentication,
    /// The user may not do what we need.
    Authorization,
    /// It takes no writes: a replica, or one that cannot save.
    ReadOnly,
    /// It reads its data after a start.
    Loading,
    /// Its memory is full.
    Full,
    /// The sentinels know no master of this name.
    NoMaster,
    /// The client cannot be made with these settings.
    Settings,
    /// It refused the call.
    Refused,
}

impl Trouble {
    /// The reason as people read it.
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
