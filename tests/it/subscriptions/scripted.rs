//! A provider that answers as the test says, whatever it is asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use support::provider::{Output, SECRETS, command, run};

/// A provider that answers as the test says.
pub struct Provider {
    pub url: String,
    calls: Arc<AtomicU32>,
}

impl Provider {
    /// One answer to everything.
    pub fn answering(status: &str, body: &str) -> Self {
        let answer = whole(status, body);
        Self::writing(move |_, stream| drop(stream.write_all(answer.as_bytes())))
    }

    /// An answer to each path and query.
    pub fn with(answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        Self::writing(move |path, stream| {
            drop(stream.write_all(whole("200 OK", &answer(path)).as_bytes()));
        })
    }

    /// Whatever is written to each connection.
    pub fn writing(write: impl Fn(&str, &mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(AtomicU32::new(0));
        let counted = calls.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut first = String::new();
                reader.read_line(&mut first).unwrap();
                let (mut line, mut length) = (String::new(), 0);
                while reader.read_line(&mut line).is_ok() && line != "\r\n" {
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
                        length = value.trim().parse().unwrap();
                    }
                    line.clear();
                }
                reader.read_exact(&mut vec![0; length]).unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                write(first.split(' ').nth(1).unwrap(), &mut stream);
            }
        });
        Self { url, calls }
    }

    pub fn webhook(&self, arguments: &[&str]) -> Output {
        run(command()
            .arg("webhook")
            .args(arguments)
            .envs(SECRETS)
            .env("ONSHAPE_BASE_URL", &self.url)
            .env("APS_BASE_URL", &self.url))
    }

    /// The number of calls so far.
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }
}

/// A whole answer, after which the connection ends.
pub fn whole(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}
