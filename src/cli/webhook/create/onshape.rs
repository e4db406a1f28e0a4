//! `webhook create` at Onshape.

use super::{Hook, asked_scope, maybe_made, usage};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::note;
use crate::cli::webhook::session::Session;
use crate::cli::webhook::{flags, rows};
use crate::event::provider::Provider;
use crate::webhooks::error::Error;
use crate::webhooks::onshape::hook::{Options, Params};
use crate::webhooks::{apply, checks};
use std::time::Duration;

/// The flags that only Onshape takes.
#[derive(Debug, clap::Args)]
// The group would get the name of the type, which the other provider's flags have as well.
#[command(next_help_heading = "Onshape")]
#[group(skip)]
pub struct Flags {
    #[command(flatten)]
    given: flags::Onshape,
    /// Seconds to wait before checking that Onshape has kept the hook [default: 3].
    #[arg(long, value_name = "SECONDS", value_parser = crate::cli::webhook::wait)]
    wait: Option<Duration>,
}

impl Flags {
    /// Refuses all of them if the provider is APS.
    pub fn refuse(&self) -> Result<(), Failure> {
        self.given.refuse(&[("--wait", self.wait.is_some())])
    }

    /// Creates a hook at Onshape, and checks that it stays.
    pub async fn make(self, mut hook: Hook, session: &Session) -> Result<Exit, Failure> {
        if hook.filter.len() > 1 {
            return Err(Failure::usage("--filter: onshape takes one"));
        }
        let scope = hook.scope();
        if session.is_interactive() {
            // Checks the credentials before a person has to answer questions.
            session.onshape()?;
        }
        let url = hook.callback_url(session)?;
        if hook.events.is_empty() {
            hook.events = vec![Hook::chosen_event(Provider::Onshape, None, session)?];
        }
        let warnings = checks::onshape_events(&hook.events).map_err(usage)?;
        let keys = checks::scope_keys(Provider::Onshape, None, &hook.events[0]);
        let scope = asked_scope(session, scope, &keys)?;
        checks::onshape_scope(&hook.events, &scope).map_err(usage)?;
        warnings.iter().for_each(|warning| note(&format!("warning: {warning}")));

        let client = session.onshape()?;
        let params = Params {
            id: None,
            url: Some(url),
            events: Some(hook.events),
            scope: scope.clone(),
            name: self.given.name,
            description: self.given.description,
            data: self.given.data,
            filter: hook.filter.into_iter().next(),
            is_transient: self.given.transient.unwrap_or(false),
            options: Options { collapse_events: self.given.collapse.unwrap_or(false) },
        };
        note("Creating webhook...");
        let mut made = client.create(&params).await.map_err(maybe_made)?;
        // The API does not return the scope.
        made.scope = scope;
        tokio::time::sleep(self.wait.unwrap_or(apply::TRIAL)).await;
        match apply::survived(&client, &made).await {
            Ok(()) => {}
            Err(error @ Error::Unconfirmed { .. }) => note(&format!("warning: {error}")),
            Err(error) => return Err(error.into()),
        }
        session.print(rows::ONSHAPE.keys, &made)?;
        Ok(Exit::Done)
    }
}
