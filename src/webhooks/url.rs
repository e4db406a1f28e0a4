//! The URL that a provider posts to.

use crate::veil::mask_urls;
use serde::{Serialize, Serializer};
use std::net::IpAddr;
use url::{Host, Url};

/// The URL that a hook posts to. Shown with its `token` and password masked.
#[derive(Clone, Eq, PartialEq)]
pub struct CallbackUrl(String);

/// The text is not a URL that a provider can post to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the URL must begin with https:// or http:// and name a host")]
pub struct NotHttp;

impl CallbackUrl {
    /// Takes an absolute http or https URL, exactly as written.
    pub fn parse(text: &str) -> Result<Self, NotHttp> {
        let text = text.trim();
        let url = Url::parse(text).map_err(|_| NotHttp)?;
        let posted = matches!(url.scheme(), "http" | "https") && url.has_host();
        if posted { Ok(Self(text.to_owned())) } else { Err(NotHttp) }
    }

    /// Takes a URL as a provider has stored it, without checking it.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The URL with its token, to be sent to the provider.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// A doubtful property of the URL, for a warning.
    pub fn concern(&self) -> Option<&'static str> {
        let url = Url::parse(&self.0).ok()?;
        if is_private(&url) {
            return Some("the host is private, so the provider's cloud cannot reach it");
        }
        (url.scheme() == "http").then_some("http is not encrypted; use https outside of tests")
    }
}

/// The host of a URL, with its port if it is not the default one.
pub fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// True if a URL leads to a private network.
fn is_private(url: &Url) -> bool {
    let ip = match url.host() {
        Some(Host::Domain(name)) => {
            return name.eq_ignore_ascii_case("localhost")
                || [".local", ".internal", ".localhost"].iter().any(|end| name.ends_with(end));
        }
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip),
        None => return false,
    };
    match ip {
        IpAddr::V4(ip) => {
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified()
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unspecified(),
    }
}

impl std::fmt::Display for CallbackUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&mask_urls(&self.0))
    }
}

impl std::fmt::Debug for CallbackUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Serialize for CallbackUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_urls_with_a_host_are_taken() {
        for (text, taken) in [
            ("https://relay.example/webhooks/a?token=t", true),
            ("http://10.0.0.1:8080", true),
            ("ftp://relay.example", false),
            ("relay.example", false),
            ("https://", false),
            ("", false),
        ] {
            assert_eq!(CallbackUrl::parse(text).is_ok(), taken, "{text}");
        }
    }

    #[test]
    fn a_url_is_shown_without_its_token_and_password_and_sent_with_them() {
        let url = CallbackUrl::parse("https://user:abc@relay.example/?token=abc").unwrap();

        assert_eq!(format!("{url} {url:?}").matches("abc").count(), 0);
        assert_eq!(url.to_string(), "https://***@relay.example/?token=***");
        assert!(url.reveal().ends_with("abc"));
    }

    #[test]
    fn a_private_host_and_plain_http_are_concerns() {
        let concern = |text| CallbackUrl::parse(text).unwrap().concern();

        assert!(concern("http://192.168.1.4/x").unwrap().contains("private"));
        assert!(concern("https://localhost/x").unwrap().contains("private"));
        assert!(concern("http://relay.example/x").unwrap().contains("encrypted"));
        assert_eq!(concern("https://relay.example/x"), None);
    }
}
