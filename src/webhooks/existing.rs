//! Lists the hooks that exist at the providers.
//!
//! # Promises
//! - A list that cannot be read hides only its own subscriptions: no change of them is planned,
//!   since an unseen hook may exist.

use crate::webhooks::aps::client::Level;
use crate::webhooks::aps::region::Region;
use crate::webhooks::declared::{At, Declared};
use crate::webhooks::error::Error;
use crate::webhooks::plan::{self, Plan};
use crate::webhooks::{aps, onshape};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// Clients of the providers whose hooks are listed.
#[derive(Debug, Default)]
pub struct Clients {
    /// The client of Onshape.
    pub onshape: Option<onshape::client::Client>,
    /// The clients of APS, one for each region.
    pub aps: BTreeMap<Region, aps::client::Client>,
}

/// The existing hooks.
#[derive(Clone, Debug, Default)]
pub struct Existing {
    /// At Onshape.
    pub onshape: Vec<onshape::hook::Hook>,
    /// At APS.
    pub aps: Vec<aps::hook::Hook>,
    /// The lists that could not be read.
    pub unread: Vec<Unread>,
}

/// A list that could not be read.
#[derive(Clone, Debug)]
pub struct Unread {
    /// The list.
    pub list: List,
    /// The reason.
    pub error: Arc<Error>,
}

/// A list of hooks at a provider.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum List {
    /// The hooks of Onshape's user.
    User,
    /// The hooks of a company at Onshape.
    Company(String),
    /// The hooks of a region of APS.
    Region(Region),
}

impl Clients {
    /// Reads the list of the user, of each named company, and of each region.
    pub async fn look(&self, declared: &[Declared]) -> Existing {
        let mut existing = Existing::default();
        if let Some(client) = &self.onshape {
            existing.look_at_onshape(client, declared).await;
        }
        for (region, client) in &self.aps {
            match client.list_all(Level::All).await {
                Ok(hooks) => existing.aps.extend(hooks),
                Err(error) => existing.miss(List::Region(*region), error),
            }
        }
        existing
    }
}

impl Existing {
    /// Plans the changes that make the hooks match the declarations, for subscriptions whose lists
    /// were read.
    pub fn plan(&self, declared: &[Declared], now: Timestamp) -> Plan {
        let mut plan =
            plan::onshape(declared, &self.onshape).and(plan::aps(declared, &self.aps, now));
        let hidden = |one: &&Declared| self.why_hidden(one).is_some();
        let hidden: BTreeSet<_> = declared.iter().filter(hidden).map(|one| &one.name).collect();
        plan.changes.retain(|change| !hidden.contains(&change.subscription));
        plan
    }

    /// The reason why the hooks of a subscription were not seen, if its list could not be read.
    pub fn why_hidden(&self, one: &Declared) -> Option<&Arc<Error>> {
        let has = |unread: &&Unread| match (&unread.list, &one.at) {
            (List::User, At::Onshape(_)) => true,
            (List::Company(company), At::Onshape(_)) => {
                one.scope.get("companyId") == Some(company.as_str())
            }
            (List::Region(region), At::Aps(settings)) => *region == settings.region,
            (List::User | List::Company(_), At::Aps(_)) | (List::Region(_), At::Onshape(_)) => {
                false
            }
        };
        self.unread.iter().find(has).map(|unread| &unread.error)
    }

    async fn look_at_onshape(&mut self, client: &onshape::client::Client, declared: &[Declared]) {
        match client.list(None).await {
            Ok(hooks) => self.onshape = hooks,
            // Then nothing can be planned at Onshape, whatever the companies' lists have.
            Err(error) => return self.miss(List::User, error),
        }
        let companies: BTreeSet<_> = declared
            .iter()
            .filter(|one| matches!(one.at, At::Onshape(_)))
            .filter_map(|one| one.scope.get("companyId"))
            .collect();
        let mut known: BTreeSet<_> = self.onshape.iter().map(|hook| hook.id.clone()).collect();
        for company in companies {
            match client.list(Some(company)).await {
                Ok(hooks) => self
                    .onshape
                    .extend(hooks.into_iter().filter(|hook| known.insert(hook.id.clone()))),
                Err(error) => self.miss(List::Company(company.to_owned()), error),
            }
        }
    }

    fn miss(&mut self, list: List, error: Error) {
        self.unread.push(Unread { list, error: Arc::new(error) });
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User => f.write_str("the hooks of the user at onshape"),
            Self::Company(company) => write!(f, "the hooks of the company {company} at onshape"),
            Self::Region(region) => write!(f, "the hooks in the region {region} of aps"),
        }
    }
}

/// The regions of APS in the declarations.
pub fn regions(declared: &[Declared]) -> BTreeSet<Region> {
    declared
        .iter()
        .filter_map(|one| match &one.at {
            At::Aps(settings) => Some(settings.region),
            At::Onshape(_) => None,
        })
        .collect()
}
