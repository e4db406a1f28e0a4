//! The file by which a running `cadrelay dev` tells the other commands where its Kafka is.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Tells `cadrelay tail` where a running `dev` has its Kafka.
pub struct Beacon(PathBuf);

impl Beacon {
    /// Leaves it; it goes when it is dropped.
    pub fn leave(brokers: &str) -> Self {
        let path = place();
        if let Err(error) = std::fs::write(&path, brokers) {
            tracing::warn!(error = %error, "`cadrelay tail` will not find this process by itself");
        }
        Self(path)
    }
}

impl Drop for Beacon {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

/// The brokers of the `dev` that runs, if one does.
pub fn running() -> Option<String> {
    let brokers = std::fs::read_to_string(place()).ok()?;
    let address: SocketAddr = brokers.trim().split(',').next()?.parse().ok()?;
    // A note can outlive its process.
    std::net::TcpStream::connect_timeout(&address, CONNECT).ok()?;
    Some(brokers.trim().to_owned())
}

fn place() -> PathBuf {
    let dir = std::env::var_os("XDG_RUNTIME_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    dir.join("cadrelay-dev-brokers")
}

const CONNECT: std::time::Duration = std::time::Duration::from_millis(500);
