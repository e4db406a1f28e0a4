//! Amounts in settings, written with a unit: `72h`, `1MiB`.
//!
//! A number without a unit is refused, because its meaning would be a guess.

use crate::veil;
use serde::de::{self, Deserialize, Deserializer};
use std::fmt;
use std::str::FromStr;

/// A span of time: a whole number and `ms`, `s`, `m`, `h` or `d`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Duration(pub std::time::Duration);

/// A number of bytes: a whole number and `B`, `KiB`, `MiB`, `GiB`, `TiB` or `kB`, `MB`, `GB`, `TB`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ByteSize(pub u64);

/// The text is not an amount that the setting accepts.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{} is not {accepted}", veil::value(text))]
pub struct Error {
    text: String,
    accepted: &'static str,
}

impl Duration {
    /// The same as a signed duration, for arithmetic with times.
    pub fn signed(self) -> jiff::SignedDuration {
        // The largest amount that can be written has far fewer seconds than an i64 holds.
        jiff::SignedDuration::try_from(self.0).unwrap_or(jiff::SignedDuration::MAX)
    }
}

impl FromStr for Duration {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        amount(text, MILLISECONDS)
            .map(|milliseconds| Self(std::time::Duration::from_millis(milliseconds)))
            .ok_or_else(|| Error { text: text.to_owned(), accepted: A_DURATION })
    }
}

impl FromStr for ByteSize {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        amount(text, BYTES)
            .map(Self)
            .ok_or_else(|| Error { text: text.to_owned(), accepted: A_SIZE })
    }
}

/// Written in the largest unit that divides it.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX), MILLISECONDS)
    }
}

/// Written in the largest unit that divides it.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.0, BYTES)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(Text { accepted: A_DURATION })?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text { accepted: A_SIZE })?.parse().map_err(de::Error::custom)
    }
}

const A_DURATION: &str = "a duration such as `500ms`, `5s`, `10m`, `72h` or `7d`";
const A_SIZE: &str = "a size such as `512B`, `64KiB`, `1MiB`, `4GiB` or `10MB`";

/// Largest first, the order in which an amount is written.
const MILLISECONDS: &[(&str, u64)] =
    &[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const BYTES: &[(&str, u64)] = &[
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

/// The amount in the smallest unit, if the text is digits and a unit and does not overflow.
fn amount(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(unit_at);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    digits.parse::<u64>().ok()?.checked_mul(*factor)
}

fn write(f: &mut fmt::Formatter<'_>, amount: u64, units: &[(&str, u64)]) -> fmt::Result {
    let smallest = units.last().expect("there are units");
    let (unit, factor) = units
        .iter()
        .find(|(_, factor)| amount != 0 && amount.is_multiple_of(*factor))
        .unwrap_or(smallest);
    write!(f, "{}{unit}", amount / factor)
}

struct Text {
    accepted: &'static str,
}

impl de::Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.accepted)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_duration_has_a_unit() {
        let milliseconds = |text: &str| text.parse::<Duration>().map(|it| it.0.as_millis()).ok();

        assert_eq!(milliseconds("500ms"), Some(500));
        assert_eq!(milliseconds("5s"), Some(5_000));
        assert_eq!(milliseconds("10m"), Some(600_000));
        assert_eq!(milliseconds("72h"), Some(259_200_000));
        assert_eq!(milliseconds(" 7 d "), Some(604_800_000));
        for refused in ["", "5", "5 years", "-5s", "5.5s", "s", "99999999999999999999d"] {
            assert_eq!(milliseconds(refused), None, "{refused}");
        }
    }

    #[test]
    fn a_size_has_a_unit() {
        let bytes = |text: &str| text.parse::<ByteSize>().map(|it| it.0).ok();

        assert_eq!(bytes("512B"), Some(512));
        assert_eq!(bytes("64KiB"), Some(65_536));
        assert_eq!(bytes("1MiB"), Some(1_048_576));
        assert_eq!(bytes("4GiB"), Some(4_294_967_296));
        assert_eq!(bytes("10MB"), Some(10_000_000));
        for refused in ["", "512", "1Mb", "1 mib", "-1B", "99999999TiB"] {
            assert_eq!(bytes(refused), None, "{refused}");
        }
    }

    #[test]
    fn a_wrong_amount_says_what_would_be_taken() {
        let of_text = serde_json::from_str::<Duration>(r#""soon""#).unwrap_err().to_string();
        let of_number = serde_json::from_str::<ByteSize>("512").unwrap_err().to_string();

        assert!(of_text.starts_with(r#""soon" is not a duration such as `500ms`"#), "{of_text}");
        assert!(of_number.contains("integer `512`, expected a size such as `512B`"), "{of_number}");
    }

    proptest! {
        #[test]
        fn what_is_displayed_parses_to_the_same(amount in 0..=u64::MAX) {
            let size = ByteSize(amount);
            let duration = Duration(std::time::Duration::from_millis(amount));

            prop_assert_eq!(size.to_string().parse(), Ok(size));
            prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        }
    }
}
