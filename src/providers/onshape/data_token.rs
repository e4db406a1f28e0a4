//! The secret that a registration had put into `data`, and that Onshape echoes in each body.

use crate::providers::json;
use bytes::Bytes;
use memchr::memmem;

/// The body without the token in its `data`, if that is one. The text `"***"` stands wherever the
/// token stood as a string of its own; all other bytes stay as they are.
pub fn taken_out(body: &Bytes, is_token: impl Fn(&[u8]) -> bool) -> Option<Bytes> {
    let tree = json::parse(json::without_mark(body)).ok()?;
    let data = tree.object()?.get("data")?;
    is_token(data.text()?.as_bytes()).then_some(())?;

    let quoted = data.raw().as_bytes();
    let mut hidden = Vec::with_capacity(body.len());
    let mut copied = 0;
    for at in memmem::find_iter(body, quoted) {
        hidden.extend_from_slice(&body[copied..at]);
        hidden.extend_from_slice(br#""***""#);
        copied = at + quoted.len();
    }
    hidden.extend_from_slice(&body[copied..]);
    Some(hidden.into())
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
    fn a_body_without_the_token_proves_nothing() {
        for body in
            ["", "7", "{}", r#"{"data":7}"#, r#"{"data":"s3"}"#, r#"{"x":{"data":"s3\"cret"}}"#]
        {
            check(body, None);
        }
    }
}
