//! A value of the sender, as posted.

use std::borrow::Cow;

/// JSON text that is a part of a body, byte for byte.
///
/// Whoever makes one knows that it is JSON: it is not looked at again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Json<'b>(Cow<'b, str>);

impl<'b> Json<'b> {
    /// Takes a text that is JSON.
    pub fn known(text: impl Into<Cow<'b, str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
