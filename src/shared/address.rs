//! The address of Redis: the forms of `dedup.shared`.
//!
//! # Promises
//! - `Display` and `Debug` show no user and no password.
//!
//! Knows nothing of connections.

use crate::secret::Secret;
use percent_encoding::percent_decode_str;
use std::fmt;

/// A Redis, as its URL names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    /// The number of servers, and the way to find the one for a key.
    pub topology: Topology,
    /// True if connections are encrypted.
    pub is_tls: bool,
    /// The servers, or the sentinels. At least one.
    pub hosts: Vec<Host>,
    /// The user to log in as; the default user if absent.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<Secret>,
    /// The number of the database. A cluster has only database 0.
    pub database: i64,
}

/// The way to find the server that takes writes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Topology {
    /// The one named host.
    Single,
    /// The sentinels name it.
    Sentinel {
        /// The name by which the sentinels know it.
        master: String,
    },
    /// The hash slot of a key decides.
    Cluster,
}

/// A server's name and port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Host {
    /// A name or an address.
    pub name: String,
    /// Its port.
    pub port: u16,
}

/// The reason why a text is no address. Never shows the text, which may hold a password.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// The scheme is unknown.
    #[error(
        "expected redis://host:6379, rediss:// (with TLS), redis-sentinel://host:26379,host:26379/master, \
         rediss-sentinel://, redis-cluster://host:6379,host:6379 or rediss-cluster://"
    )]
    Scheme,
    /// A host is empty, or its port is no number.
    #[error("a host is not host or host:port")]
    Host,
    /// Several hosts are named for a single server.
    #[error("several hosts are for redis-sentinel:// and redis-cluster://")]
    OneHost,
    /// The name of the master is missing.
    #[error("the name of the master is missing; write redis-sentinel://host:26379/master")]
    NoMaster,
    /// The database is no number.
    #[error("the database at the end is no number from 0 on")]
    Database,
    /// A cluster has only one database.
    #[error("a cluster has no numbered databases; leave the path out")]
    ClusterDatabase,
    /// The user or the password is not percent-encoded UTF-8.
    #[error("the user or the password is not percent-encoded UTF-8")]
    Userinfo,
    /// The URL has a query or a fragment.
    #[error("a query or fragment has no meaning here")]
    Query,
}

impl Address {
    /// Reads a URL.
    pub fn parse(url: &str) -> Result<Self, Fault> {
        let (scheme, rest) = url.trim().split_once("://").ok_or(Fault::Scheme)?;
        let (is_tls, kind) = match scheme {
            "redis" => (false, Kind::Single),
            "rediss" => (true, Kind::Single),
            "redis-sentinel" => (false, Kind::Sentinel),
            "rediss-sentinel" => (true, Kind::Sentinel),
            "redis-cluster" => (false, Kind::Cluster),
            "rediss-cluster" => (true, Kind::Cluster),
            _ => return Err(Fault::Scheme),
        };
        // A password may hold the characters that end the hosts, so it is cut off first.
        let (userinfo, rest) = match rest.rsplit_once('@') {
            Some((userinfo, rest)) => (userinfo, rest),
            None => ("", rest),
        };
        if rest.contains(['?', '#']) {
            return Err(Fault::Query);
        }
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let port = if kind == Kind::Sentinel { SENTINEL_PORT } else { PORT };
        let hosts =
            hosts.split(',').map(|host| Host::parse(host, port)).collect::<Result<Vec<_>, _>>()?;
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        let path = path.trim_end_matches('/');
        let (topology, database) = match kind {
            Kind::Single if hosts.len() > 1 => return Err(Fault::OneHost),
            Kind::Single => (Topology::Single, number(path)?),
            Kind::Sentinel => {
                let (master, database) = path.split_once('/').unwrap_or((path, ""));
                if master.is_empty() {
                    return Err(Fault::NoMaster);
                }
                (Topology::Sentinel { master: decoded(master)? }, number(database)?)
            }
            Kind::Cluster if !["", "0"].contains(&path) => return Err(Fault::ClusterDatabase),
            Kind::Cluster => (Topology::Cluster, 0),
        };
        Ok(Self {
            topology,
            is_tls,
            hosts,
            user: (!user.is_empty()).then(|| decoded(user)).transpose()?,
            password: match password {
                "" => None,
                password => Some(Secret::new(decoded(password)?)),
            },
            database,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_tls { "rediss" } else { "redis" })?;
        f.write_str(match self.topology {
            Topology::Single => "",
            Topology::Sentinel { .. } => "-sentinel",
            Topology::Cluster => "-cluster",
        })?;
        f.write_str("://")?;
        for (at, host) in self.hosts.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{host}")?;
        }
        if let Topology::Sentinel { master } = &self.topology {
            write!(f, "/{master}")?;
        }
        Ok(())
    }
}

impl Host {
    fn parse(text: &str, usual: u16) -> Result<Self, Fault> {
        // In a bracketed address the colons belong to the address.
        let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, port)) => (name, port.strip_prefix(':')),
            None => match text.rsplit_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (text, None),
            },
        };
        let port = match port {
            None => usual,
            Some(port) => port.parse().map_err(|_| Fault::Host)?,
        };
        let is_odd = |letter: char| letter.is_whitespace() || letter.is_control();
        if name.is_empty() || port == 0 || name.contains(is_odd) {
            return Err(Fault::Host);
        }
        Ok(Self { name: name.to_owned(), port })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.contains(':') {
            true => write!(f, "[{}]:{}", self.name, self.port),
            false => write!(f, "{}:{}", self.name, self.port),
        }
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Single,
    Sentinel,
    Cluster,
}

fn number(path: &str) -> Result<i64, Fault> {
    match path {
        "" => Ok(0),
        path => path.parse::<u32>().map(i64::from).map_err(|_| Fault::Database),
    }
}

fn decoded(text: &str) -> Result<String, Fault> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| Fault::Userinfo)?;
    Ok(text.into_owned())
}

const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, shown: &str) -> Address {
        let address = Address::parse(url).unwrap();
        assert_eq!(address.to_string(), shown);
        address
    }

    #[test]
    fn each_form_is_read_and_shown_without_its_user() {
        let single = check("redis://me:p%40ss:/w@h/3", "redis://h:6379");
        assert_eq!(single.user.as_deref(), Some("me"));
        assert_eq!(single.password, Some(Secret::new("p@ss:/w")));
        assert_eq!(single.database, 3);
        let tls = check("rediss://:secret@[::1]:7000", "rediss://[::1]:7000");
        assert_eq!((tls.user, tls.password), (None, Some(Secret::new("secret"))));
        let watched = check("redis-sentinel://a,b:1/main/2", "redis-sentinel://a:26379,b:1/main");
        assert_eq!(watched.database, 2);
        let cluster = check("rediss-cluster://a:1,b:2/", "rediss-cluster://a:1,b:2");
        assert_eq!(cluster.topology, Topology::Cluster);
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_would_be() {
        for (url, fault) in [
            ("localhost:6379", Fault::Scheme),
            ("http://h", Fault::Scheme),
            ("redis://", Fault::Host),
            ("redis://h:port", Fault::Host),
            ("redis://h:0", Fault::Host),
            ("redis://a,b", Fault::OneHost),
            ("redis://h/one", Fault::Database),
            ("redis-sentinel://h", Fault::NoMaster),
            ("redis-cluster://h/1", Fault::ClusterDatabase),
            ("redis://h?db=1", Fault::Query),
            ("redis://%ff@h", Fault::Userinfo),
        ] {
            assert_eq!(Address::parse(url), Err(fault), "{url}");
        }
    }

    #[test]
    fn no_form_of_an_address_shows_its_password() {
        let address = Address::parse("redis://me:hunter2@h").unwrap();

        assert!(!format!("{address:?} {address}").contains("hunter2"));
    }
}
