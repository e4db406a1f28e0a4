//! A simulated provider, a receiver of notifications, and the commands.

use crate::tools::program;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// The time that anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Texts that must never be printed.
pub const SECRETS: [(&str, &str); 5] = [
    ("ONSHAPE_ACCESS_KEY", "onshape-access-4711"),
    ("ONSHAPE_SECRET_KEY", "onshape-secret-4712"),
    ("APS_CLIENT_ID", "aps-client-id-4713"),
    ("APS_CLIENT_SECRET", "aps-client-secret-4714"),
    ("HOOK_SECRET", "0123456789abcdefHOOK0123456789ab"),
];
pub const HOOK_SECRET: &str = SECRETS[4].1;
pub const URL_TOKEN: &str = "url-token-4715";

/// A simulated provider in a process of its own.
pub struct Simulator {
    child: Child,
    pub url: String,
}

/// The exit and output of a command.
#[derive(Debug)]
pub struct Output {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A server that answers every POST with the status in its path (`/status/500`), else 200.
pub struct Inbox {
    pub url: String,
    posts: Receiver<Post>,
}

/// A posted request.
#[derive(Clone, Debug)]
pub struct Post {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Simulator {
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    pub fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = command()
            .arg("simulate")
            .args(arguments)
            .args(["--listen", "127.0.0.1:0", "--retry-delay", "10ms"])
            .envs(SECRETS)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        Self { child, url: line["listening"].as_str().unwrap().to_owned() }
    }

    /// A webhook command that talks to this simulator.
    pub fn webhook(&self, arguments: &[&str]) -> Output {
        run(command().arg("webhook").args(arguments).envs(SECRETS).envs(self.bases()))
    }

    pub fn bases(&self) -> [(&'static str, &str); 2] {
        [("ONSHAPE_BASE_URL", &self.url), ("APS_BASE_URL", &self.url)]
    }

    /// Lets something happen; returns how many hooks hear it.
    pub fn happen(&self, event: &Value) -> u64 {
        let (status, answer) =
            http("POST", &format!("{}/simulator/events", self.url), &event.to_string());
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str::<Value>(&answer).unwrap()["hooks"].as_u64().unwrap()
    }

    pub fn deliveries(&self) -> Vec<Value> {
        let (_, answer) = http("GET", &format!("{}/simulator/deliveries", self.url), "");
        serde_json::from_str(&answer).unwrap()
    }

    /// The deliveries, once there are so many.
    pub fn wait_for_deliveries(&self, count: usize) -> Vec<Value> {
        eventually(|| Some(self.deliveries()).filter(|deliveries| deliveries.len() >= count))
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Output {
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.exit, 0, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{self:?}"))
    }

    #[track_caller]
    pub fn id(&self) -> String {
        self.json()["id"].as_str().unwrap().to_owned()
    }

    /// Ended so, with all of these words in what was said to people, and no result.
    #[track_caller]
    pub fn assert_refused(&self, exit: i32, words: &[&str]) {
        assert_eq!(self.exit, exit, "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word} is missing in {self:?}");
        }
        assert_eq!(self.stdout, "", "{self:?}");
    }
}

impl Inbox {
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self::serve(listener, url, |stream| Some(Box::new(stream)), Vec::new())
    }

    /// The same, with this body in each answer.
    pub fn answering(body: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self::serve(listener, url, |stream| Some(Box::new(stream)), body)
    }

    /// The same over TLS, as `localhost` with a certificate of its own. Gives the certificate's PEM.
    pub fn open_tls() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        drop(rustls::crypto::ring::default_provider().install_default());
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der());
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.unwrap())
            .unwrap();
        let config = Arc::new(config);
        let secure = move |stream| {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).ok()?;
            Some(Box::new(rustls::StreamOwned::new(connection, stream)) as Box<dyn ReadWrite>)
        };
        (Self::serve(listener, url, secure, Vec::new()), made.cert.pem())
    }

    fn serve(
        listener: TcpListener,
        url: String,
        open: impl Fn(TcpStream) -> Option<Box<dyn ReadWrite>> + Send + 'static,
        body: Vec<u8>,
    ) -> Self {
        let (sender, posts) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten().filter_map(open) {
                let (sender, body) = (sender.clone(), body.clone());
                std::thread::spawn(move || answer(stream, &sender, &body));
            }
        });
        Self { url, posts }
    }

    #[track_caller]
    pub fn next(&self) -> Post {
        self.posts.recv_timeout(PATIENCE).expect("something is posted")
    }

    pub fn is_empty(&self) -> bool {
        self.posts.try_recv().is_err()
    }
}

impl Post {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn event(&self) -> String {
        let body = self.json();
        let event = body.get("event").or_else(|| body["hook"].get("event")).unwrap();
        event.as_str().unwrap().to_owned()
    }
}

/// The binary, in an empty environment.
pub fn command() -> Command {
    let mut command = Command::new(program());
    command.env_clear().stdin(Stdio::null());
    command
}

pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let output = Output {
        exit: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    assert_discreet(&output.stdout);
    assert_discreet(&output.stderr);
    output
}

#[track_caller]
pub fn assert_discreet(text: &str) {
    for secret in SECRETS.iter().map(|(_, secret)| *secret).chain([URL_TOKEN, "simulated-"]) {
        let shown = text.replace("simulated-app", "").replace("simulated-user", "");
        assert!(!shown.contains(secret), "{secret} is printed: {text}");
    }
}

/// Asks until there is an answer.
#[track_caller]
pub fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "it did not come true in time");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

pub fn http(method: &str, url: &str, body: &str) -> (u16, String) {
    http_with(method, url, &[], body)
}

pub fn http_with(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let head = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\
         content-length: {length}\r\n\r\n"
    );
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// A connection, secure or not.
trait ReadWrite: Read + Write + Send {}

impl<S: Read + Write + Send> ReadWrite for S {}

fn answer(stream: Box<dyn ReadWrite>, posts: &Sender<Post>, body: &[u8]) {
    let mut reader = BufReader::new(stream);
    while let Some(post) = read_post(&mut reader) {
        let status = post.path.strip_prefix("/status/").unwrap_or("200").to_owned();
        let status = status.split('?').next().unwrap().to_owned();
        if posts.send(post).is_err() {
            return;
        }
        let head = format!(
            "HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let answer = [head.as_bytes(), body].concat();
        if reader.get_mut().write_all(&answer).and_then(|()| reader.get_mut().flush()).is_err() {
            return;
        }
    }
}

fn read_post(reader: &mut impl BufRead) -> Option<Post> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Post { path, headers, body })
}
