//! The HTTP calls that the relay makes: to providers, to a person's URL, to a collector.
//!
//! # Promises
//! - A redirect is never followed, so credentials stay with the host they are meant for.
//! - A body never takes more memory than its limit, whatever its announced length.

use crate::small_file;
use bytes::{Bytes, BytesMut};
use reqwest::{Certificate, Client, Response};
use std::error::Error;
use std::path::Path;
use std::time::Duration;
use url::{Host, Url};

/// The reason why a body was not read to its end.
#[derive(Debug)]
pub enum Unread {
    /// The connection broke off, or the time was up.
    Lost(reqwest::Error),
    /// It is longer than the limit.
    TooLarge {
        /// Its beginning.
        beginning: Bytes,
    },
}

/// The authorities of a file, at least one.
#[derive(Clone, Debug)]
pub struct Authorities {
    /// The file's text.
    pub pem: Vec<u8>,
    /// Its certificates.
    pub certificates: Vec<Certificate>,
}

/// Makes a client for one base URL. On this machine it uses no proxy.
pub fn client(base: &Url, timeout: Duration) -> reqwest::Result<Client> {
    client_trusting(base, timeout, None)
}

/// The same, which trusts these authorities instead of the system's.
pub fn client_trusting(
    base: &Url,
    timeout: Duration,
    authorities: Option<Vec<Certificate>>,
) -> reqwest::Result<Client> {
    // If a provider of cryptography was installed before, that one stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("cadrelay/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .timeout(timeout);
    let builder = match authorities {
        None => builder,
        Some(authorities) => builder.tls_certs_only(authorities),
    };
    if is_loopback(base) { builder.no_proxy().build() } else { builder.build() }
}

/// Reads a file of authorities in PEM.
pub fn authorities(path: &Path) -> Result<Authorities, String> {
    let read = small_file::read(path).map_err(|error| format!("cannot be read: {error}"));
    let pem = read.map_err(|why| format!("{} {why}", path.display()))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(Authorities { pem, certificates }),
        Ok(_) | Err(_) => Err(format!("{} holds no certificate in PEM", path.display())),
    }
}

/// True if a URL leads to this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Reads a body of at most `limit` bytes.
pub async fn read_body(mut response: Response, limit: usize) -> Result<Bytes, Unread> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(Unread::Lost)? {
        let room = limit - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Err(Unread::TooLarge { beginning: body.freeze() });
        }
    }
    Ok(body.freeze())
}

/// Returns the innermost cause of an error, which may be the error itself: as a rule the operating
/// system's message below those of the libraries.
pub fn innermost<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}
