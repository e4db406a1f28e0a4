//! `[dedup]`: the recognition of redeliveries, and the Redis that replicas share for it.

use crate::outbound;
use crate::quantity::Duration;
use crate::secret::written::Written;
use crate::shared::Target;
use crate::shared::address::Address;
use crate::shared::redis::Connector;
use serde::Deserialize;
use std::path::PathBuf;

/// `[dedup]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dedup {
    /// The time for which ids are remembered. Default `72h`: APS retries for 48 hours.
    pub window: Duration,
    /// The time for which the same fact from another hook of a source counts as a repeat. A
    /// source's own `facts_window` takes precedence. Default: it never counts as one.
    pub facts_window: Option<Duration>,
    /// The Redis that replicas share, as a URL. Default: nothing is shared.
    pub shared: Option<Written>,
    /// The user in Redis, if the URL does not name one.
    pub shared_user: Option<String>,
    /// The user's password, if the URL does not hold it.
    pub shared_password: Option<Written>,
    /// The authorities that sign the server's certificate, as a file in PEM. Default: the system's.
    pub shared_ca: Option<PathBuf>,
    /// The prefix of the relay's keys. Default `cadrelay:`.
    pub shared_prefix: String,
    /// The longest wait for an answer of Redis. Default `250ms`.
    pub shared_deadline: Duration,
    /// The time for which records wait for a confirmation while Redis is away, before they are
    /// published without one. Default `15s`.
    pub shared_hold: Duration,
}

impl Default for Dedup {
    fn default() -> Self {
        Self {
            window: Duration(std::time::Duration::from_secs(72 * 3600)),
            facts_window: None,
            shared: None,
            shared_user: None,
            shared_password: None,
            shared_ca: None,
            shared_prefix: "cadrelay:".to_owned(),
            // A Redis nearby answers within one millisecond; a sender gives up after 5,000.
            shared_deadline: Duration(std::time::Duration::from_millis(250)),
            // Sentinels take ten seconds to agree on another master, and a managed one hardly
            // longer.
            shared_hold: Duration(std::time::Duration::from_secs(15)),
        }
    }
}

impl Dedup {
    /// The faults of the settings as they are written.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.window.0 < SHORTEST_WINDOW {
            let window = self.window;
            faults.push(format!(
                "dedup.window: {window} is too short; give 1s or more: a signature that is older \
                 than the window is refused"
            ));
        }
        let deadline = self.shared_deadline;
        if !(SHORTEST_DEADLINE..=LONGEST_DEADLINE).contains(&deadline.0) {
            faults.push(format!(
                "dedup.shared_deadline: {deadline} is not between 5ms and 2s; the senders give up after 5s"
            ));
        }
        // Hash tags would bring all keys to one server of a cluster.
        if self.shared_prefix.contains(['{', '}']) || self.shared_prefix.len() > LONGEST_PREFIX {
            faults
                .push("dedup.shared_prefix: expected at most 64 bytes without { and }".to_owned());
        }
        if self.shared.is_none() {
            let alone = [
                ("shared_user", self.shared_user.is_some()),
                ("shared_password", self.shared_password.is_some()),
                ("shared_ca", self.shared_ca.is_some()),
            ];
            for (key, _) in alone.into_iter().filter(|(_, is_set)| *is_set) {
                faults.push(format!("dedup.{key}: has no meaning without dedup.shared"));
            }
        }
        faults
    }

    /// Reads the secrets and files of the Redis that replicas share, if there is one.
    pub(super) fn target(&self, faults: &mut Vec<String>) -> Option<Target> {
        let url = self.shared.as_ref()?;
        let mut note = |key: &str, fault: &dyn std::fmt::Display| {
            faults.push(format!("dedup.{key}: {fault}"));
        };
        let url = url.resolve().map_err(|error| note("shared", &error)).ok()?;
        let mut address =
            Address::parse(url.reveal()).map_err(|fault| note("shared", &fault)).ok()?;
        if let Some(password) = &self.shared_password {
            match password.resolve() {
                Ok(_) if address.password.is_some() => {
                    note("shared_password", &"the URL in dedup.shared has one too");
                }
                Ok(password) => address.password = Some(password),
                Err(error) => note("shared_password", &error),
            }
        }
        if let Some(user) = &self.shared_user {
            match address.user {
                Some(_) => note("shared_user", &"the URL in dedup.shared has one too"),
                None => address.user = Some(user.clone()),
            }
        }
        if address.user.is_some() && address.password.is_none() {
            note("shared", &"a user without a password; set dedup.shared_password");
        }
        let authorities =
            self.shared_ca.as_ref().and_then(|path| match outbound::authorities(path) {
                Ok(_) if !address.is_tls => {
                    note(
                        "shared_ca",
                        &"has no meaning without TLS; dedup.shared is rediss:// with it",
                    );
                    None
                }
                Ok(authorities) => Some(authorities.pem),
                Err(why) => {
                    note("shared_ca", &why);
                    None
                }
            });
        Some(Target {
            connector: Connector::new(address, authorities),
            prefix: self.shared_prefix.clone(),
            deadline: self.shared_deadline.0,
            hold: self.shared_hold.0,
        })
    }
}

/// A notification takes some of it to arrive, and the sender's clock may differ.
const SHORTEST_WINDOW: std::time::Duration = std::time::Duration::from_secs(1);
const SHORTEST_DEADLINE: std::time::Duration = std::time::Duration::from_millis(5);
const LONGEST_DEADLINE: std::time::Duration = std::time::Duration::from_secs(2);
const LONGEST_PREFIX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(dedup: &Dedup) -> Vec<String> {
        let mut faults = dedup.faults();
        dedup.target(&mut faults);
        faults
    }

    #[test]
    fn a_shared_window_takes_its_secrets_from_the_url_or_beside_it() {
        let text = |text: &str| Some(Written::Text(text.to_owned()));
        let beside = Dedup {
            shared: text("rediss://redis:7000/2"),
            shared_user: Some("relay".to_owned()),
            shared_password: text("pass"),
            ..Dedup::default()
        };
        let within = Dedup { shared: text("rediss://relay:pass@redis:7000/2"), ..Dedup::default() };

        let address = |dedup: &Dedup| {
            let target = dedup.target(&mut Vec::new()).unwrap();
            target.connector.address().clone()
        };

        assert_eq!(faults(&beside), Vec::<String>::new());
        assert_eq!(address(&beside), address(&within));
        assert!(Dedup::default().target(&mut Vec::new()).is_none());
    }

    #[test]
    fn every_fault_of_a_shared_window_is_told_without_its_password() {
        let wrong = Dedup {
            shared: Some(Written::Text("redis://relay:hunter2@redis".to_owned())),
            shared_user: Some("relay".to_owned()),
            shared_password: Some(Written::Text("hunter2".to_owned())),
            shared_ca: Some("Cargo.toml".into()),
            shared_prefix: "{x}".to_owned(),
            shared_deadline: Duration(std::time::Duration::from_secs(9)),
            ..Dedup::default()
        };

        let told = faults(&wrong).join("\n");

        for key in
            ["shared_user", "shared_password", "shared_ca", "shared_prefix", "shared_deadline"]
        {
            assert!(told.contains(&format!("dedup.{key}: ")), "{key} in {told}");
        }
        assert!(!told.contains("hunter2"), "{told}");
        let alone = Dedup { shared_user: Some("relay".to_owned()), ..Dedup::default() };
        assert!(faults(&alone)[0].contains("without dedup.shared"));
        let nonsense = Dedup {
            shared: Some(Written::Text("memcached://hunter2@h".to_owned())),
            ..Dedup::default()
        };
        assert!(faults(&nonsense)[0].starts_with("dedup.shared: expected redis://"));
    }
}
