//! The connection to Redis. The only file that names the client's crate.
//!
//! # Promises
//! - Every call ends within its deadline.
//! - No error text shows the user or the password.
//!
//! A connection that failed is not used again: its holder drops it and makes another, which also
//! finds the server that the sentinels or the cluster name by then.

use crate::shared::address::{Address, Host, Topology};
use crate::shared::script::{Call, Script};
use crate::shared::trouble::Trouble;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, IntoConnectionInfo,
    ProtocolVersion, RedisConnectionInfo, RedisError, ServerErrorKind, TlsCertificates, TlsMode,
    Value,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Makes connections to one Redis.
#[derive(Clone)]
pub struct Connector {
    address: Arc<Address>,
    /// The authorities that sign the server's certificate, if they are not the system's.
    authorities: Option<Arc<[u8]>>,
}

/// A connection. Cheap to clone; the calls of its clones go out together.
#[derive(Clone)]
pub enum Connection {
    /// To one server.
    One(MultiplexedConnection),
    /// To all servers of a cluster.
    Cluster(ClusterConnection),
}

impl Connector {
    /// Makes a connector. The authorities are certificates in PEM.
    pub fn new(address: Address, authorities: Option<Vec<u8>>) -> Self {
        Self { address: Arc::new(address), authorities: authorities.map(Into::into) }
    }

    /// The address that it connects to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Connects, and checks that the server answers.
    pub async fn connect(&self, patience: Duration) -> Result<Connection, Trouble> {
        let connect = async {
            let mut connection = match &self.address.topology {
                Topology::Single => {
                    Connection::One(self.one(&self.address.hosts[0], patience).await?)
                }
                Topology::Sentinel { master } => {
                    Connection::One(self.by_sentinel(master, patience).await?)
                }
                Topology::Cluster => {
                    let client = self.cluster(patience)?;
                    Connection::Cluster(client.get_async_connection().await?)
                }
            };
            connection.call(&Cmd::new().arg("PING").to_owned()).await?;
            Ok(connection)
        };
        match timeout(patience, connect).await {
            Ok(connected) => connected.map_err(|error: RedisError| trouble(&error)),
            Err(_) => Err(Trouble::Timeout),
        }
    }

    async fn one(
        &self,
        host: &Host,
        patience: Duration,
    ) -> Result<MultiplexedConnection, RedisError> {
        let info = self.server(host)?;
        let client = match (&self.authorities, self.address.is_tls) {
            (Some(_), true) => Client::build_with_tls(info, self.certificates())?,
            (Some(_) | None, _) => Client::open(info)?,
        };
        client.get_multiplexed_async_connection_with_config(&config(patience)).await
    }

    async fn by_sentinel(
        &self,
        master: &str,
        patience: Duration,
    ) -> Result<MultiplexedConnection, RedisError> {
        let sentinels = self.address.hosts.iter().map(|host| self.place(host));
        let mut builder =
            SentinelClientBuilder::new(sentinels, master, SentinelServerType::Master)?
                .set_client_to_redis_db(self.address.database)
                .set_client_to_redis_protocol(PROTOCOL)
                .set_client_to_sentinel_protocol(PROTOCOL);
        if self.address.is_tls {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
            if self.authorities.is_some() {
                builder = builder
                    .set_client_to_redis_certificates(self.certificates())
                    .set_client_to_sentinel_certificates(self.certificates());
            }
        }
        if let Some(user) = &self.address.user {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = &self.address.password {
            builder = builder.set_client_to_redis_password(password.reveal());
        }
        builder.build()?.get_async_connection_with_config(&config(patience)).await
    }

    fn cluster(&self, patience: Duration) -> Result<ClusterClient, RedisError> {
        let hosts = self.address.hosts.iter();
        let nodes = hosts.map(|host| self.server(host)).collect::<Result<Vec<_>, _>>()?;
        // A retry inside the client would go beyond the caller's deadline.
        let mut builder: ClusterClientBuilder = ClusterClient::builder(nodes)
            .retries(1)
            .connection_timeout(patience)
            .response_timeout(patience)
            .use_protocol(PROTOCOL);
        if self.address.is_tls {
            builder = builder.tls(TlsMode::Secure);
            if self.authorities.is_some() {
                builder = builder.certs(self.certificates());
            }
        }
        builder.build()
    }

    fn server(&self, host: &Host) -> Result<redis::ConnectionInfo, RedisError> {
        let Address { user, password, database, .. } = &*self.address;
        let mut settings = RedisConnectionInfo::default().set_db(*database).set_protocol(PROTOCOL);
        if let Some(user) = user {
            settings = settings.set_username(user);
        }
        if let Some(password) = password {
            settings = settings.set_password(password.reveal());
        }
        Ok(self.place(host).into_connection_info()?.set_redis_settings(settings))
    }

    fn place(&self, host: &Host) -> ConnectionAddr {
        let Host { name, port } = host.clone();
        match self.address.is_tls {
            false => ConnectionAddr::Tcp(name, port),
            true => ConnectionAddr::TcpTls { host: name, port, insecure: false, tls_params: None },
        }
    }

    fn certificates(&self) -> TlsCertificates {
        let root_cert = self.authorities.as_ref().map(|authorities| authorities.to_vec());
        TlsCertificates { client_tls: None, root_cert }
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Connection {
    /// Runs a script once for each call, all of them in one round trip.
    pub async fn run(
        &self,
        script: &Script,
        calls: Vec<Call>,
        deadline: Duration,
    ) -> Result<Vec<Vec<i64>>, Trouble> {
        let calls = calls.into_iter().map(|call| {
            let connection = self.clone();
            async move { connection.run_one(script, &call).await }
        });
        match timeout(deadline, futures_util::future::try_join_all(calls)).await {
            Ok(answers) => answers.map_err(|error| trouble(&error)),
            Err(_) => Err(Trouble::Timeout),
        }
    }

    /// The most keys in one call. A cluster takes only keys of one slot together, and two keys
    /// hardly ever share one.
    pub fn keys_in_a_call(&self) -> usize {
        match self {
            // About a millisecond of the server's time, for which all other calls wait.
            Self::One(_) => 256,
            Self::Cluster(_) => 1,
        }
    }

    /// What each server says of its memory. Empty if none tells: the user may lack the permission.
    pub async fn memory(mut self, deadline: Duration) -> Vec<String> {
        let question = Cmd::new().arg("INFO").arg("memory").to_owned();
        match timeout(deadline, self.call(&question)).await {
            Ok(Ok(told)) => texts(told),
            Ok(Err(_)) | Err(_) => Vec::new(),
        }
    }

    /// Reads the text under a key.
    pub async fn get(mut self, key: &str, deadline: Duration) -> Result<Option<String>, Trouble> {
        let read = async {
            let answer = self.call(Cmd::new().arg("GET").arg(key)).await?;
            redis::from_redis_value(answer).map_err(RedisError::from)
        };
        match timeout(deadline, read).await {
            Ok(read) => read.map_err(|error| trouble(&error)),
            Err(_) => Err(Trouble::Timeout),
        }
    }

    async fn run_one(mut self, script: &Script, call: &Call) -> Result<Vec<i64>, RedisError> {
        let known = command("EVALSHA", &script.digest, call);
        let answer = match self.call(&known).await {
            // A server that was restarted knows no script.
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.call(&command("EVAL", script.text, call)).await?
            }
            answer => answer?,
        };
        redis::from_redis_value(answer).map_err(Into::into)
    }

    async fn call(&mut self, command: &Cmd) -> Result<Value, RedisError> {
        let answer = match self {
            Self::One(connection) => connection.req_packed_command(command).await,
            Self::Cluster(connection) => connection.req_packed_command(command).await,
        };
        answer.and_then(Value::extract_error)
    }
}

fn command(verb: &str, script: &str, call: &Call) -> Cmd {
    let mut command = redis::cmd(verb);
    command.arg(script).arg(call.keys.len()).arg(&call.keys).arg(&call.arguments);
    command
}

/// The text of an answer. A cluster gives one for each server.
fn texts(answer: Value) -> Vec<String> {
    match answer {
        Value::BulkString(bytes) => vec![String::from_utf8_lossy(&bytes).into_owned()],
        Value::Map(servers) => servers.into_iter().flat_map(|(_, answer)| texts(answer)).collect(),
        _ => Vec::new(),
    }
}

fn config(patience: Duration) -> AsyncConnectionConfig {
    // Every call has a deadline of its own.
    AsyncConnectionConfig::new().set_connection_timeout(Some(patience)).set_response_timeout(None)
}

fn trouble(error: &RedisError) -> Trouble {
    let kind = match error.kind() {
        ErrorKind::AuthenticationFailed => Trouble::Authentication,
        ErrorKind::Server(ServerErrorKind::NoPerm) => Trouble::Authorization,
        ErrorKind::Server(ServerErrorKind::ReadOnly) => Trouble::ReadOnly,
        ErrorKind::Server(ServerErrorKind::BusyLoading) => Trouble::Loading,
        ErrorKind::InvalidClientConfig => Trouble::Settings,
        ErrorKind::MasterNameNotFoundBySentinel => Trouble::NoMaster,
        ErrorKind::Io if error.is_timeout() => Trouble::Timeout,
        ErrorKind::Io => Trouble::Transport,
        _ => match error.code() {
            Some("OOM") => Trouble::Full,
            Some("NOAUTH" | "WRONGPASS") => Trouble::Authentication,
            Some("NOPERM") => Trouble::Authorization,
            Some("READONLY") => Trouble::ReadOnly,
            Some("MISCONF") => Trouble::ReadOnly,
            Some(_) | None => Trouble::Refused,
        },
    };
    tracing::debug!(error = error.category(), code = error.code(), "redis: {}", kind.as_str());
    kind
}

/// The protocol that every server since Redis 2 speaks, and also the proxies in front of managed
/// ones.
const PROTOCOL: ProtocolVersion = ProtocolVersion::RESP2;
