//! Finds the relay for the commands that look at one: a running relay, by its admin listener, or
//! the directory of a stopped one.

use crate::cli::configured::ConfigFile;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::note;
use crate::config::Config;
use crate::http::settings;
use crate::outbound;
use crate::secret::Secret;
use crate::spool::inspect::offline::{Error, Offline};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use url::Url;

/// The choice of the relay.
#[derive(Clone, Debug, clap::Args)]
pub struct Which {
    #[command(flatten)]
    config: ConfigFile,
    /// The admin listener of a running relay, as http://host:port or host:port [default: the spool's
    /// directory; if a relay runs on it, or if there is no spool, the configuration's admin.listen]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// A relay that was found.
#[derive(Debug)]
pub enum Found {
    /// A stopped relay; this is its spool.
    Stopped(Box<Offline>),
    /// A running relay.
    Running(Running),
}

/// The admin listener of a running relay.
#[derive(Debug)]
pub struct Running {
    base: String,
    token: Option<Secret>,
    client: reqwest::Client,
}

impl Which {
    /// The configuration.
    pub fn config(&self) -> Result<Config, Failure> {
        self.config.read()
    }

    /// Finds the relay, running or stopped. A spool that does not open is an error of its own.
    pub fn find(&self, config: &Config) -> Result<Result<Found, Error>, Failure> {
        if self.url.is_some() {
            return Ok(Ok(Found::Running(self.running(config)?)));
        }
        match Offline::open(&config.spool.dir) {
            Ok(stopped) => Ok(Ok(Found::Stopped(Box::new(stopped)))),
            Err(Error::InUse(_)) => Ok(Ok(Found::Running(self.running(config)?))),
            // `cadrelay dev` has its spool in a place of its own, and so has a container.
            Err(Error::Absent(dir)) if listens(config.admin.listen) => {
                let running = self.running(config)?;
                let (dir, base) = (dir.display(), &running.base);
                note(&format!("there is no spool in {dir}; asking the relay at {base}"));
                Ok(Ok(Found::Running(running)))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// The admin listener of the relay. Sends nothing yet.
    pub fn running(&self, config: &Config) -> Result<Running, Failure> {
        let settings::Admin { listen, token, .. } = &config.admin;
        let base = self.url.as_deref().map(base_of).transpose()?;
        let base = base.unwrap_or_else(|| format!("http://{listen}"));
        let token = token.as_ref().map(|token| token.resolve()).transpose();
        let token = token.map_err(|error| Failure::usage(format!("admin.token: {error}")))?;
        let client = reqwest::Client::builder()
            // The listener is usually on this machine, which needs no proxy.
            .no_proxy()
            .connect_timeout(CONNECT)
            .build()
            .map_err(|error| Failure::failed(error.to_string()))?;
        Ok(Running { base, token, client })
    }
}

impl Running {
    /// Gets the answer at a path of the admin listener.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, Failure> {
        self.answer(self.request(Method::GET, path).query(query)).await
    }

    /// Begins a request to the listener, with the token if there is one.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token.reveal()),
            None => request,
        }
    }

    /// Sends a request and reads the answer.
    pub async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let remote = |message: String| {
            let message = format!("the relay at {}: {message}", self.base);
            Failure { exit: Exit::Remote, message }
        };
        let answer = request.send().await.map_err(|error| remote(with_cause(error)))?;
        let status = answer.status();
        if status.is_success() {
            return answer.json().await.map_err(|error| remote(with_cause(error)));
        }
        let failure = remote(match status {
            StatusCode::UNAUTHORIZED => format!(
                "answers {status}: set admin.token in the configuration, or CADRELAY__ADMIN__TOKEN, \
                 to the token of the relay"
            ),
            status => format!("answers {status}"),
        });
        let exit = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Exit::Credentials,
            StatusCode::NOT_FOUND => Exit::NotFound,
            _ => Exit::Remote,
        };
        Err(Failure { exit, ..failure })
    }
}

/// The URL of an admin listener that was given as a URL or as `host:port`, without a slash at its
/// end.
pub fn base_of(written: &str) -> Result<String, Failure> {
    let text = match written.contains("://") {
        true => written.to_owned(),
        false => format!("http://{written}"),
    };
    let is_listener = |url: &Url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty()
    };
    match Url::parse(&text) {
        Ok(url) if is_listener(&url) => Ok(text.trim_end_matches('/').to_owned()),
        // It may hold a password, and is not repeated.
        Ok(_) | Err(_) => Err(Failure::usage(
            "--url: expected the address of an admin listener, such as http://127.0.0.1:9464",
        )),
    }
}

/// True if something takes connections at an address.
fn listens(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, CONNECT).is_ok()
}

/// The error with its innermost cause, such as a refused connection, and without the URL.
pub fn with_cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    match std::error::Error::source(&error) {
        Some(cause) => format!("{error}: {}", outbound::innermost(cause)),
        None => error.to_string(),
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = match &error {
            Error::Absent(_) => Exit::NotFound,
            Error::InUse(_) | Error::Earlier(_) | Error::Unreadable { .. } | Error::Damaged(_) => {
                Exit::Failed
            }
        };
        let is_absent = matches!(error, Error::Absent(_));
        let hint = "; --url names the admin listener of a relay that runs elsewhere";
        let hint = if is_absent { hint } else { "" };
        Self { exit, message: format!("{error}{hint}") }
    }
}

impl From<crate::spool::ReadError> for Failure {
    fn from(error: crate::spool::ReadError) -> Self {
        Self::failed(error.to_string())
    }
}

const CONNECT: Duration = Duration::from_secs(3);
