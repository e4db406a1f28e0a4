//! A real Redis on loopback, of Debian's package.
//!
//! # Promises
//! - A server that has started answers; one that does not start fails the test with its log. Nothing is
//!   skipped when Redis is missing.
//! - No server outlives the test process, however that ends.

use super::{
    process::{launch, signal},
    tools::scratch,
    waiting::eventually,
};
use std::{
    fs::{self, File},
    net::TcpListener,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub mod several;

/// One server, with nothing saved. It ends with this value.
pub struct Redis {
    port: u16,
    dir: TempDir,
    arguments: Vec<String>,
    process: Option<Child>,
}

impl Redis {
    /// Starts a server with nothing in it.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with further arguments, as its command line takes them.
    pub async fn start_with(arguments: &[&str]) -> Self {
        let mut redis = Self::unstarted(arguments);
        redis.launch().await;
        redis
    }

    fn unstarted(arguments: &[&str]) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("redis-")
            .tempdir_in(scratch())
            .expect("a folder for Redis");
        let port = free_port();
        let usual = ["--save", "", "--appendonly", "no"].iter().chain(arguments);
        let arguments = usual.map(|argument| (*argument).to_owned()).collect();
        Self { port, dir, arguments, process: None }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL for a relay.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it: what it held is gone.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().and_then(|()| process.wait()).expect("Redis can be killed");
        }
    }

    /// Starts it again on its port, empty.
    pub async fn launch(&mut self) {
        self.stop();
        let log = File::create(self.dir.path().join("log")).expect("the log's file");
        let mut command = Command::new("redis-server");
        // A file of settings comes first.
        command
            .args(&self.arguments)
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--dir"])
            .arg(self.dir.path())
            .stdin(Stdio::null())
            .stderr(log.try_clone().expect("the log's file"))
            .stdout(log);
        let process = launch(command).expect("redis-server, of Debian's package redis-server");
        self.process = Some(process);
        eventually("Redis answers", async || {
            let process = self.process.as_mut().expect("it was started");
            if let Some(status) = process.try_wait().expect("its state") {
                let log = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
                panic!("redis-server ended with {status}:\n{log}");
            }
            TcpStream::connect(("127.0.0.1", self.port)).await.ok().map(drop)
        })
        .await;
    }

    /// Stops its process from running, without ending it: connections stay open and nothing answers.
    pub fn pause(&self) {
        self.signal(libc::SIGSTOP);
    }

    /// Goes on after [`Redis::pause`].
    pub fn resume(&self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&self, number: libc::c_int) {
        signal(self.process.as_ref().expect("it runs").id(), number);
    }

    /// Sends a command of words without blanks, and gives the answer; of an array, what comes in one packet.
    pub async fn command(&self, words: &[&str]) -> String {
        for _ in 0..ATTEMPTS {
            if let Some(answer) = self.attempt(words).await {
                return answer;
            }
        }
        panic!("Redis hangs up on {words:?}");
    }

    /// Sends a command. `None` if the server hangs up before its answer is whole, as one does that
    /// changes its role.
    async fn attempt(&self, words: &[&str]) -> Option<String> {
        let mut connection =
            TcpStream::connect(("127.0.0.1", self.port)).await.expect("Redis takes connections");
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        connection.write_all(text.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        while !is_whole(&answer) {
            if connection.read_buf(&mut answer).await.ok()? == 0 {
                return None;
            }
        }
        Some(String::from_utf8_lossy(&answer).into_owned())
    }

    /// The number of keys that it holds.
    pub async fn keys(&self) -> u64 {
        let answer = self.command(&["DBSIZE"]).await;
        answer.trim().trim_start_matches(':').parse().expect("a number of keys")
    }

    /// A figure of `INFO`.
    pub async fn figure(&self, name: &str) -> u64 {
        self.info(name).await.parse().expect("a number")
    }

    /// A field of `INFO`.
    pub async fn info(&self, name: &str) -> String {
        let answer = self.command(&["INFO"]).await;
        let line = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.expect("a field of this name").trim().to_owned()
    }

    /// Limits its memory to so many bytes more than it uses now.
    pub async fn limit_memory(&self, more: u64) {
        let limit = (self.figure("used_memory").await + more).to_string();
        self.command(&["CONFIG", "SET", "maxmemory", &limit]).await;
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}

/// True if an answer has come to its end.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(2).position(|pair| pair == b"\r\n") else { return false };
    let length = answer[..end].strip_prefix(b"$").and_then(|digits| str::from_utf8(digits).ok());
    // A text says its length, and -1 is none.
    let rest =
        length.and_then(|digits| digits.parse::<usize>().ok()).map_or(0, |length| length + 2);
    answer.len() >= end + 2 + rest
}

/// A server hangs up once for each change of its role.
const ATTEMPTS: u32 = 3;

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its number").port()
}
