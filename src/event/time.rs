//! Times as senders write them, and as the relay writes them.
//!
//! # Promises
//! - The relay writes RFC 3339 in UTC with milliseconds, always 24 characters.
//! - A text that does not name one moment reads as `None`, never as a guess: without an offset
//!   there is no time.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::fmt::temporal::DateTimePrinter;

/// Reads a moment as the providers write it in a body: RFC 3339, or the same with an offset without
/// colon (`2024-05-05T23:45:10.611-0500`), with up to nine digits of a second's fraction.
pub fn read(text: &str) -> Option<Timestamp> {
    text.trim().parse().ok().filter(in_years_of_rfc_3339)
}

/// True if the text is a moment that RFC 3339 cannot write: before the year 1 or after 9999.
pub fn is_out_of_range(text: &str) -> bool {
    let text = text.trim();
    if let Ok(time) = text.parse() {
        return !in_years_of_rfc_3339(&time);
    }
    // The parser stops before the year 10000. A longer year counts if the rest of the text is a
    // time.
    let unsigned = text.trim_start_matches(['+', '-']);
    let Some((year, rest)) = unsigned.split_once('-') else { return false };
    let is_long = year.len() > 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    is_long && format!("2000-{rest}").parse::<Timestamp>().is_ok()
}

/// Reads milliseconds since 1970.
pub fn from_epoch_milliseconds(milliseconds: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(milliseconds).ok().filter(in_years_of_rfc_3339)
}

/// Reads a moment in any form that a signature header may have: seconds or milliseconds since 1970,
/// the forms of [`read`], or the date of HTTP's own headers (`Mon, 06 May 2024 04:45:10 GMT`).
/// Onshape does not document its form.
pub fn read_leniently(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let Ok(number) = text.parse::<i64>() else { return read(text).or_else(|| read_date(text)) };
    // In seconds this is the year 5138, in milliseconds 1973: no current time can be read both
    // ways.
    const FIRST_IN_MILLISECONDS: i64 = 100_000_000_000;
    if number.abs() < FIRST_IN_MILLISECONDS {
        Timestamp::from_second(number).ok()
    } else {
        from_epoch_milliseconds(number)
    }
}

/// Reads an RFC 1123 date, or an RFC 2822 date with an offset.
fn read_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok().filter(in_years_of_rfc_3339)
}

/// A moment as RFC 3339 in UTC with milliseconds: `2024-05-06T04:45:10.611Z`.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Text {
    /// The text of a moment.
    pub fn of(time: Timestamp) -> Self {
        let mut text = Self { bytes: [0; LONGEST], length: 0 };
        PRINTER.print_timestamp(&time, &mut text).expect("there is room for any year");
        text
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..self.length]).expect("only text is written")
    }
}

impl jiff::fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> Result<(), jiff::Error> {
        let rest = &mut self.bytes[self.length..];
        let place = rest
            .get_mut(..text.len())
            .ok_or_else(|| jiff::Error::from_args(format_args!("no room")))?;
        place.copy_from_slice(text.as_bytes());
        self.length += text.len();
        Ok(())
    }
}

/// A moment without what is finer than a millisecond. Times in the API and in the log of decisions
/// are such, as are those of events.
pub fn whole_milliseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

/// A moment as RFC 3339 in UTC with milliseconds: `2024-05-06T04:45:10.611Z`.
pub fn to_text(time: Timestamp) -> String {
    Text::of(time).as_str().to_owned()
}

/// The longest text: a year before 1 has a sign and six digits.
const LONGEST: usize = 32;

const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// RFC 3339 has four digits for the year and no sign, and many readers reject the year 0.
fn in_years_of_rfc_3339(time: &Timestamp) -> bool {
    const YEAR_1: i64 = -62_135_596_800;
    time.as_second() >= YEAR_1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(read(text).map(to_text).as_deref(), Some(expected), "{text}");
    }

    #[test]
    fn every_form_that_a_provider_writes_is_read() {
        check("2024-05-05T23:45:10.611-0500", "2024-05-06T04:45:10.611Z");
        check("2024-05-06T04:45:10.611+0000", "2024-05-06T04:45:10.611Z");
        check("2024-11-02T16:57:18+0000", "2024-11-02T16:57:18.000Z");
        check("2024-11-02T14:17:25.673+00:00", "2024-11-02T14:17:25.673Z");
        check("2025-04-20T12:03:35.399Z", "2025-04-20T12:03:35.399Z");
        check("2025-04-20T12:03:35.399999999+05:30", "2025-04-20T06:33:35.399Z");
    }

    #[test]
    fn what_is_not_one_moment_is_not_read() {
        for text in ["", "soon", "2024-05-06", "2024-05-06T04:45:10", "1714970710611", "null"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_year_that_rfc_3339_cannot_write_is_not_read() {
        assert_eq!(read("-000001-01-01T00:00:00Z"), None);
        assert_eq!(from_epoch_milliseconds(i64::MAX), None);
        assert_eq!(from_epoch_milliseconds(i64::MIN), None);
        assert_eq!(read("0000-12-31T23:59:59Z"), None);
        check("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_moment_out_of_range_is_told_from_what_is_no_moment() {
        for text in ["0000-01-01T00:00:00Z", "-000001-01-01T00:00:00Z", "+010000-01-01T00:00:00Z"] {
            assert!(is_out_of_range(text), "{text}");
        }
        for text in ["", "soon", "2024-05-06T04:45:10Z", "2024-05-06", "12345-soon", "9999-99"] {
            assert!(!is_out_of_range(text), "{text}");
        }
    }

    #[test]
    fn a_signature_time_is_read_in_each_form() {
        let moment = read("2024-05-06T04:45:10Z");

        assert!(moment.is_some());
        for text in [
            "1714970710",
            "1714970710000",
            " 1714970710 ",
            "2024-05-05T23:45:10-0500",
            "2024-05-06T04:45:10Z",
            "Mon, 06 May 2024 04:45:10 GMT",
            "Sun, 5 May 2024 23:45:10 -0500",
        ] {
            assert_eq!(read_leniently(text), moment, "{text}");
        }
        assert_eq!(read_leniently("99999999999999999999"), None);
        assert_eq!(read_leniently("0x6638"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(milliseconds in -62_135_596_800_000_i64..253_402_207_200_000) {
            let time = from_epoch_milliseconds(milliseconds).unwrap();
            let text = to_text(time);

            prop_assert_eq!(text.len(), 24);
            prop_assert_eq!(read(&text), Some(time));
        }
    }
}
