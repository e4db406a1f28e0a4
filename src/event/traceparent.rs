//! The trace that a request belongs to.

/// The parts of a `traceparent` by W3C Trace Context, level 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Traceparent<'a> {
    /// The trace, 32 digits.
    pub trace_id: &'a str,
    /// The caller's span in it, 16 digits.
    pub span_id: &'a str,
    /// Two digits: the flag that the trace is recorded.
    pub flags: &'a str,
}

impl<'a> Traceparent<'a> {
    /// Parses a valid header: version, trace id, parent id and flags in lower-case hex, 55
    /// characters, no id of zeros only.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut fields = text.split('-');
        let mut next = || fields.next();
        let (version, trace_id, span_id, flags) = (next()?, next()?, next()?, next()?);
        let is_hex = |field: &str, digits: usize| {
            let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            field.len() == digits && field.bytes().all(is_digit)
        };
        let names_something = |field: &str| field.bytes().any(|byte| byte != b'0');
        let is_valid = fields.next().is_none()
            && is_hex(version, 2)
            && version != "ff"
            && is_hex(trace_id, 32)
            && names_something(trace_id)
            && is_hex(span_id, 16)
            && names_something(span_id)
            && is_hex(flags, 2);
        is_valid.then_some(Self { trace_id, span_id, flags })
    }
}

/// True if the `traceparent` is valid.
pub fn is_valid(text: &str) -> bool {
    Traceparent::parse(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_w3c_calls_valid_is() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let parent = "b7ad6b7169203331";

        assert!(is_valid(&format!("00-{trace}-{parent}-01")));
        assert!(is_valid(&format!("cc-{trace}-{parent}-00")));
        for text in [
            String::new(),
            "00".to_owned(),
            format!("ff-{trace}-{parent}-01"),
            format!("00-{trace}-{parent}-01-more"),
            format!("00-{trace}-{parent}-1"),
            format!("00-{}-{parent}-01", trace.to_uppercase()),
            format!("00-{}-{parent}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{trace}x-{parent}-01"),
            format!(" 00-{trace}-{parent}-01"),
            "x".repeat(60_000),
        ] {
            assert!(!is_valid(&text), "{text:.80}");
        }
    }
}
