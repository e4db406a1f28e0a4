//! A notification without the secrets.

use crate::hostile::source;
use bytes::Bytes;
use cadrelay::providers::notification::{Headers, Notification};
use cadrelay::providers::source::Source;
use jiff::Timestamp;
use std::sync::LazyLock;

static SOURCES: LazyLock<[Source; 4]> = LazyLock::new(|| {
    [
        r#"{"name":"o","provider":"onshape","proof":{"hmac":"0123456789abcdef"}}"#,
        r#"{"name":"a","provider":"aps","proof":{"hmac":"0123456789abcdef"}}"#,
        r#"{"name":"b","provider":"aps","proof":{"basic":{"username":"u","password":"0123456789abcdef"}}}"#,
        r#"{"name":"d","provider":"onshape","proof":{"data_token":"0123456789abcdef"}}"#,
    ]
    .map(source)
});

/// No signature is believed without the key, and no secret is shown.
///
/// The text is a query, then a header a line (its name is one of those that are kept, by number),
/// then an empty line and the body.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let query = lines.next().unwrap_or_default();
    let headers: Vec<_> = lines
        .filter_map(|line| {
            let (number, value) = line.split_at_checked(1)?;
            let number: usize = number.parse().ok()?;
            Some((*Headers::KEPT.get(number)?, value))
        })
        .collect();
    for source in SOURCES.iter() {
        let notification = Notification {
            body: Bytes::copy_from_slice(body.as_bytes()),
            headers: Headers::new(headers.iter().copied()),
            query,
        };
        if let Ok(proven) = source.prove(notification, Timestamp::UNIX_EPOCH) {
            // A fuzzer may guess a token from the comparisons, but not a signature.
            assert!(!["o", "a"].contains(&source.name()));
            assert!(!format!("{proven:?}").contains("0123456789abcdef"));
        }
    }
}
