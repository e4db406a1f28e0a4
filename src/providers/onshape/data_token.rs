//! The secret that a registration put into `data`, and that Onshape echoes in each body.

use crate::json;
use crate::json::text::Text;
use bytes::Bytes;
use memchr::{memchr, memchr2};

/// Removes the token from a body, if its `data` is one. The text `"***"` replaces the token
/// wherever it stands as a string of its own, in any spelling; all other bytes stay unchanged.
/// `None` if `data` is no token.
pub fn taken_out(body: &Bytes, is_token: impl Fn(&[u8]) -> bool) -> Option<Bytes> {
    let tree = json::parse(json::without_mark(body)).ok()?;
    let token = tree.object()?.get("data")?.text()?;
    is_token(token.as_bytes()).then_some(())?;

    let mut hidden = Vec::with_capacity(body.len());
    let mut rest = &body[..];
    // Not by the tree: it does not have the keys as posted, and of repeated keys only the last.
    while let Some(start) = memchr(b'"', rest) {
        let (before, string) = rest.split_at(start);
        hidden.extend_from_slice(before);
        let (string, after) = string.split_at(length(string));
        let inside = str::from_utf8(&string[1..string.len() - 1]).expect("JSON is text");
        if Text::with_escapes(inside).decode().as_deref() == Some(&*token) {
            hidden.extend_from_slice(br#""***""#);
        } else {
            hidden.extend_from_slice(string);
        }
        rest = after;
    }
    hidden.extend_from_slice(rest);
    Some(hidden.into())
}

/// The length of the JSON string at the start, with its quotes.
fn length(text: &[u8]) -> usize {
    let mut end = 1;
    loop {
        end += memchr2(b'"', b'\\', &text[end..]).expect("a JSON string ends");
        if text[end] == b'"' {
            return end + 1;
        }
        end += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: Option<&str>) {
        let hidden =
            taken_out(&Bytes::copy_from_slice(body.as_bytes()), |data| data == b"s3\"cret");

        assert_eq!(hidden.as_deref(), expected.map(str::as_bytes), "{body}");
    }

    #[test]
    fn the_token_is_gone_and_every_other_byte_is_as_posted() {
        check(
            "\u{feff}{ \"a\" : 1.0,\"data\":\"s3\\\"cret\", \"b\":[\"s3\\\"cret\"] }\n",
            Some("\u{feff}{ \"a\" : 1.0,\"data\":\"***\", \"b\":[\"***\"] }\n"),
        );
    }

    #[test]
    fn only_the_last_data_counts_and_no_copy_of_it_stays() {
        check(r#"{"data":"x","data":"s3\"cret"}"#, Some(r#"{"data":"x","data":"***"}"#));
        check(r#"{"data":"s3\"cret","data":"s3\"cret"}"#, Some(r#"{"data":"***","data":"***"}"#));
        check(r#"{"data":"s3\"cret","data":"x"}"#, None);
    }

    #[test]
    fn the_token_is_gone_however_it_is_spelt() {
        check(
            r#"{"data":"s3\u0022cret","s3\"cret":"\u0073\u0033\"cret","x":"s3\"cret!"}"#,
            Some(r#"{"data":"***","***":"***","x":"s3\"cret!"}"#),
        );
        check(
            r#"{"data":"\u00733\"cret","data":"s3\"cret"}"#,
            Some(r#"{"data":"***","data":"***"}"#),
        );
    }

    #[test]
    fn a_body_without_the_token_proves_nothing() {
        for body in
            ["", "7", "{}", r#"{"data":7}"#, r#"{"data":"s3"}"#, r#"{"x":{"data":"s3\"cret"}}"#]
        {
            check(body, None);
        }
    }
}
