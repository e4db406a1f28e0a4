//! Reads the secrets and files that the settings name, and reports the settings that do not fit
//! together.
//!
//! Every check runs, even after another one found a fault.

use crate::config::{Config, Resolved};
use crate::http::server::descriptors;
use crate::http::server::tls::{self, Certificate};
use crate::http::settings as http;
use crate::kafka;
use crate::providers::settings as source;
use crate::providers::source::Source;
use crate::quantity::ByteSize;
use crate::spool;
use crate::webhooks::settings;
use std::collections::BTreeSet;
use std::error::Error as _;
use std::net::SocketAddr;
use std::path::Path;

/// Checks everything. The result is complete only if no fault was noted.
pub(super) fn resolve(mut config: Config, faults: &mut Vec<String>) -> Resolved {
    let mut warnings = Vec::new();
    let http_faults = config.http.faults();
    if http_faults.is_empty()
        && let Err(too_few) = descriptors::check(config.http.worker_threads())
    {
        faults.push(too_few.to_string());
    }
    faults.extend(http_faults);
    faults.extend(listeners_fault(config.http.listen, config.admin.listen));
    faults.extend(config.spool.faults());
    faults.extend(config.kafka.faults());
    faults.extend(config.dedup.faults());
    faults.extend(config.keeper.faults());
    faults.extend(place_fault(&config.spool.dir));
    faults.extend(config.kafka.resolve_secrets());
    faults.extend(kafka::client::faults(&config.kafka));
    let sources = sources(&config, faults);
    let certificate = config.http.tls.as_ref().and_then(|tls| match Certificate::read(tls) {
        Ok(certificate) => Some(certificate),
        Err(error) => {
            faults.push(with_cause(&error));
            None
        }
    });
    let admin_token = config.admin.token.as_ref().and_then(|token| match token.resolve() {
        Ok(token) => Some(token),
        Err(error) => {
            faults.push(format!("admin.token: {error}"));
            None
        }
    });
    warnings.extend(admin_warning(&config.admin));
    warnings.extend(disk_warning(&config.spool));
    let now = jiff::Timestamp::now();
    warnings.extend(certificate.as_ref().and_then(|certificate| expiry_warning(certificate, now)));
    let public_url = config.http.public_url.as_deref();
    let subscriptions = settings::resolve(&config.subscriptions, public_url, now, &mut warnings)
        .unwrap_or_else(|found| {
            faults.extend(found.iter().map(ToString::to_string));
            Vec::new()
        });
    let shared = config.dedup.target(faults);
    let collector = config.telemetry.target(faults);
    Resolved {
        config,
        certificate,
        sources,
        admin_token,
        subscriptions,
        shared,
        collector,
        warnings,
    }
}

fn sources(config: &Config, faults: &mut Vec<String>) -> Vec<Source> {
    if config.sources.is_empty() {
        faults.push(format!("{NO_SOURCES}; add a [[sources]] with name, provider and proof"));
    }
    let mut names = BTreeSet::new();
    let mut sources = Vec::new();
    for settings in &config.sources {
        if !names.insert(&settings.name) {
            faults.push(format!("sources: two are named {:?}", settings.name));
        }
        let facts_window = settings.facts_window.or(config.dedup.facts_window);
        let settings = source::Settings { facts_window, ..settings.clone() };
        match Source::new(&settings, config.dedup.window.0) {
            Ok(source) => sources.push(source),
            Err(error) => faults.push(error.to_string()),
        }
    }
    let http = &config.http;
    let is_exposed = !http.listen.ip().is_loopback() && !http.allow_unproven;
    for source in sources.iter().filter(|source| is_exposed && source.asks_nothing()) {
        faults.push(format!(
            "source {:?}: proof = \"none\" on {}, which is not a loopback address; give it a \
             proof, or set http.allow_unproven = true",
            source.name(),
            http.listen
        ));
    }
    sources
}

/// Reports two listeners that want the same port of the same address.
fn listeners_fault(ingest: SocketAddr, admin: SocketAddr) -> Option<String> {
    let (one, other) = (ingest.ip(), admin.ip());
    let meet = one == other || one.is_unspecified() || other.is_unspecified();
    // Port 0 is any free one.
    (meet && ingest.port() == admin.port() && ingest.port() != 0).then(|| {
        format!(
            "admin.listen: {admin} is taken by http.listen, {ingest}; give each a port of its own"
        )
    })
}

/// Reports a spool directory that does not exist and cannot be made.
fn place_fault(dir: &Path) -> Option<String> {
    let nearest = nearest(dir)?;
    (!nearest.is_dir()).then(|| {
        format!(
            "spool.dir: {} cannot be made, as {} is no directory",
            dir.display(),
            nearest.display()
        )
    })
}

/// The nearest existing path, from the directory upwards.
fn nearest(dir: &Path) -> Option<&Path> {
    dir.ancestors().find(|path| std::fs::symlink_metadata(path).is_ok())
}

/// Warns of a reserve that is larger than the spool's disk. A warning and no fault: a relay whose
/// disk was exchanged must still publish what waits.
fn disk_warning(spool: &spool::settings::Settings) -> Option<String> {
    let dir = std::path::absolute(&spool.dir).ok()?;
    let disk = rustix::fs::statvfs(nearest(&dir)?).ok()?;
    let size = disk.f_blocks.saturating_mul(disk.f_frsize);
    (spool.reserve() >= size).then(|| {
        format!(
            "spool.disk_reserve: {} is not less than the whole disk of {}, which has {}: every \
             notification is answered 503",
            ByteSize(spool.reserve()),
            dir.display(),
            ByteSize(size)
        )
    })
}

fn admin_warning(admin: &http::Admin) -> Option<String> {
    let is_exposed = !admin.listen.ip().is_loopback() && admin.token.is_none();
    is_exposed.then(|| {
        format!(
            "admin.listen is {}, which is not a loopback address, and admin.token is not set: \
             whoever reaches it reads metrics and events",
            admin.listen
        )
    })
}

/// Warns of a certificate that has ended. A warning and no fault: a relay that ran yesterday must
/// start today.
fn expiry_warning(certificate: &Certificate, now: jiff::Timestamp) -> Option<String> {
    let ends = certificate.ends;
    (ends <= now)
        .then(|| format!("http.tls.cert: the certificate ended at {ends}: senders refuse it"))
}

fn with_cause(error: &tls::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// The text with which the fault of a configuration without sources begins.
pub(super) const NO_SOURCES: &str = "sources: none";
