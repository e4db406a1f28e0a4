//! Takes over another configuration while the relay runs: sources, their secrets, the certificate,
//! the token of the admin listener, the subscriptions that are kept.
//!
//! # Promises
//! - All or nothing: everything that can fail comes before the first change.
//! - A request is answered by the sources of the moment at which its head was read: all old or all
//!   new, and always by one of them.
//! - Changes are reported by name, without any value.
//!
//! # Limits
//! A change of anything else needs a restart, and is refused with its key
//! ([`Config::needs_restart`]).
//!
//! Does not deal with signals, files, or the log's level.

use crate::app::inlets::{self, Connecting};
use crate::app::keeping::Keeping;
use crate::app::parts::{assignment, topics, window};
use crate::config::{Config, Resolved};
use crate::http::admin::Admin;
use crate::http::ingest::{Inlet, Inlets, Sources};
use crate::http::server::tls::{Certificate, Shown};
use crate::lock::lock;
use crate::providers::source::Source;
use crate::webhooks::declared::Declared;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

/// Takes over another configuration.
#[derive(Debug)]
pub struct Reloader {
    connecting: Connecting,
    inlets: Arc<Inlets>,
    admin: Arc<Admin>,
    shown: Option<Arc<Shown>>,
    keeping: Arc<Keeping>,
    running: Mutex<Running>,
}

/// The configuration that is in force.
#[derive(Debug)]
pub(super) struct Running {
    /// The settings.
    pub config: Config,
    /// The certificate in use.
    pub certificate: Option<Certificate>,
    /// The subscriptions.
    pub subscriptions: Vec<Declared>,
}

/// The changes of a reload, by name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Changes {
    /// Sources that are new.
    pub added: Vec<String>,
    /// Sources that are gone.
    pub removed: Vec<String>,
    /// Sources with another configuration, or with other secrets.
    pub changed: Vec<String>,
    /// The keys of all other changes.
    pub keys: Vec<&'static str>,
}

/// The reasons why nothing was taken over: each fault with its key.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct Refused(pub Vec<String>);

impl Reloader {
    pub(super) fn new(
        connecting: Connecting,
        inlets: Arc<Inlets>,
        admin: Arc<Admin>,
        shown: Option<Arc<Shown>>,
        keeping: Arc<Keeping>,
        running: Running,
    ) -> Self {
        Self { connecting, inlets, admin, shown, keeping, running: Mutex::new(running) }
    }

    /// True if the relay was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.inlets.leaving.load(Ordering::Relaxed)
    }

    /// Takes over a configuration that was read and checked, or refuses it and changes nothing.
    pub fn reload(&self, new: Resolved, now: Timestamp) -> Result<Changes, Refused> {
        let reloaded = self.take_over(new);
        match &reloaded {
            Ok(_) => self.connecting.metrics.reloads.done(now),
            Err(_) => self.refused(),
        }
        reloaded
    }

    /// Counts a reload whose configuration could not even be read.
    pub fn refused(&self) {
        self.connecting.metrics.reloads.refused();
    }

    fn take_over(&self, new: Resolved) -> Result<Changes, Refused> {
        let mut running = lock(&self.running);
        let faults = running.faults(&new);
        if !faults.is_empty() {
            return Err(Refused(faults));
        }
        let assignment = assignment(&new.config, &new.subscriptions)
            .map_err(|error| Refused(vec![format!("subscriptions: {error:#}")]))?;
        let keys = running.keeping_changes(&new);
        let before = self.inlets.sources();
        let mut changes = Changes::of_sources(&before, &new.sources);
        let names = inlets::names(&new.sources);
        let window = window(&new.config, &new.sources);
        let topics = topics(&new.config, &new.sources);
        let old_names = inlets::names(before.values().map(|inlet| inlet.ingest.source()));
        let leaving = old_names.iter().filter(|(name, _)| changes.removed.contains(name));
        // Sources that leave are followed until their requests are no longer taken.
        let all: Vec<_> = names.iter().chain(leaving).cloned().collect();
        self.connecting.gaps.follow(&all);
        let sources = match self.connect(&before, new.sources) {
            Ok(sources) => sources,
            Err(error) => {
                self.connecting.gaps.follow(&old_names);
                return Err(Refused(vec![format!("sources: {error:#}")]));
            }
        };
        // Before the first notification of a source with signed times.
        self.connecting.remember_for(window);
        self.connecting.spool.expect(&topics);
        self.inlets.by_name.store(Arc::new(sources));
        self.connecting.gaps.follow(&names);
        for name in &changes.removed {
            self.connecting.metrics.leave(name);
        }
        if self.replace_certificate(&running, new.certificate.as_ref()) {
            changes.keys.push("http.tls");
        }
        if self.admin.token.load().as_deref() != new.admin_token.as_ref() {
            self.admin.token.store(new.admin_token.map(Arc::new));
            changes.keys.push("admin.token");
        }
        if running.config.telemetry.log_level != new.config.telemetry.log_level {
            changes.keys.push("telemetry.log_level");
        }
        if !keys.is_empty() {
            self.keeping.change(assignment, new.config.keeper.enabled);
            changes.keys.extend(keys);
        }
        running.config = new.config;
        running.certificate = new.certificate;
        running.subscriptions = new.subscriptions;
        Ok(changes)
    }

    /// Connects the new sources. A source whose configuration did not change keeps its inlet.
    fn connect(&self, before: &Sources, sources: Vec<Source>) -> anyhow::Result<Sources> {
        let connected = sources.into_iter().map(|source| {
            let name = source.name().to_owned();
            let same = before.get(&name).filter(|inlet| inlet.ingest.source().is(&source));
            let inlet = match same {
                Some(inlet) => Arc::clone(inlet),
                None => Arc::new(self.connecting.connect(source)?),
            };
            Ok((name, inlet))
        });
        connected.collect()
    }

    /// Replaces the certificate, and returns true, if the new one differs.
    fn replace_certificate(&self, running: &Running, new: Option<&Certificate>) -> bool {
        let (Some(shown), Some(new)) = (&self.shown, new) else { return false };
        if running.certificate.as_ref().is_some_and(|old| old.is(new)) {
            return false;
        }
        shown.replace(new);
        self.connecting.metrics.reloads.certificate_ends(new.ends);
        true
    }
}

impl Running {
    /// The reasons why a configuration cannot be taken over.
    fn faults(&self, new: &Resolved) -> Vec<String> {
        let needs_restart = |key: String| format!("{key}: a change needs a restart");
        self.config.needs_restart(&new.config).into_iter().map(needs_restart).collect()
    }

    /// The keys in which the keeper's work differs.
    fn keeping_changes(&self, new: &Resolved) -> Vec<&'static str> {
        let (old_keeper, keeper) = (&self.config.keeper, &new.config.keeper);
        let changes = [
            ("subscriptions", describe(&self.subscriptions) != describe(&new.subscriptions)),
            ("keeper.interval", old_keeper.interval != keeper.interval),
            ("keeper.enabled", old_keeper.enabled != keeper.enabled),
        ];
        changes.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
    }
}

/// Describes subscriptions so that two lists can be compared.
fn describe(subscriptions: &[Declared]) -> BTreeMap<&str, String> {
    let described = subscriptions.iter().map(|one| {
        let Declared { name, url, scope, keep, source, at } = one;
        let url = url.reveal();
        (name.as_str(), format!("{url} {scope:?} {keep} {source:?} {at:?}"))
    });
    described.collect()
}

impl Changes {
    fn of_sources(before: &Sources, new: &[Source]) -> Self {
        let old = |name: &str| before.get(name).map(|inlet: &Arc<Inlet>| inlet.ingest.source());
        let named = |keep: &dyn Fn(&&Source) -> bool| {
            let mut names: Vec<String> =
                new.iter().filter(keep).map(|source| source.name().to_owned()).collect();
            names.sort();
            names
        };
        let mut removed: Vec<String> = before
            .keys()
            .filter(|name| new.iter().all(|source| source.name() != *name))
            .cloned()
            .collect();
        removed.sort();
        Self {
            added: named(&|source| old(source.name()).is_none()),
            changed: named(&|source| old(source.name()).is_some_and(|old| !old.is(source))),
            removed,
            keys: Vec::new(),
        }
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("sources added: ", self.added.join(", ")),
            ("removed: ", self.removed.join(", ")),
            ("changed: ", self.changed.join(", ")),
            ("also: ", self.keys.join(", ")),
        ];
        let said: Vec<String> = parts
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(what, names)| format!("{what}{names}"))
            .collect();
        match said.is_empty() {
            true => f.write_str("nothing is different"),
            false => f.write_str(&said.join("; ")),
        }
    }
}
