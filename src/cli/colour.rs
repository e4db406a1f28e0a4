//! Colours: on a terminal, unless somebody wants none.

use std::io::IsTerminal;

/// Whether a terminal may get colours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Colour {
    /// It may.
    Allowed,
    /// It may not: `--no-color`, `NO_COLOR` (no-color.org), or a terminal that has none.
    Never,
}

impl Colour {
    /// What the flag says, and what the environment says.
    pub fn asked(no_color: bool) -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        if no_color || is_set("NO_COLOR") || is_dumb { Self::Never } else { Self::Allowed }
    }

    /// Whether this stream gets colours.
    pub fn suits(self, stream: &impl IsTerminal) -> bool {
        self == Self::Allowed && stream.is_terminal()
    }
}
