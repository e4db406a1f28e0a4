//! `webhook create`: make a hook, asking for what is missing.
//!
//! # Promises
//! - Everything that can be checked is checked before the one call that makes the hook.
//! - Ctrl-C during the questions sends nothing.

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::note;
use crate::cli::webhook::session::Session;
use crate::cli::webhook::{rows, scope, secret, terminal};
use crate::event::provider::Provider;
use crate::providers::catalog;
use crate::secret::Secret;
use crate::webhooks::apply;
use crate::webhooks::aps::client::Client;
use crate::webhooks::aps::hook::{Address, New};
use crate::webhooks::aps::patch::Patch;
use crate::webhooks::checks::{self, Objection, Setting};
use crate::webhooks::error::Error;
use crate::webhooks::onshape::hook::{Options, Params};
use crate::webhooks::scope::Scope;
use crate::webhooks::url::CallbackUrl;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::time::Duration;

/// Make a hook. Asks for what is missing, if there is a terminal.
///
/// The receiver must be up: Onshape posts a webhook.register at once and cancels the hook unless it
/// is answered 200.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the provider shall post.
    #[arg(short, long, value_name = "URL")]
    url: Option<String>,
    /// The event, see `cadrelay webhook events`. Several for onshape, or a pattern for aps (dm.*).
    #[arg(short, long = "event", value_name = "EVENT")]
    events: Vec<String>,
    /// What to listen to: documentId=…, companyId=…, folder=…, project=….
    #[arg(long, value_name = "KEY=VALUE", value_parser = Scope::parse_pair)]
    scope: Vec<(String, String)>,
    /// Narrow it: an expression for onshape, JSON paths for aps, of which all must match.
    #[arg(long, value_name = "FILTER", num_args = 1..)]
    filter: Vec<String>,
    #[command(flatten)]
    onshape: Onshape,
    #[command(flatten)]
    aps: Aps,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Onshape")]
struct Onshape {
    /// A name.
    #[arg(long)]
    name: Option<String>,
    /// A description.
    #[arg(long)]
    description: Option<String>,
    /// A text that each notification echoes.
    #[arg(long)]
    data: Option<String>,
    /// One notification for similar events.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    collapse: Option<bool>,
    /// Let Onshape remove it after some idle days (its own default; here it is durable).
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    transient: Option<bool>,
    /// Seconds after which to look whether Onshape has kept the hook [default: 3].
    #[arg(long, value_name = "SECONDS", value_parser = super::wait)]
    wait: Option<Duration>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "APS")]
struct Aps {
    /// The system that owns the event, where the catalog cannot tell.
    #[arg(short, long)]
    system: Option<String>,
    /// Every event of the --system, one hook each.
    #[arg(long, requires = "system", conflicts_with = "events")]
    all_events: bool,
    /// A JSON object that each callback repeats, under 1 KB.
    #[arg(long, value_name = "JSON", value_parser = super::attributes)]
    attributes: Option<Map<String, Value>>,
    /// Let APS try an inactive hook again after a week.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    auto_reactivate: Option<bool>,
    /// When APS shall remove it: 2027-01-31T00:00:00Z.
    #[arg(long, value_name = "T", value_parser = super::expiry)]
    expires: Option<Timestamp>,
    /// Callbacks without the hook. The relay needs `assume` for such a source.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    payload_only: Option<bool>,
    /// The tenant.
    #[arg(long)]
    tenant: Option<String>,
    /// The hub, with its `b.`, for users in very many projects.
    #[arg(long)]
    hub: Option<String>,
    /// The project, with its `b.`.
    #[arg(long)]
    project: Option<String>,
    /// What this hook's callbacks are signed with: 32 to 64 letters and digits.
    #[arg(long, value_name = "S", value_parser = secret::secret)]
    secret: Option<Secret>,
}

impl Args {
    /// Makes the hook.
    pub async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match session.required_provider()? {
            Provider::Onshape => self.at_onshape(session).await,
            Provider::Aps => self.at_aps(session).await,
        }
    }

    async fn at_onshape(mut self, session: &Session) -> Result<Exit, Failure> {
        self.aps.refuse()?;
        if self.filter.len() > 1 {
            return Err(Failure::usage("--filter: onshape takes one"));
        }
        let scope = self.scope();
        if session.is_interactive() {
            // Who lacks credentials shall not answer questions first.
            session.onshape()?;
        }
        let url = self.callback_url(session)?;
        if self.events.is_empty() {
            self.events = vec![self.chosen_event(Provider::Onshape, session)?];
        }
        let warnings = checks::onshape_events(&self.events).map_err(usage)?;
        let keys = checks::scope_keys(Provider::Onshape, None, &self.events[0]);
        let scope = asked_scope(session, scope, &keys)?;
        checks::onshape_scope(&self.events, &scope).map_err(usage)?;
        warnings.iter().for_each(|warning| note(&format!("warning: {warning}")));

        let client = session.onshape()?;
        let params = Params {
            id: None,
            url: Some(url),
            events: Some(self.events),
            scope: scope.clone(),
            name: self.onshape.name,
            description: self.onshape.description,
            data: self.onshape.data,
            filter: self.filter.into_iter().next(),
            is_transient: self.onshape.transient.unwrap_or(false),
            options: Options { collapse_events: self.onshape.collapse.unwrap_or(false) },
        };
        note("Creating webhook...");
        let mut hook = client.create(&params).await.map_err(maybe_made)?;
        // What is known beyond what the API returns.
        hook.scope = scope;
        tokio::time::sleep(self.onshape.wait.unwrap_or(apply::TRIAL)).await;
        match apply::survived(&client, &hook).await {
            Ok(()) => {}
            Err(error @ Error::Unconfirmed { .. }) => note(&format!("warning: {error}")),
            Err(error) => return Err(error.into()),
        }
        session.print(rows::ONSHAPE.keys, &hook)?;
        Ok(Exit::Done)
    }

    async fn at_aps(mut self, session: &Session) -> Result<Exit, Failure> {
        self.onshape.refuse()?;
        if self.events.len() > 1 {
            return Err(Failure::usage("--event: a hook of aps has one; a pattern covers several"));
        }
        let secret = self.aps.secret.take().map(secret::check).transpose()?;
        let scope = self.scope();
        if session.is_interactive() {
            session.aps(session.region)?;
        }
        let url = self.callback_url(session)?;
        let event = match self.events.pop() {
            Some(event) => event,
            None if self.aps.all_events => EVERY_EVENT.to_owned(),
            None => self.chosen_event(Provider::Aps, session)?,
        };
        let target = checks::aps_event(self.aps.system.as_deref(), &event).map_err(usage)?;
        let keys = checks::scope_keys(Provider::Aps, Some(&target.system), &event);
        let scope = asked_scope(session, scope, &keys)?;
        let doubt = checks::aps_scope(&target.system, &event, &scope).map_err(usage)?;
        let warnings = target.warning.iter().chain(&doubt);
        warnings.for_each(|warning| note(&format!("warning: {warning}")));

        let client = session.aps(session.region)?;
        let new = New {
            system: target.system,
            event,
            url,
            scope,
            filter: self.filter,
            attributes: self.aps.attributes.unwrap_or_default(),
            auto_reactivate: self.aps.auto_reactivate,
            payload_only: self.aps.payload_only,
            expires: self.aps.expires,
            tenant: self.aps.tenant,
            hub: self.aps.hub,
            project: self.aps.project,
        };
        let patch = secret.map(|secret| Patch { secret: Some(secret), ..Patch::default() });
        if self.aps.all_events {
            note("Creating webhooks...");
            let hooks = client.create_all(&new).await.map_err(maybe_made)?;
            let mut exit = Exit::Done;
            for hook in &hooks {
                // One that is refused does not stop the others.
                if let Err(failure) = sign_with(&client, &hook.address(), patch.as_ref()).await {
                    note(&format!("error: {}", failure.message));
                    exit = exit.or(failure.exit);
                }
            }
            session.print_list(rows::APS, &hooks)?;
            return Ok(exit);
        }
        note("Creating webhook...");
        let address = client.create(&new).await.map_err(maybe_made)?;
        sign_with(&client, &address, patch.as_ref()).await?;
        let hook = client
            .get(&address)
            .await
            .map_err(|error| made_but(&address, error, "cannot be shown"))?;
        session.print(rows::APS.keys, &hook)?;
        Ok(Exit::Done)
    }

    fn scope(&self) -> Scope {
        scope(&self.scope)
    }

    /// The URL, asked for if it is missing.
    fn callback_url(&self, session: &Session) -> Result<CallbackUrl, Failure> {
        let url = match &self.url {
            Some(url) => CallbackUrl::parse(url)
                .map_err(|error| Failure::usage(format!("--url: {error}")))?,
            None if session.is_interactive() => terminal::ask_for("Callback URL: ", |answer| {
                CallbackUrl::parse(answer).map_err(|error| error.to_string())
            })?,
            None => return Err(Failure::usage("--url is needed: where the provider shall post")),
        };
        if let Some(concern) = url.concern().filter(|_| !session.is_simulated()) {
            note(&format!("warning: {url}: {concern}"));
        }
        Ok(url)
    }

    /// An event, chosen from the catalog.
    fn chosen_event(&self, provider: Provider, session: &Session) -> Result<String, Failure> {
        if !session.is_interactive() {
            return Err(Failure::usage("--event is needed, see `cadrelay webhook events`"));
        }
        let rows: Vec<_> = catalog::entries(provider)
            .iter()
            .filter(|entry| !entry.scope.is_empty())
            .filter(|entry| self.aps.system.is_none() || entry.system == self.aps.system.as_deref())
            .map(|entry| (entry.event, entry.meaning))
            .collect();
        terminal::choose("Event:", &rows).map(str::to_owned)
    }
}

/// The scope, asked for if it is missing and one key could be told.
fn asked_scope(session: &Session, scope: Scope, keys: &[&str]) -> Result<Scope, Failure> {
    if !session.is_interactive()
        || keys.is_empty()
        || keys.iter().any(|key| scope.get(key).is_some())
    {
        return Ok(scope);
    }
    let rows: Vec<_> = keys.iter().map(|key| (*key, "listen to one of these")).collect();
    let key = match rows.as_slice() {
        [(only, _)] => only,
        rows => terminal::choose("Scope:", rows)?,
    };
    let value = terminal::ask_for(&format!("{key}: "), |answer| match answer {
        "" => Err("an id is needed".to_owned()),
        answer => Ok(answer.to_owned()),
    })?;
    Ok(scope.with(key, value))
}

impl Onshape {
    fn refuse(&self) -> Result<(), Failure> {
        super::refuse(
            Provider::Aps,
            &[
                ("--name", self.name.is_some()),
                ("--description", self.description.is_some()),
                ("--data", self.data.is_some()),
                ("--collapse", self.collapse.is_some()),
                ("--transient", self.transient.is_some()),
                ("--wait", self.wait.is_some()),
            ],
        )
    }
}

impl Aps {
    fn refuse(&self) -> Result<(), Failure> {
        super::refuse(
            Provider::Onshape,
            &[
                ("--system", self.system.is_some()),
                ("--all-events", self.all_events),
                ("--attributes", self.attributes.is_some()),
                ("--auto-reactivate", self.auto_reactivate.is_some()),
                ("--expires", self.expires.is_some()),
                ("--payload-only", self.payload_only.is_some()),
                ("--tenant", self.tenant.is_some()),
                ("--hub", self.hub.is_some()),
                ("--project", self.project.is_some()),
                ("--secret", self.secret.is_some()),
            ],
        )
    }
}

/// Gives a hook a secret of its own, if it shall have one.
async fn sign_with(
    client: &Client,
    address: &Address,
    patch: Option<&Patch>,
) -> Result<(), Failure> {
    let Some(patch) = patch else { return Ok(()) };
    let updated = client.update(address, patch).await;
    updated.map_err(|error| made_but(address, error, "has no secret of its own"))
}

fn made_but(address: &Address, error: Error, what: &str) -> Failure {
    Failure::from(error).context(format_args!("the hook {} was made, but {what}", address.id))
}

/// The objection, by the flag that has to change.
fn usage(objection: Objection) -> Failure {
    let flag = match objection.setting() {
        Setting::Events => "--event",
        Setting::System => "--system",
        Setting::Scope => "--scope",
    };
    Failure::usage(format!("{flag}: {objection}"))
}

/// A call without an answer may still have made the hook, and is not repeated.
fn maybe_made(error: Error) -> Failure {
    let lost = matches!(error, Error::Unreachable { .. } | Error::Unreadable { .. });
    let mut failure = Failure::from(error);
    if lost {
        failure.message.push_str("; the hook may have been made: see `cadrelay webhook list`");
    }
    failure
}

/// What stands for every event of a system when a scope is checked.
const EVERY_EVENT: &str = "*";
