//! The veil over texts of others that may hold secrets.

use crate::secret::Secret;

/// Hides secrets in texts that others wrote, such as a provider's error page.
#[derive(Clone, Debug, Default)]
pub struct Veil(Vec<Secret>);

impl Veil {
    /// Hides these, and what opens doors in URLs.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        // An empty secret would be found between any two letters.
        Self(secrets.into_iter().filter(|secret| !secret.reveal().is_empty()).collect())
    }

    /// Hides one more.
    pub fn add(&mut self, secret: Secret) {
        if !secret.reveal().is_empty() && !self.0.contains(&secret) {
            self.0.push(secret);
        }
    }

    /// The text with its secrets replaced by `***`.
    pub fn over(&self, text: &str) -> String {
        self.0.iter().fold(mask_urls(text), |text, secret| text.replace(secret.reveal(), MASK))
    }
}

/// Replaces what opens doors in the URLs of a text by `***`: each `token` parameter, and the user and
/// password before a host.
pub fn mask_urls(text: &str) -> String {
    mask_users(&mask_tokens(text))
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

/// Splits behind the first `?token=` or `&token=`.
fn split_at_token(text: &str) -> Option<(&str, &str)> {
    // Same length as the text, since only ASCII letters change.
    let lower = text.to_ascii_lowercase();
    let at = ["?token=", "&token="].iter().filter_map(|start| lower.find(start)).min()?;
    Some(text.split_at(at + "?token=".len()))
}

const MASK: &str = "***";

/// What ends a parameter, in a URL or in the text around it.
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
    fn a_secret_shows_in_no_debug_output_and_not_under_a_veil() {
        let veil = Veil::new([Secret::new("hunter22"), Secret::new("")]);

        assert_eq!(format!("{veil:?}"), "Veil([***])");
        assert_eq!(veil.over("bad key hunter22"), "bad key ***");
    }
}
