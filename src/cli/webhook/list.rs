//! `webhook list`: lists the existing hooks.

use crate::cli::exit::{Exit, Failure};
use crate::cli::webhook::session::{Client, Session};
use crate::cli::webhook::{rows, scope};
use crate::webhooks::aps;
use crate::webhooks::aps::client::Level;
use crate::webhooks::checks;
use crate::webhooks::scope::Scope;

/// List the hooks that exist at the provider, all pages.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Onshape: the hooks of this company instead of the user's.
    #[arg(long, value_name = "ID")]
    company: Option<String>,
    /// APS: only hooks of this system.
    #[arg(short, long)]
    system: Option<String>,
    /// APS: only hooks of this event.
    #[arg(short, long)]
    event: Option<String>,
    /// APS: only hooks with this status.
    #[arg(long, value_parser = ["active", "inactive", "reactivated"])]
    status: Option<String>,
    /// APS: only hooks with this scope.
    #[arg(long, value_name = "KEY=VALUE", value_parser = Scope::parse_pair)]
    scope: Vec<(String, String)>,
}

impl Args {
    /// Prints the hooks.
    pub async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match session.client()? {
            Client::Onshape(client) => {
                if self.system.is_some() || self.event.is_some() || self.status.is_some() {
                    return Err(Failure::usage("--system, --event and --status are for aps"));
                }
                let hooks = client.list(self.company.as_deref()).await?;
                session.print_list(rows::ONSHAPE, &hooks)?;
            }
            Client::Aps(client) => {
                if self.company.is_some() {
                    return Err(Failure::usage("--company is for onshape"));
                }
                session.print_list(rows::APS, &self.hooks(&client).await?)?;
            }
        }
        Ok(Exit::Done)
    }

    async fn hooks(&self, client: &aps::client::Client) -> Result<Vec<aps::hook::Hook>, Failure> {
        let system = match (&self.system, &self.event) {
            (None, Some(event)) => {
                let target = checks::aps_event(None, event)
                    .map_err(|objection| Failure::usage(format!("--event: {objection}")))?;
                Some(target.system)
            }
            (system, _) => system.clone(),
        };
        let level = match (&system, &self.event) {
            (Some(system), Some(event)) => Level::Event(system, event),
            (Some(system), None) => Level::System(system),
            (None, _) => Level::All,
        };
        let mut hooks = match self.status.as_deref() {
            Some(status) => client.list(level, Some(status)).await?,
            None => client.list_all(level).await?,
        };
        let scope = scope(&self.scope);
        hooks.retain(|hook| scope.is_within(&hook.scope));
        Ok(hooks)
    }
}
