//! The trace that a request belongs to.

/// Whether a `traceparent` is one by W3C Trace Context, level 1: version, trace id, parent id and flags
/// in lower-case hex, 55 characters, no id of zeros alone.
pub fn is_valid(text: &str) -> bool {
    let fields: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags] = fields[..] else { return false };
    let is_hex = |field: &str, digits: usize| {
        field.len() == digits && field.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let names_something = |field: &str| field.bytes().any(|byte| byte != b'0');
    is_hex(version, 2)
        && version != "ff"
        && is_hex(trace, 32)
        && names_something(trace)
        && is_hex(parent, 16)
        && names_something(parent)
        && is_hex(flags, 2)
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
