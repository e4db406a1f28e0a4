//! A JSON number kept exactly, whatever its length and its exponent.
//!
//! # Promises
//! - Two numbers have the same text if and only if they are equal.

/// A number: `0.digits` times ten to the power of `point`.
pub struct Decimal {
    is_negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: String,
    point: Point,
}

/// A power of ten.
enum Point {
    /// Nearly every exponent.
    Near(i64),
    /// An exponent with more digits than fit: its sign and its digits, as the power of the number's
    /// first digit.
    Far { is_negative: bool, digits: String },
}

impl Decimal {
    /// Reads a number of valid JSON.
    pub fn parse(text: &str) -> Self {
        let (is_negative, text) = signed(text);
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_start_matches('0');
        // Both are at most the body's length.
        let shift = whole.len() as i64 - (digits.len() - significant.len()) as i64;
        Self {
            is_negative,
            digits: significant.trim_end_matches('0').to_owned(),
            point: Point::of(exponent, shift),
        }
    }

    /// Writes it as ECMAScript prints numbers (Number::toString).
    pub fn write(&self, out: &mut Vec<u8>) {
        if self.digits.is_empty() {
            out.push(b'0');
            return;
        }
        if self.is_negative {
            out.push(b'-');
        }
        let digits = self.digits.as_bytes();
        match &self.point {
            Point::Near(point @ 1..=21) if *point as usize >= digits.len() => {
                out.extend_from_slice(digits);
                out.resize(out.len() + *point as usize - digits.len(), b'0');
            }
            Point::Near(point @ 1..=21) => {
                let (whole, fraction) = digits.split_at(*point as usize);
                out.extend_from_slice(whole);
                out.push(b'.');
                out.extend_from_slice(fraction);
            }
            Point::Near(point @ -5..=0) => {
                out.extend_from_slice(b"0.");
                (*point..0).for_each(|_| out.push(b'0'));
                out.extend_from_slice(digits);
            }
            Point::Near(point) => {
                write_mantissa(digits, out);
                out.extend_from_slice(format!("e{:+}", point - 1).as_bytes());
            }
            Point::Far { is_negative, digits: power } => {
                write_mantissa(digits, out);
                out.extend_from_slice(if *is_negative { b"e-" } else { b"e+" });
                out.extend_from_slice(power.as_bytes());
            }
        }
    }
}

fn write_mantissa(digits: &[u8], out: &mut Vec<u8>) {
    out.push(digits[0]);
    if digits.len() > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
}

impl Point {
    /// The exponent as written, moved by `shift`.
    fn of(exponent: &str, shift: i64) -> Self {
        let (is_negative, digits) = signed(exponent);
        let digits = digits.trim_start_matches('0');
        if digits.len() <= NEAR {
            let exponent: i64 = format!("0{digits}").parse().expect("few digits are a number");
            return Self::Near(shift + if is_negative { -exponent } else { exponent });
        }
        // So far from zero, a shift by a body's length changes no sign. The power of the first
        // digit is written, which is one less.
        let shift = if is_negative { 1 - shift } else { shift - 1 };
        Self::Far { is_negative, digits: moved(digits, shift) }
    }
}

/// Adds a much smaller number to a number in digits.
fn moved(digits: &str, by: i64) -> String {
    let mut digits: Vec<u8> = digits.bytes().map(|byte| byte - b'0').collect();
    let mut carry = by;
    for digit in digits.iter_mut().rev() {
        let sum = i64::from(*digit) + carry;
        *digit = sum.rem_euclid(10) as u8;
        carry = sum.div_euclid(10);
    }
    let carried = if carry > 0 { carry.to_string() } else { String::new() };
    let digits: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
    format!("{carried}{digits}").trim_start_matches('0').to_owned()
}

fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// An exponent of this many digits can be shifted by any body's length within an `i64`.
const NEAR: usize = 17;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(number: &str) -> String {
        let mut out = Vec::new();
        Decimal::parse(number).write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn exponents_at_the_ends_of_the_machines_numbers_are_told_apart() {
        assert_eq!(text("0.1e-9223372036854775808"), "1e-9223372036854775809");
        assert_eq!(text("1e+9223372036854775807"), "1e+9223372036854775807");
        assert_eq!(text("10e9223372036854775807"), "1e+9223372036854775808");
        assert_eq!(text("0.01e99999999999999999999"), "1e+99999999999999999997");
        assert_eq!(text("100e99999999999999999999"), "1e+100000000000000000001");
        assert_eq!(text("100e-100000000000000000001"), "1e-99999999999999999999");
        assert_eq!(text("0e99999999999999999999"), "0");
    }

    /// Digits and an exponent near one of the places where a machine's number ends.
    fn number() -> impl Strategy<Value = (u32, i128)> {
        let ends = [0, 6, 21, 308, 324, 1 << 31, 1 << 32, 10_i128.pow(17), 10_i128.pow(18)];
        let more = [i128::from(i64::MAX), 1 << 64, 10_i128.pow(30)];
        let ends: Vec<i128> = ends.into_iter().chain(more).flat_map(|end| [end, -end]).collect();
        (1_u32..10_000, proptest::sample::select(ends), -30_i128..30)
            .prop_map(|(digits, end, off)| (digits, end + off))
    }

    /// One of many spellings.
    fn spelt(digits: u32, exponent: i128, zeros: usize, point: usize) -> String {
        let mut text = format!("{digits}{}", "0".repeat(zeros));
        let at = point.min(text.len() - 1);
        let exponent = exponent - zeros as i128 + at as i128;
        if at > 0 {
            text.insert(text.len() - at, '.');
        }
        format!("{text}e{exponent}")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn one_number_has_one_text_and_another_another(
            (one, of_one) in number(),
            (other, of_other) in number(),
            zeros in 0_usize..5,
            point in 0_usize..8,
        ) {
            prop_assert_eq!(text(&spelt(one, of_one, 0, 0)), text(&spelt(one, of_one, zeros, point)));

            // Without zeros at the end, two numbers are equal if digits and exponent are.
            let normal = |mut digits: u32, mut exponent: i128| {
                while digits.is_multiple_of(10) {
                    (digits, exponent) = (digits / 10, exponent + 1);
                }
                (digits, exponent)
            };
            let is_same = normal(one, of_one) == normal(other, of_other);
            let has_one_text = text(&spelt(one, of_one, 0, 0)) == text(&spelt(other, of_other, zeros, point));
            prop_assert_eq!(is_same, has_one_text);
        }
    }
}
