//! A value of the sender, as posted.

use std::borrow::Cow;

/// JSON text that is a part of a body, byte for byte.
///
/// Its maker vouches for the text being JSON: it is not checked again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Json<'b>(Cow<'b, str>);

impl<'b> Json<'b> {
    /// Takes a text that is known to be JSON.
    pub fn known(text: impl Into<Cow<'b, str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
