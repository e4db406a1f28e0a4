//! Colours: on a terminal, unless they are switched off.

use std::io::IsTerminal;

/// The permission to use colours on a terminal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Colour {
    /// Colours are allowed.
    Allowed,
    /// Colours are off: `--no-color`, `NO_COLOR` (no-color.org), or a terminal that has none.
    Never,
}

impl Colour {
    /// The permission according to the flag and the environment.
    pub fn asked(no_color: bool) -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        if no_color || is_set("NO_COLOR") || is_dumb { Self::Never } else { Self::Allowed }
    }

    /// True if this stream gets colours.
    pub fn suits(self, stream: &impl IsTerminal) -> bool {
        self == Self::Allowed && stream.is_terminal()
    }
}
