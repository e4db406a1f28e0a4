//! TLS on the ingest listener: our own certificate, TLS 1.2 and 1.3.

use crate::http::settings::Tls;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is not PEM, or cannot be read.
    #[error("http.tls: {path} cannot be read")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: pem::Error,
    },
    /// The key asks for a passphrase, which a server cannot give.
    #[error(
        "http.tls.key: {path} is encrypted; decrypt it, as with `openssl pkey -in {path} -out key.pem`"
    )]
    Encrypted {
        /// The file.
        path: PathBuf,
    },
    /// The versions of TLS do not suit the cryptography.
    #[error("http.tls: no version of TLS can be spoken")]
    Versions(#[source] rustls::Error),
    /// The certificate and the key do not go together.
    #[error("http.tls: the key {key} does not belong to the certificate {cert}")]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong with them.
        #[source]
        cause: rustls::Error,
    },
}

/// What shakes hands with callers.
pub fn acceptor(config: ServerConfig) -> TlsAcceptor {
    TlsAcceptor::from(Arc::new(config))
}

/// Reads certificate and key.
pub fn config(tls: &Tls) -> Result<ServerConfig, Error> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |cause| Error::File { path, cause }
    };
    let chain = CertificateDer::pem_file_iter(&tls.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(unreadable(&tls.cert))?;
    let is_encrypted = |text: String| text.contains("ENCRYPTED");
    if std::fs::read_to_string(&tls.key).is_ok_and(is_encrypted) {
        return Err(Error::Encrypted { path: tls.key.clone() });
    }
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(unreadable(&tls.key))?;
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::Versions)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|cause| Error::Pair { cert: tls.cert.clone(), key: tls.key.clone(), cause })
}
