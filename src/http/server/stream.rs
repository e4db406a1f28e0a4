//! The bytes of a socket: plain, or decrypted from TLS.

use crate::http::connections::Entry;
use actix_http::error::DispatchError;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The bytes of a connection.
#[derive(Debug)]
pub enum Stream {
    /// As they are on the wire.
    Plain(TcpStream),
    /// Decrypted.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Does the TLS handshake, if there is TLS, unless the connection is closed meanwhile.
    pub async fn accept(
        socket: TcpStream,
        tls: Option<&TlsAcceptor>,
        entry: &Entry,
    ) -> Result<Self, DispatchError> {
        let Some(tls) = tls else { return Ok(Self::Plain(socket)) };
        let connection = entry.connection();
        let mut shaking = pin!(tls.accept(socket));
        let shaken = poll_fn(|context| {
            connection.register(context.waker());
            match connection.ended() {
                Some(_) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                None => shaking.as_mut().poll(context),
            }
        });
        match shaken.await {
            Ok(stream) => Ok(Self::Tls(Box::new(stream))),
            Err(error) => {
                tracing::debug!(error = %error, "no TLS came about");
                Err(DispatchError::Io(error))
            }
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
