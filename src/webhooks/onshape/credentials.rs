//! The credentials of a call to Onshape: API keys, sent as they are or used to sign, or an OAuth
//! token.
//!
//! Facts: Onshape's guide, "API Keys" and "OAuth2".

use crate::secret::Secret;
use crate::webhooks::error::Error;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use reqwest::Request;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue};
use ring::hmac;

/// The credentials of a call.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// API keys in an `Authorization: Basic` header, as in Onshape's guide.
    Basic(Keys),
    /// API keys that sign each request, so that the secret key is never sent.
    Signed(Keys),
    /// An OAuth access token.
    Bearer(Secret),
}

/// A pair of API keys.
#[derive(Clone, Debug)]
pub struct Keys {
    access: Secret,
    secret: Secret,
}

impl Credentials {
    /// Reads them from the environment: `ONSHAPE_ACCESS_TOKEN`, or the keys `ONSHAPE_ACCESS_KEY`
    /// and `ONSHAPE_SECRET_KEY`, which sign if `ONSHAPE_AUTH` is `signed`.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        if let Some(token) = variable("ONSHAPE_ACCESS_TOKEN") {
            return Ok(Self::Bearer(Secret::new(token)));
        }
        let required = |name: &'static str| {
            let missing = Error::MissingCredentials {
                variable: name,
                purpose: "an API key of Onshape is needed, made in its developer portal",
            };
            variable(name).map(Secret::new).ok_or(missing)
        };
        let keys = Keys {
            access: required("ONSHAPE_ACCESS_KEY")?,
            secret: required("ONSHAPE_SECRET_KEY")?,
        };
        match variable("ONSHAPE_AUTH").as_deref() {
            None | Some("basic") => Ok(Self::Basic(keys)),
            Some("signed") => Ok(Self::Signed(keys)),
            Some(other) => {
                let message = format!("ONSHAPE_AUTH is {other}; it can be basic or signed");
                Err(Error::Unusable(message))
            }
        }
    }

    /// The parts that must not be shown.
    pub fn secrets(&self) -> Vec<Secret> {
        match self {
            Self::Bearer(token) => vec![token.clone()],
            Self::Signed(keys) => vec![keys.access.clone(), keys.secret.clone()],
            Self::Basic(keys) => {
                vec![keys.access.clone(), keys.secret.clone(), Secret::new(keys.basic())]
            }
        }
    }

    /// Adds the credentials to a request that is otherwise complete.
    pub fn apply(&self, request: &mut Request, now: Timestamp) -> Result<(), Error> {
        let proof = match self {
            Self::Basic(keys) => format!("Basic {}", keys.basic()),
            Self::Bearer(token) => format!("Bearer {}", token.reveal()),
            Self::Signed(keys) => {
                let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
                let nonce = nonce()?;
                let proof = keys.signature(request, &date, &nonce);
                let headers = request.headers_mut();
                headers.insert(DATE, value(&date)?);
                headers.insert(HeaderName::from_static("on-nonce"), value(&nonce)?);
                proof
            }
        };
        let mut proof = value(&proof)?;
        proof.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, proof);
        Ok(())
    }
}

impl Keys {
    fn basic(&self) -> String {
        STANDARD.encode(format!("{}:{}", self.access.reveal(), self.secret.reveal()))
    }

    fn signature(&self, request: &Request, date: &str, nonce: &str) -> String {
        let content_type = header(request.headers(), CONTENT_TYPE);
        let url = request.url();
        let query = url.query().unwrap_or_default();
        let text =
            signed_text(request.method().as_str(), nonce, date, content_type, url.path(), query);
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.reveal().as_bytes());
        let signature = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
        format!("On {}:HmacSHA256:{signature}", self.access.reveal())
    }
}

/// The text that is signed: each part on its own line, in lower case.
pub fn signed_text(
    method: &str,
    nonce: &str,
    date: &str,
    content_type: &str,
    path: &str,
    query: &str,
) -> String {
    format!("{method}\n{nonce}\n{date}\n{content_type}\n{path}\n{query}\n").to_lowercase()
}

/// Onshape wants at least 16 letters and digits that were never used before.
fn nonce() -> Result<String, Error> {
    let bytes: [u8; 16] = ring::rand::generate(&ring::rand::SystemRandom::new())
        .map_err(|_| Error::Unusable("the system gives no random numbers".into()))?
        .expose();
    Ok(hex::encode(bytes))
}

fn header(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn value(text: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(text)
        .map_err(|_| Error::Unusable("the credentials hold a character that cannot be sent".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string())
    }

    #[test]
    fn a_missing_key_is_named() {
        let error = Credentials::from_variables(variables(&[("ONSHAPE_ACCESS_KEY", "a")]));

        assert!(error.unwrap_err().to_string().starts_with("ONSHAPE_SECRET_KEY is not set"));
    }

    #[test]
    fn credentials_show_nothing_of_themselves() {
        let pairs = &[("ONSHAPE_ACCESS_KEY", "axcess"), ("ONSHAPE_SECRET_KEY", "sxcret")];
        let shown = format!("{:?}", Credentials::from_variables(variables(pairs)).unwrap());

        assert_eq!(shown, "Basic(Keys { access: ***, secret: *** })");
    }

    #[test]
    fn a_signed_text_has_a_line_for_each_part_in_lower_case() {
        let text = signed_text("GET", "Nonce1", "Mon, 1", "application/json", "/api/V16", "A=1");

        assert_eq!(text, "get\nnonce1\nmon, 1\napplication/json\n/api/v16\na=1\n");
    }
}
