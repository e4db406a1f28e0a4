//! `webhook get`: shows one hook.

use crate::cli::exit::{Exit, Failure};
use crate::cli::webhook::session::{Client, Session};
use crate::cli::webhook::{Whereabouts, rows};
use crate::webhooks::aps;
use crate::webhooks::aps::client::Level;
use crate::webhooks::aps::hook::Address;
use crate::webhooks::checks;

/// Show one hook.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id of the hook.
    id: String,
    #[command(flatten)]
    whereabouts: Whereabouts,
}

impl Args {
    /// Prints the hook.
    pub async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match session.client()? {
            Client::Onshape(client) => {
                session.print(rows::ONSHAPE.keys, &client.get(&self.id).await?)?;
            }
            Client::Aps(client) => {
                let hook = match self.whereabouts.address(&self.id)? {
                    Some(address) => client.get(&address).await?,
                    None => self.whereabouts.find(&client, &self.id).await?,
                };
                session.print(rows::APS.keys, &hook)?;
            }
        }
        Ok(Exit::Done)
    }
}

impl Whereabouts {
    /// The address of the hook, if the event was given.
    pub fn address(&self, id: &str) -> Result<Option<Address>, Failure> {
        let Some(event) = self.event.clone() else { return Ok(None) };
        let system = match (&self.system, checks::aps_event(None, &event)) {
            (Some(system), _) => system.clone(),
            (None, Ok(target)) => target.system,
            (None, Err(_)) => "data".to_owned(),
        };
        Ok(Some(Address { system, event, id: id.to_owned() }))
    }

    /// Finds the hook by listing.
    pub async fn find(
        &self,
        client: &aps::client::Client,
        id: &str,
    ) -> Result<aps::hook::Hook, Failure> {
        let level = self.system.as_deref().map_or(Level::All, Level::System);
        Ok(client.find(level, id).await?)
    }

    /// The address of the hook, found by listing if the event was not given.
    pub async fn locate(&self, client: &aps::client::Client, id: &str) -> Result<Address, Failure> {
        match self.address(id)? {
            Some(address) => Ok(address),
            None => Ok(self.find(client, id).await?.address()),
        }
    }
}
