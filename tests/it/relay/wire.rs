//! A connection on which a test says exactly which bytes go, and when.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A connection to the ingest listener.
pub struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// The bytes of a reply.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub body: String,
}

impl Wire {
    /// Connects.
    pub async fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        Self { stream, unread: Vec::new() }
    }

    /// Sends these bytes. A relay that has hung up already is no fault here.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        drop(self.stream.write_all(bytes.as_ref()).await);
    }

    /// Says that nothing more will be sent.
    pub async fn end(&mut self) {
        drop(self.stream.shutdown().await);
    }

    /// The next reply. `None` if the relay hung up instead.
    pub async fn reply(&mut self) -> Option<Reply> {
        let head_end = loop {
            if let Some(at) = self.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await.then_some(())?;
        };
        let head: Vec<u8> = self.unread.drain(..head_end).collect();
        let head = String::from_utf8(head).expect("a head is text").to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .map_or(0, |length| length.trim().parse().expect("a length"));
        while self.unread.len() < length {
            self.more().await.then_some(())?;
        }
        let body = self.unread.drain(..length).collect();
        Some(Reply {
            status: status.expect("a status"),
            body: String::from_utf8(body).expect("a body is text"),
        })
    }

    /// Waits until the relay hangs up.
    pub async fn hung_up(&mut self) {
        while self.more().await {}
    }

    /// Reads on. False at the end of the connection.
    async fn more(&mut self) -> bool {
        let mut bytes = [0; 4096];
        match timeout(DEADLINE, self.stream.read(&mut bytes)).await {
            Ok(Ok(0) | Err(_)) => false,
            Ok(Ok(read)) => {
                self.unread.extend_from_slice(&bytes[..read]);
                true
            }
            Err(_) => panic!("nothing came, and the connection stayed open, for {DEADLINE:?}"),
        }
    }
}

/// The head of a POST to a source, with these further lines, each ending in CRLF.
pub fn head(source: &str, lines: &str) -> String {
    format!("POST /webhooks/{source} HTTP/1.1\r\nhost: relay\r\n{lines}\r\n")
}

const DEADLINE: Duration = Duration::from_secs(60);
