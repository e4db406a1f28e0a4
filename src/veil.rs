//! The veil: removes secrets from texts that others wrote.

use crate::secret::Secret;

/// Hides secrets in texts that others wrote, such as a provider's error page.
#[derive(Clone, Debug, Default)]
pub struct Veil(Vec<Secret>);

impl Veil {
    /// Hides these secrets, and the tokens and passwords in URLs.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        // An empty secret would be found between any two letters.
        Self(secrets.into_iter().filter(|secret| !secret.reveal().is_empty()).collect())
    }

    /// Hides one more secret.
    pub fn add(&mut self, secret: Secret) {
        if !secret.reveal().is_empty() && !self.0.contains(&secret) {
            self.0.push(secret);
        }
    }

    /// Returns the text with its secrets replaced by `***`.
    pub fn over(&self, text: &str) -> String {
        self.0.iter().fold(mask_urls(text), |text, secret| text.replace(secret.reveal(), MASK))
    }
}

/// The message of a parser, without the value that it refuses, which may be a secret in the wrong
/// place. Names of keys stay.
pub fn parser(cause: &dyn std::fmt::Display) -> String {
    let text = cause.to_string();
    for said in ["invalid type: ", "invalid value: "] {
        // serde: invalid type: string "…", expected …
        if let Some((found, expected)) =
            text.strip_prefix(said).and_then(|rest| rest.rsplit_once(", expected "))
        {
            let kind = found.split(['"', '`']).next().unwrap_or_default().trim_end();
            return format!("{said}{kind}, expected {expected}");
        }
    }
    // serde: unknown variant `…`, expected …
    if let Some((found, expected)) =
        text.strip_prefix("unknown variant `").and_then(|rest| rest.split_once("`, expected "))
    {
        return format!("unknown variant {}, expected {expected}", value(found));
    }
    mask_urls(&quoted(&text))
}

/// Shows a refused value in quotes, if it is short as a mistyped number, time or name is. A key or
/// token is longer, and is not shown.
pub fn value(text: &str) -> String {
    if text.chars().count() <= SHORT { format!("{text:?}") } else { MASK.to_owned() }
}

/// Replaces each text in double quotes by `***` if it is longer than a mistyped number or name.
pub fn quoted(text: &str) -> String {
    let mut parts = text.split('"');
    let mut veiled = parts.next().unwrap_or_default().to_owned();
    let mut inside = true;
    for part in parts {
        veiled.push('"');
        veiled.push_str(if inside && part.chars().count() > SHORT { MASK } else { part });
        inside = !inside;
    }
    veiled
}

/// Replaces the secrets in the URLs of a text by `***`: each `token` parameter, and the user and
/// password before a host.
pub fn mask_urls(text: &str) -> String {
    mask_users(&mask_tokens(text))
}

/// A list of brokers without the part before an `@`: it names no broker, and could be a password.
pub fn brokers(list: &str) -> String {
    let shown = |broker: &str| match broker.rsplit_once('@') {
        Some((_, place)) => format!("{MASK}@{place}"),
        None => broker.to_owned(),
    };
    list.split(',').map(shown).collect::<Vec<_>>().join(",")
}

/// Replaces `user:password@` of each URL in a text.
fn mask_users(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        masked.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "/?#\"'<>\\,;)]}".contains(c));
        let authority = &after[..end.unwrap_or(after.len())];
        rest = after;
        if let Some(at) = authority.rfind('@') {
            masked.push_str(MASK);
            rest = &after[at..];
        }
    }
    masked.push_str(rest);
    masked
}

/// Replaces the value of each `token` parameter of each URL in a text.
fn mask_tokens(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = split_at_token(rest) {
        masked.push_str(before);
        masked.push_str(MASK);
        let end = after.find(|c: char| c.is_whitespace() || ENDS.contains(c));
        rest = &after[end.unwrap_or(after.len())..];
    }
    masked.push_str(rest);
    masked
}

/// Splits after the first `?token=` or `&token=`.
fn split_at_token(text: &str) -> Option<(&str, &str)> {
    // It has the same length as the text, because only ASCII letters change.
    let lower = text.to_ascii_lowercase();
    let at = ["?token=", "&token="].iter().filter_map(|start| lower.find(start)).min()?;
    Some(text.split_at(at + "?token=".len()))
}

const MASK: &str = "***";
/// The longest refused value that is shown. Real keys and tokens are longer.
const SHORT: usize = 16;

/// The characters that end a parameter, in a URL or in the text around it.
const ENDS: &str = "&#\"'<>\\`,;)]}";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(mask_urls(text), expected);
    }

    #[test]
    fn the_token_of_a_url_is_masked_and_the_rest_stays() {
        check("https://r.example/w/a?token=s3cret", "https://r.example/w/a?token=***");
        check("https://r.example/w?a=1&token=s3cret&b=2", "https://r.example/w?a=1&token=***&b=2");
        check(r#"{"url":"https://r/?Token=s3","x":1}"#, r#"{"url":"https://r/?Token=***","x":1}"#);
        check("two ?token=a, &token=b.", "two ?token=***, &token=***");
        check(
            "at https://u:p@r.example, http://[::1]/u@h",
            "at https://***@r.example, http://[::1]/u@h",
        );
        check("mytoken=1 stays, ?tokens=2 too", "mytoken=1 stays, ?tokens=2 too");
    }

    #[test]
    fn a_list_of_brokers_is_shown_without_its_users() {
        assert_eq!(brokers("u:p@a:9092,b:9092"), "***@a:9092,b:9092");
    }

    #[test]
    fn a_secret_shows_in_no_debug_output_and_not_under_a_veil() {
        let veil = Veil::new([Secret::new("hunter22"), Secret::new("")]);

        assert_eq!(format!("{veil:?}"), "Veil([***])");
        assert_eq!(veil.over("bad key hunter22"), "bad key ***");
    }

    #[test]
    fn a_parser_tells_what_it_expects_and_not_what_it_found() {
        for (said, shown) in [
            (
                r#"invalid type: string "a, expected b", expected u16"#,
                "invalid type: string, expected u16",
            ),
            ("invalid type: integer `7`, expected a map", "invalid type: integer, expected a map"),
            (
                "unknown variant `s3cret-5d1e9f2c71`, expected `a`",
                "unknown variant ***, expected `a`",
            ),
            ("unknown variant `solid`, expected `a`", "unknown variant \"solid\", expected `a`"),
            ("unknown field `port`, expected `listen`", "unknown field `port`, expected `listen`"),
            (r#"cannot read "s3cret-5d1e9f2c71" as "x""#, r#"cannot read "***" as "x""#),
        ] {
            assert_eq!(parser(&said), shown);
        }
    }
}
