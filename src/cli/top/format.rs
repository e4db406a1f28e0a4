//! Formats numbers, times and sizes for the screen.

use crate::http::admin::summary::{grouped, span};
use jiff::SignedDuration;

/// `0`, `3.4`, `1,204`.
pub fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate < 0.05 => "0".to_owned(),
        rate if rate < 10.0 => format!("{rate:.1}"),
        rate => grouped(rate.round() as u64),
    }
}

/// `512 B`, `1.5 MiB`.
pub fn bytes(value: u64) -> String {
    let mut value = value as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return if unit == "B" { format!("{value} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

/// `now`, `12 s ago`.
pub fn ago(past: SignedDuration) -> String {
    if past.as_secs() < 1 { "now".to_owned() } else { format!("{} ago", span(past)) }
}

/// Breaks a text between words into lines of at most `width` characters.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short_and_have_their_unit() {
        assert_eq!([0.0, 0.21, 3.44, 1204.2].map(rate), ["0", "0.2", "3.4", "1,204"]);
        assert_eq!([0, 1536, 5 << 30].map(bytes), ["0 B", "1.5 KiB", "5.0 GiB"]);
        assert_eq!(ago(SignedDuration::from_millis(400)), "now");
        assert_eq!(ago(SignedDuration::from_secs(180)), "3 min ago");
    }

    #[test]
    fn a_sentence_is_broken_between_words() {
        assert_eq!(wrapped("Kafka has been down", 11), ["Kafka has", "been down"]);
        assert_eq!(wrapped("unbreakable", 4), ["unbreakable"]);
    }
}
