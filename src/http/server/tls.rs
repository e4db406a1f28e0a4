//! TLS on the ingest listener: our own certificate, TLS 1.2 and 1.3.
//!
//! # Promises
//! - A renewed certificate is used for new connections from then on; open connections go on.

use crate::http::settings::Tls;
use crate::small_file;
use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use x509_parser::parse_x509_certificate;

/// The reason why TLS cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{key}: {path} cannot be read")]
    File {
        /// The key that names the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        cause: small_file::Error,
    },
    /// A file is not PEM.
    #[error("{key}: {path} is not valid PEM")]
    Pem {
        /// The key that names the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// The fault.
        #[source]
        cause: pem::Error,
    },
    /// The key needs a passphrase, which a server cannot enter.
    #[error(
        "http.tls.key: {path} is encrypted; decrypt it, as with `openssl pkey -in {path} -out key.pem`"
    )]
    Encrypted {
        /// The file.
        path: PathBuf,
    },
    /// The certificate's file holds no certificate.
    #[error("http.tls.cert: {path} holds no certificate")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The key's file holds no private key.
    #[error("http.tls.key: {path} holds no private key")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The certificate and the key do not belong together.
    #[error("http.tls: the key {key} does not belong to the certificate {cert}")]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// The fault.
        #[source]
        cause: rustls::Error,
    },
}

/// A certificate with its chain and its key.
#[derive(Clone, Debug)]
pub struct Certificate {
    certified: Arc<CertifiedKey>,
    /// The end of its validity, or of its chain's if that is earlier.
    pub ends: Timestamp,
}

impl Certificate {
    /// Reads certificate and key.
    pub fn read(tls: &Tls) -> Result<Self, Error> {
        let (cert, key) = (contents(CERT, &tls.cert)?, contents(KEY, &tls.key)?);
        let chain = CertificateDer::pem_slice_iter(&cert)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|cause| Error::Pem { key: CERT, path: tls.cert.clone(), cause })?;
        // Before the key is compared with it, which would be blamed.
        let ends = end_of(&chain).ok_or_else(|| Error::NoCertificate { path: tls.cert.clone() })?;
        if str::from_utf8(&key).is_ok_and(|text| text.contains("ENCRYPTED")) {
            return Err(Error::Encrypted { path: tls.key.clone() });
        }
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(|cause| match cause {
            pem::Error::NoItemsFound => Error::NoKey { path: tls.key.clone() },
            cause => Error::Pem { key: KEY, path: tls.key.clone(), cause },
        })?;
        let certified = CertifiedKey::from_der(chain, key, &ring::default_provider());
        let certified = certified.map_err(|cause| Error::Pair {
            cert: tls.cert.clone(),
            key: tls.key.clone(),
            cause,
        })?;
        Ok(Self { certified: Arc::new(certified), ends })
    }

    /// True if another one has the same certificate. Two keys of one certificate are the same key.
    pub fn is(&self, other: &Self) -> bool {
        self.certified.cert == other.certified.cert
    }
}

fn contents(key: &'static str, path: &Path) -> Result<Vec<u8>, Error> {
    small_file::read(path).map_err(|cause| Error::File { key, path: path.to_owned(), cause })
}

const CERT: &str = "http.tls.cert";
const KEY: &str = "http.tls.key";

/// The earliest end of validity in a chain, if there is a chain of certificates.
fn end_of(chain: &[CertificateDer<'_>]) -> Option<Timestamp> {
    let ends = chain.iter().map(|certificate| {
        let (_, parsed) = parse_x509_certificate(certificate).ok()?;
        Timestamp::from_second(parsed.validity().not_after.timestamp()).ok()
    });
    ends.collect::<Option<Vec<_>>>()?.into_iter().min()
}

/// The certificate that new connections get.
#[derive(Debug)]
pub struct Shown(ArcSwap<CertifiedKey>);

impl Shown {
    /// Begins with this certificate.
    pub fn new(certificate: &Certificate) -> Arc<Self> {
        Arc::new(Self(ArcSwap::new(Arc::clone(&certificate.certified))))
    }

    /// Uses another one from now on.
    pub fn replace(&self, certificate: &Certificate) {
        self.0.store(Arc::clone(&certificate.certified));
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// Makes the acceptor for TLS handshakes.
pub fn acceptor(shown: Arc<Shown>) -> Result<TlsAcceptor, rustls::Error> {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(shown);
    Ok(TlsAcceptor::from(Arc::new(config)))
}
