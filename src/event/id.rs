//! The identity of an event.

/// The identity of a fact, shared by all its deliveries: the sender's message id, or `sha256:` and
/// 64 hex digits.
///
/// Never empty.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct EventId(String);

/// The text was empty, so it identifies nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an event id cannot be empty")]
pub struct EmptyId;

impl EventId {
    /// Takes an id as the sender wrote it.
    pub fn parse(text: impl Into<String>) -> Result<Self, EmptyId> {
        let text = text.into();
        if text.is_empty() { Err(EmptyId) } else { Ok(Self(text)) }
    }

    /// The id of content that carries none: `sha256:` and the digest in lower-case hex.
    pub fn of_content(content: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, content);
        let mut digits = [0; 64];
        hex::encode_to_slice(digest, &mut digits).expect("SHA-256 has 32 bytes");
        let mut text = String::with_capacity(CONTENT.len() + digits.len());
        text.push_str(CONTENT);
        text.extend(digits.map(char::from));
        Self(text)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The prefix of ids made from content.
const CONTENT: &str = "sha256:";
