//! One text for each JSON value, independent of key order, white space and escapes (RFC 8785).
//!
//! Numbers differ from RFC 8785 where it would lose digits: it rounds to doubles, so that
//! 9007199254740993 and 9007199254740992 would be the same fact. A number that a double holds
//! exactly gets the text of RFC 8785; any other keeps its digits.

use crate::json::decimal::Decimal;
use crate::json::{Kind, Node, Object};

/// Appends the canonical text of a value.
pub fn write(value: &Node<'_>, out: &mut Vec<u8>) {
    match value.kind() {
        Kind::Null | Kind::Bool => out.extend_from_slice(value.raw().as_bytes()),
        Kind::Number => write_number(value.raw(), out),
        Kind::Text(text) => write_quoted(text.as_json(), out),
        Kind::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Kind::Object(object) => write_object(object, &[], out),
    }
}

/// Appends the canonical text of an object, as if the given keys were absent.
pub fn write_object(object: &Object<'_>, without: &[&str], out: &mut Vec<u8>) {
    let mut members: Vec<_> =
        object.iter().filter(|(key, _)| !without.contains(&key.as_json())).collect();
    if members.iter().all(|(key, _)| key.is_simple()) {
        members.sort_unstable_by(|(one, _), (other, _)| one.as_json().cmp(other.as_json()));
    } else {
        members.sort_by_cached_key(|(key, _)| key.utf16());
    }
    out.push(b'{');
    for (at, (key, value)) in members.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_quoted(key.as_json(), out);
        out.push(b':');
        write(value, out);
    }
    out.push(b'}');
}

fn write_quoted(inside: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(inside.as_bytes());
    out.push(b'"');
}

fn write_number(text: &str, out: &mut Vec<u8>) {
    if is_short_integer(text) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    Decimal::parse(text).write(out);
}

/// True for most numbers: few digits that are already their canonical form.
fn is_short_integer(text: &str) -> bool {
    text.len() <= 15 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;
    use proptest::prelude::*;
    use serde_json::Value;

    fn canonical(text: &str) -> String {
        let mut out = Vec::new();
        write(&parse(text.as_bytes()).unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(canonical(text), expected, "{text}");
    }

    #[test]
    fn keys_are_sorted_by_utf_16_at_each_level() {
        check(
            r#"{ "b" : [ {"z":1, "a":null} ], "a" : true }"#,
            r#"{"a":true,"b":[{"a":null,"z":1}]}"#,
        );
        // The example of RFC 8785, section 3.2.3.
        check(
            r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#,
            "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\u{fb33}\":3}",
        );
    }

    #[test]
    fn a_number_has_one_form_and_loses_nothing() {
        check("1.0", "1");
        check("1e2", "100");
        check("-0.0", "0");
        check("0.10", "0.1");
        check("1E-7", "1e-7");
        check("0.000001", "0.000001");
        check("1e21", "1e+21");
        check("123456789012345678901", "123456789012345678901");
        check("9007199254740993", "9007199254740993");
        check("-1.50e-400", "-1.5e-400");
        check("1e99999999999999999999", "1e+99999999999999999999");
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |it| it.is_finite()).prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec((".{0,5}", inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn what_doubles_hold_is_written_as_an_independent_implementation_writes_it(value in json()) {
            let expected = serde_json_canonicalizer::to_string(&value).unwrap();

            prop_assert_eq!(canonical(&value.to_string()), expected.clone());
            prop_assert_eq!(canonical(&serde_json::to_string_pretty(&value).unwrap()), expected);
        }
    }
}
