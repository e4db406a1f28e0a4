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
    /// The certificate and the key do not go together.
    #[error("http.tls: the certificate and the key do not go together")]
    Pair(#[source] rustls::Error),
}

/// What shakes hands with callers.
pub fn acceptor(tls: &Tls) -> Result<TlsAcceptor, Error> {
    Ok(TlsAcceptor::from(Arc::new(config(tls)?)))
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
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(unreadable(&tls.key))?;
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::Pair)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(Error::Pair)
}
