//! `webhook create` at APS.

use super::{Hook, asked_scope, maybe_made, usage};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::note;
use crate::cli::webhook::session::Session;
use crate::cli::webhook::{flags, rows, secret};
use crate::event::provider::Provider;
use crate::webhooks::aps::client::Client;
use crate::webhooks::aps::hook::{Address, New};
use crate::webhooks::aps::patch::Patch;
use crate::webhooks::checks;
use crate::webhooks::error::Error;

/// The flags that only APS takes.
#[derive(Debug, clap::Args)]
// The group would get the name of the type, which the other provider's flags have as well.
#[command(next_help_heading = "APS")]
#[group(skip)]
pub struct Flags {
    #[command(flatten)]
    given: flags::Aps,
    /// Every event of the --system, one hook each.
    #[arg(long, requires = "system", conflicts_with = "events")]
    all_events: bool,
    /// The tenant.
    #[arg(long)]
    tenant: Option<String>,
    /// The hub, with its `b.`, for users with very many projects.
    #[arg(long)]
    hub: Option<String>,
    /// The project, with its `b.`.
    #[arg(long)]
    project: Option<String>,
}

impl Flags {
    /// Refuses all of them if the provider is Onshape.
    pub fn refuse(&self) -> Result<(), Failure> {
        self.given.refuse(&[
            ("--all-events", self.all_events),
            ("--tenant", self.tenant.is_some()),
            ("--hub", self.hub.is_some()),
            ("--project", self.project.is_some()),
        ])
    }

    /// Creates a hook at APS, or one for each event of a system.
    pub async fn make(mut self, mut hook: Hook, session: &Session) -> Result<Exit, Failure> {
        if hook.events.len() > 1 {
            return Err(Failure::usage("--event: a hook of aps has one; a pattern covers several"));
        }
        let secret = self.given.secret.take().map(secret::check).transpose()?;
        let scope = hook.scope();
        if session.is_interactive() {
            session.aps(session.region)?;
        }
        let url = hook.callback_url(session)?;
        let event = match hook.events.pop() {
            Some(event) => event,
            None if self.all_events => EVERY_EVENT.to_owned(),
            None => Hook::chosen_event(Provider::Aps, self.given.system.as_deref(), session)?,
        };
        let target = checks::aps_event(self.given.system.as_deref(), &event).map_err(usage)?;
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
            filter: hook.filter,
            attributes: self.given.attributes.unwrap_or_default(),
            auto_reactivate: self.given.auto_reactivate,
            payload_only: self.given.payload_only,
            expires: self.given.expires,
            tenant: self.tenant,
            hub: self.hub,
            project: self.project,
        };
        let patch = secret.map(|secret| Patch { secret: Some(secret), ..Patch::default() });
        if self.all_events {
            note("Creating webhooks...");
            let hooks = client.create_all(&new).await.map_err(maybe_made)?;
            let mut exit = Exit::Done;
            for hook in &hooks {
                // A refused one does not stop the others.
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
        let made = client
            .get(&address)
            .await
            .map_err(|error| made_but(&address, error, "cannot be shown"))?;
        session.print(rows::APS.keys, &made)?;
        Ok(Exit::Done)
    }
}

/// Gives a hook its own secret, if there is one.
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

/// Stands for every event of a system when a scope is checked.
const EVERY_EVENT: &str = "*";
