//! The keys of the configuration that a running relay cannot take over: they differ, and need a
//! restart.
//!
//! # Promises
//! - Every key of every section is listed, as one that can be taken over or as one that cannot: a
//!   new key that is in no list does not compile.
//! - Only the key is named, never its value.

use crate::config::dedup::Dedup;
use crate::config::{Config, sections};
use crate::http::settings as http;
use crate::{kafka, spool, telemetry};

/// Names the fields in which two values of a struct differ, except the fields behind `but`.
macro_rules! differing {
    ($section:literal, $old:expr, $new:expr, $type:path { $($field:ident),* } but { $($free:ident),* }) => {{
        let ($type { $($field: _,)* $($free: _,)* }, old, new) = ($old, $old, $new);
        let mut keys: Vec<String> = Vec::new();
        $(if old.$field != new.$field {
            keys.push(concat!($section, ".", stringify!($field)).to_owned());
        })*
        keys
    }};
}

impl Config {
    /// The keys in which `new` differs from the running configuration and that need a restart.
    pub fn needs_restart(&self, new: &Self) -> Vec<String> {
        let Self { sources: _, subscriptions: _, .. } = self;
        let mut keys = differing!("http", &self.http, &new.http, http::Settings {
            listen, body_limit, read_timeout, keep_alive, stop_delay, max_connections, workers, public_url
        } but { allow_unproven, tls });
        if self.http.tls.is_some() != new.http.tls.is_some() {
            keys.push("http.tls".to_owned());
        }
        keys.extend(differing!("admin", &self.admin, &new.admin, http::Admin {
            listen, recent_events, recent_bytes
        } but { token }));
        keys.extend(differing!("kafka", &self.kafka, &new.kafka, kafka::settings::Settings {
            brokers, delivery, topic_prefix, encoding, create_topics, partitions, replication, topics
        } but { client }));
        keys.extend(properties(&self.kafka, &new.kafka));
        keys.extend(differing!("spool", &self.spool, &new.spool, spool::settings::Settings {
            dir, max_bytes, disk_reserve
        } but {}));
        keys.extend(differing!("dedup", &self.dedup, &new.dedup, Dedup {
            window, shared, shared_user, shared_password, shared_ca, shared_prefix, shared_deadline,
            shared_hold
        } but { facts_window }));
        let sections::Keeper { interval: _, enabled: _ } = &self.keeper;
        keys.extend(
            differing!("telemetry", &self.telemetry, &new.telemetry, telemetry::settings::Settings {
            otlp, otlp_ca
        } but { log_level }),
        );
        keys
    }
}

/// The client's properties that differ, each by its own name.
fn properties(old: &kafka::settings::Settings, new: &kafka::settings::Settings) -> Vec<String> {
    let names =
        old.client.keys().chain(new.client.keys().filter(|name| !old.client.contains_key(*name)));
    let differs = |name: &&String| old.client.get(*name) != new.client.get(*name);
    names.filter(differs).map(|name| format!("kafka.client.\"{name}\"")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::ByteSize;
    use crate::secret::written::Written;

    #[test]
    fn what_needs_a_restart_is_named_by_its_key_and_nothing_else_is() {
        let old = Config::default();
        let mut new = old.clone();
        new.admin.token = Some(Written::Text("t".to_owned()));
        new.dedup.facts_window = Some(new.dedup.window);
        assert_eq!(old.needs_restart(&new), [""; 0]);

        new.http.body_limit = ByteSize(7);
        new.kafka.partitions = 7;
        new.kafka.client.insert("sasl.password".to_owned(), Written::Text("p".to_owned()));
        new.http.tls = Some(http::Tls { cert: "c".into(), key: "k".into() });

        let keys =
            ["http.body_limit", "http.tls", "kafka.partitions", "kafka.client.\"sasl.password\""];
        assert_eq!(old.needs_restart(&new), keys);
    }
}
