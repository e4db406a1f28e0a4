//! Checks for the admin token: in a header, or in a cookie from the console's form.
//!
//! The cookie is a MAC of a fixed text under the token, so the token itself is stored nowhere, and
//! a cookie becomes invalid when the token changes.

use crate::http::admin::Admin;
use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use subtle::ConstantTimeEq as _;

/// The access of a request to what the token guards.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Session {
    /// No token is required, or it was shown.
    Open,
    /// The token is required and was not shown.
    SignedOut,
}

/// The session of a request.
pub fn of(request: &HttpRequest, admin: &Admin) -> Session {
    let token = admin.token.load();
    of_headers(request.headers(), token.as_ref().map(|token| token.reveal()))
}

/// The session according to a request's headers.
pub fn of_headers(headers: &HeaderMap, token: Option<&str>) -> Session {
    let Some(token) = token else { return Session::Open };
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
        .is_some_and(|given| is_equal(given, token.as_bytes()));
    if bearer || has_cookie(headers, token) { Session::Open } else { Session::SignedOut }
}

/// The cookie for a client that knows the token.
pub fn cookie(admin: &Admin, given: &str) -> Option<String> {
    let token = admin.token.load();
    let token = token.as_ref()?.reveal();
    is_equal(given.as_bytes(), token.as_bytes())
        .then(|| format!("{NAME}={}; Path=/; HttpOnly; SameSite=Strict", mac(token)))
}

fn has_cookie(headers: &HeaderMap, token: &str) -> bool {
    let expected = mac(token);
    headers
        .get_all(header::COOKIE)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='))
        .any(|given| is_equal(given.as_bytes(), expected.as_bytes()))
}

fn mac(token: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, token.as_bytes());
    URL_SAFE_NO_PAD.encode(hmac::sign(&key, b"cadrelay console"))
}

const NAME: &str = "cadrelay_console";

/// Compares in constant time.
fn is_equal(given: &[u8], secret: &[u8]) -> bool {
    given.ct_eq(secret).into()
}
