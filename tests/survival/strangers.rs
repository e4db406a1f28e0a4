//! Connections of callers who prove nothing and do not end their requests.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::net::SocketAddr;
use support::relay::Relay;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Strangers who hold what they have opened. They leave with this value.
#[derive(Default)]
pub struct Strangers {
    #[expect(dead_code, reason = "held, not used")]
    connections: Vec<TcpStream>,
}

impl Strangers {
    /// So many connections: every other one holds half a head, the others half a body.
    pub async fn come(relay: SocketAddr, how_many: usize) -> Self {
        raise_our_limit();
        let mut connections = Vec::with_capacity(how_many);
        for number in 0..how_many {
            let mut connection = TcpStream::connect(relay).await.expect("a connection");
            let half = if number % 2 == 0 { HALF_A_HEAD.to_owned() } else { half_a_body() };
            // One that was ended already for a newcomer is as good.
            drop(connection.write_all(half.as_bytes()).await);
            connections.push(connection);
        }
        Self { connections }
    }
}

/// The number of files that the relay has open, connections included.
pub fn open_files(relay: &Relay) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", relay.pid())).expect("a running relay").count()
}

/// The test needs as many descriptors as the relay.
fn raise_our_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("our limit");
}

fn half_a_body() -> String {
    let head = "POST /webhooks/aps HTTP/1.1\r\nhost: relay\r\ncontent-length: 9000\r\n\r\n";
    format!("{head}{}", "x".repeat(4_000))
}

const HALF_A_HEAD: &str = "POST /webhooks/onshape HTTP/1.1\r\nhost: relay\r\nx-half: of a";
