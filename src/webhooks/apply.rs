//! Looks at the providers, and does what a plan says.
//!
//! # Promises
//! - A replacement makes the new hook before the old one goes, so nothing is missed between.
//! - A change that fails does not stop the others, and is told.

use crate::webhooks::aps::client::Level;
use crate::webhooks::aps::region::Region;
use crate::webhooks::declared::{At, Declared};
use crate::webhooks::error::Error;
use crate::webhooks::onshape::client::Farewell;
use crate::webhooks::plan::{self, Call, Change, Plan, Step};
use crate::webhooks::{aps, onshape};
use std::collections::{BTreeMap, BTreeSet};

/// Clients of the providers that are looked at.
#[derive(Debug, Default)]
pub struct Clients {
    /// Of Onshape.
    pub onshape: Option<onshape::client::Client>,
    /// Of APS, one a region.
    pub aps: BTreeMap<Region, aps::client::Client>,
}

/// The hooks that exist where it was looked.
#[derive(Clone, Debug, Default)]
pub struct Existing {
    /// At Onshape.
    pub onshape: Vec<onshape::hook::Hook>,
    /// At APS.
    pub aps: Vec<aps::hook::Hook>,
}

impl Existing {
    /// What has to be done so that they are as declared.
    pub fn plan(&self, declared: &[Declared]) -> Plan {
        plan::onshape(declared, &self.onshape).and(plan::aps(declared, &self.aps))
    }
}

impl Clients {
    /// Looks at what exists: of the user and of each company that is named, and in each region.
    pub async fn look(&self, declared: &[Declared]) -> Result<Existing, Error> {
        let onshape = match &self.onshape {
            Some(client) => hooks_at_onshape(client, declared).await?,
            None => Vec::new(),
        };
        let mut aps = Vec::new();
        for client in self.aps.values() {
            aps.extend(client.list_all(Level::All).await?);
        }
        Ok(Existing { onshape, aps })
    }

    /// Does one change.
    pub async fn apply(&self, change: &Change) -> Result<(), Error> {
        match &change.step {
            Step::Onshape(call) => {
                let client = self.onshape.as_ref().ok_or_else(|| unplanned(change))?;
                match call {
                    Call::Create(params) => client.create(params).await.map(drop),
                    Call::Update(id, params) => client.update(id, params).await.map(drop),
                    Call::Replace(id, params) => {
                        client.create(params).await?;
                        replaced(client.delete(id, Farewell::Sent).await)
                    }
                    Call::Delete(id) => gone(client.delete(id, Farewell::Sent).await),
                }
            }
            Step::Aps(region, call) => {
                let client = self.aps.get(region).ok_or_else(|| unplanned(change))?;
                match call {
                    Call::Create(new) => client.create(new).await.map(drop),
                    Call::Update(address, patch) => client.update(address, patch).await,
                    Call::Replace(address, new) => {
                        client.create(new).await?;
                        replaced(client.delete(address).await)
                    }
                    Call::Delete(address) => gone(client.delete(address).await),
                }
            }
        }
    }
}

/// The regions of APS that declarations name.
pub fn regions(declared: &[Declared]) -> BTreeSet<Region> {
    declared
        .iter()
        .filter_map(|one| match &one.at {
            At::Aps(settings) => Some(settings.region),
            At::Onshape(_) => None,
        })
        .collect()
}

/// The user's hooks, and those of each company that is named.
async fn hooks_at_onshape(
    client: &onshape::client::Client,
    declared: &[Declared],
) -> Result<Vec<onshape::hook::Hook>, Error> {
    let companies: BTreeSet<_> = declared
        .iter()
        .filter(|one| matches!(one.at, At::Onshape(_)))
        .filter_map(|one| one.scope.get("companyId"))
        .collect();
    let mut hooks = client.list(None).await?;
    let mut known: BTreeSet<_> = hooks.iter().map(|hook| hook.id.clone()).collect();
    for company in companies {
        let of_company = client.list(Some(company)).await?;
        hooks.extend(of_company.into_iter().filter(|hook| known.insert(hook.id.clone())));
    }
    Ok(hooks)
}

/// What should go and is not there any more is gone.
fn gone(deleted: Result<(), Error>) -> Result<(), Error> {
    match deleted {
        Err(Error::NotFound { .. }) => Ok(()),
        other => other,
    }
}

/// The same for the second half of a replacement.
fn replaced(deleted: Result<(), Error>) -> Result<(), Error> {
    gone(deleted).map_err(|error| Error::OldRemains(Box::new(error)))
}

fn unplanned(change: &Change) -> Error {
    Error::Unusable(format!("{} was not looked at when this was planned", change.provider))
}
