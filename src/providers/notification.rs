//! A notification as posted, before anything of it is believed.

use crate::event::traceparent;
use bytes::Bytes;

/// A posted request: the exact bytes, and the parts of the request that a proof may need. Unproven.
#[derive(Clone, Debug)]
pub struct Notification<'r> {
    /// The body as it arrived.
    pub body: Bytes,
    /// The headers that a provider may look at.
    pub headers: Headers<'r>,
    /// The query of the URL, without the question mark.
    pub query: &'r str,
}

impl<'r> Notification<'r> {
    /// The trace that the request belongs to, if its `traceparent` is valid.
    pub fn traceparent(&self) -> Option<&'r str> {
        self.headers.get("traceparent").filter(|text| traceparent::is_valid(text))
    }
}

/// The request headers that a provider may need, by lower-case name.
///
/// A name can occur more than once; such a header then proves nothing (see [`Headers::get`]).
#[derive(Clone, Debug, Default)]
pub struct Headers<'r>([Header<'r>; Headers::KEPT.len()]);

/// A header, and whether it occurred once.
#[derive(Clone, Copy, Debug, Default)]
enum Header<'r> {
    #[default]
    Absent,
    Once(&'r str),
    Repeated,
}

impl<'r> Headers<'r> {
    /// The names that are kept; no other header reaches the providers.
    pub const KEPT: [&'static str; 8] = [
        "authorization",
        "traceparent",
        "x-adsk-delivery-id",
        "x-adsk-signature",
        "x-aps-signature",
        "x-onshape-webhook-signature-primary",
        "x-onshape-webhook-signature-secondary",
        "x-onshape-webhook-timestamp",
    ];

    /// Keeps the headers in [`Headers::KEPT`]. Names must be in lower case.
    pub fn new(pairs: impl Iterator<Item = (&'r str, &'r str)>) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            let Some(at) = Self::place(name) else { continue };
            headers.0[at] = match headers.0[at] {
                Header::Absent => Header::Once(value),
                Header::Once(_) | Header::Repeated => Header::Repeated,
            };
        }
        headers
    }

    /// The value of a header that occurs exactly once.
    pub fn get(&self, name: &str) -> Option<&'r str> {
        match self.0[Self::place(name)?] {
            Header::Once(value) => Some(value),
            Header::Absent | Header::Repeated => None,
        }
    }

    fn place(name: &str) -> Option<usize> {
        Self::KEPT.iter().position(|kept| *kept == name)
    }
}
