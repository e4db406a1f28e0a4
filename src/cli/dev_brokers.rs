//! The file with which a running `cadrelay dev` tells the other commands the address of its Kafka.

use crate::kafka::settings::Settings;
use crate::scratch;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

/// The file while `dev` runs.
pub struct BrokersFile(Option<PathBuf>);

impl BrokersFile {
    /// Writes the file, which is removed when this value is dropped.
    pub fn leave(brokers: &str) -> Self {
        match write(brokers) {
            Ok(path) => Self(Some(path)),
            Err(error) => {
                tracing::warn!(error = %error, "`cadrelay tail` will not find this process by itself");
                Self(None)
            }
        }
    }
}

impl Drop for BrokersFile {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            drop(std::fs::remove_file(path));
        }
    }
}

fn write(brokers: &str) -> io::Result<PathBuf> {
    let path = place()?;
    // An existing file is of an earlier run, or a link: it is never written to.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(brokers.as_bytes())?;
    Ok(path)
}

/// The settings with which the Kafka of the running `dev` is reached, if there is one.
pub fn running() -> Option<Settings> {
    let brokers = std::fs::read_to_string(place().ok()?).ok()?;
    let address: SocketAddr = brokers.trim().split(',').next()?.parse().ok()?;
    // The file can outlive its process.
    std::net::TcpStream::connect_timeout(&address, CONNECT).ok()?;
    let brokers = brokers.trim().to_owned();
    Some(Settings { brokers, partitions: PARTITIONS, create_topics: false, ..Settings::default() })
}

fn place() -> io::Result<PathBuf> {
    Ok(scratch::meeting_place()?.join("cadrelay-dev-brokers"))
}

/// The partitions of each topic of `dev`: enough to see that a subject stays in one.
pub const PARTITIONS: i32 = 3;

const CONNECT: std::time::Duration = std::time::Duration::from_millis(500);
