//! The subject of an event, as Kafka needs it.

use std::borrow::Cow;

/// The thing that an event concerns. It becomes the Kafka key, so events of one subject stay in
/// order.
///
/// Never empty.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Subject<'b>(Cow<'b, str>);

/// The text was empty, so it names nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a subject cannot be empty")]
pub struct EmptySubject;

impl<'b> Subject<'b> {
    /// Takes the sender's name of a thing.
    pub fn parse(text: impl Into<Cow<'b, str>>) -> Result<Self, EmptySubject> {
        let text = text.into();
        if text.is_empty() { Err(EmptySubject) } else { Ok(Self(text)) }
    }

    /// The subject as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
