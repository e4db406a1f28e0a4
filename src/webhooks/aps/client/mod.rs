//! The calls of APS's webhooks API, in one region.
//!
//! # Promises
//! - Signs in once, and again only when the token is about to expire.
//! - Lists are followed to their end. Only the `pageState` of a page's link is used, because the
//!   path in it is not always that of the request.
//! - Every call names the region.

mod secret_token;
mod session;
#[cfg(test)]
mod tests;

use crate::event::provider::Provider;
use crate::veil::Veil;
use crate::webhooks::aps::client::session::Session;
use crate::webhooks::aps::credentials::Credentials;
use crate::webhooks::aps::hook::{Address, Details, Hook, Made, New, Page};
use crate::webhooks::aps::patch::Patch;
use crate::webhooks::aps::region::Region;
use crate::webhooks::error::Error;
use crate::webhooks::http::{Caller, Purpose};
use crate::webhooks::pages::{self, Pages};
use crate::webhooks::reply::Reply;
use reqwest::header::LOCATION;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::Mutex;
use url::Url;

pub use crate::webhooks::aps::client::secret_token::TokenSet;

/// Calls APS's webhooks API in one region.
#[derive(Debug)]
pub struct Client {
    caller: Caller,
    base: Url,
    credentials: Credentials,
    region: Region,
    session: Mutex<Option<Session>>,
}

/// The scope of a list.
#[derive(Clone, Copy, Debug)]
pub enum Level<'a> {
    /// All hooks of the app; with a given token, all that it may see.
    All,
    /// The hooks of a system.
    System(&'a str),
    /// The hooks of one event, which may be a pattern.
    Event(&'a str, &'a str),
}

impl Client {
    /// A client of the service at `base`, such as `https://developer.api.autodesk.com`.
    pub fn new(
        base: &Url,
        credentials: Credentials,
        region: Region,
        timeout: Duration,
    ) -> Result<Self, Error> {
        let caller = Caller::new(Provider::Aps, base, timeout, Veil::new(credentials.secrets()))?;
        let base = base.clone();
        Ok(Self { caller, base, credentials, region, session: Mutex::default() })
    }

    /// The region of its calls.
    pub fn region(&self) -> Region {
        self.region
    }

    /// All hooks of a level, whatever their status.
    pub async fn list_all(&self, level: Level<'_>) -> Result<Vec<Hook>, Error> {
        let mut hooks = self.list(level, None).await?;
        let Level::All = level else { return Ok(hooks) };
        // In some versions of the API, the list of an app has only active hooks.
        let mut known: BTreeSet<_> = hooks.iter().map(|hook| hook.id.clone()).collect();
        for status in ["inactive", "reactivated"] {
            let more = match self.list(level, Some(status)).await {
                // Officially the filter only knows active and inactive.
                Err(Error::Answered { status: 400, .. }) => continue,
                more => more?,
            };
            hooks.extend(more.into_iter().filter(|hook| known.insert(hook.id.clone())));
        }
        Ok(hooks)
    }

    /// The hooks of a level, all pages.
    pub async fn list(&self, level: Level<'_>, status: Option<&str>) -> Result<Vec<Hook>, Error> {
        let path: &[&str] = match (level, &self.credentials) {
            (Level::All, Credentials::App { .. }) => &["app", "hooks"],
            (Level::All, Credentials::Token(_)) => &["hooks"],
            (Level::System(system), _) => &["systems", system, "hooks"],
            (Level::Event(system, event), _) => &["systems", system, "events", event, "hooks"],
        };
        let mut hooks = Vec::new();
        let mut pages = Pages::beginning_with(Provider::Aps, "");
        let mut page_state = None;
        loop {
            let mut url = self.url(path);
            let query = [("status", status), ("pageState", page_state.as_deref())];
            for (key, value) in query.iter().filter_map(|(key, value)| Some((key, (*value)?))) {
                url.query_pairs_mut().append_pair(key, value);
            }
            let reply = self.call(Method::GET, url, None, "the list of hooks").await?;
            if reply.status == StatusCode::NO_CONTENT {
                return Ok(hooks);
            }
            let page: Page = self.caller.json(&reply, "a page of hooks")?;
            let next = page.links.next.as_deref().and_then(state_of);
            let turned = pages::Page { hooks: page.data.len(), bytes: reply.body.len(), next };
            hooks.extend(page.data.into_iter().map(|details| details.in_region(self.region)));
            page_state = pages.after(turned)?;
            if page_state.is_none() {
                return Ok(hooks);
            }
        }
    }

    /// One hook.
    pub async fn get(&self, address: &Address) -> Result<Hook, Error> {
        let reply =
            self.call(Method::GET, self.hook_url(address), None, &named(&address.id)).await?;
        let details: Details = self.caller.json(&reply, "a hook")?;
        Ok(details.in_region(self.region))
    }

    /// Finds the hook with this id in the lists.
    pub async fn find(&self, level: Level<'_>, id: &str) -> Result<Hook, Error> {
        let hooks = self.list_all(level).await?;
        let missing = Error::NotFound { what: named(id), place: self.place() };
        hooks.into_iter().find(|hook| hook.id == id).ok_or(missing)
    }

    /// Creates a hook. APS only answers with its location, which ends in the id.
    pub async fn create(&self, new: &New) -> Result<Address, Error> {
        let url = self.url(&["systems", &new.system, "events", &new.event, "hooks"]);
        let what = format!("the event {} of the system {}", new.event, new.system);
        let reply = self.call(Method::POST, url, Some(new.body()), &what).await?;
        let (system, event) = (new.system.clone(), new.event.clone());
        match id_of_new(&reply) {
            Some(id) => Ok(Address { system, event, id }),
            None => Err(Error::Unreadable {
                provider: Provider::Aps,
                status: reply.status.as_u16(),
                expected: "the place of the new hook",
                reason: "neither Location nor a hookId; the hook may exist, see the list".into(),
            }),
        }
    }

    /// Creates a hook for every event of a system, whatever event `new` names. APS answers with all
    /// of them.
    pub async fn create_all(&self, new: &New) -> Result<Vec<Hook>, Error> {
        let url = self.url(&["systems", &new.system, "hooks"]);
        let what = format!("the system {}", new.system);
        let reply = self.call(Method::POST, url, Some(new.body()), &what).await?;
        let made: Made = self.caller.json(&reply, "the new hooks")?;
        Ok(made.hooks.into_iter().map(|details| details.in_region(self.region)).collect())
    }

    /// Changes a hook.
    pub async fn update(&self, address: &Address, patch: &Patch) -> Result<(), Error> {
        if let Some(secret) = &patch.secret {
            self.caller.hide(secret);
        }
        let (url, body) = (self.hook_url(address), Some(patch.body()));
        self.call(Method::PATCH, url, body, &named(&address.id)).await?;
        Ok(())
    }

    /// Deletes a hook.
    pub async fn delete(&self, address: &Address) -> Result<(), Error> {
        self.call(Method::DELETE, self.hook_url(address), None, &named(&address.id)).await?;
        Ok(())
    }

    async fn call(
        &self,
        method: Method,
        url: Url,
        body: Option<Value>,
        what: &str,
    ) -> Result<Reply, Error> {
        let token = self.token().await?;
        let purpose = if method == Method::GET { Purpose::Reading } else { Purpose::Changing };
        let build = || {
            let request = self
                .caller
                .client()
                .request(method.clone(), url.clone())
                .bearer_auth(token.reveal())
                .header("x-ads-region", self.region.as_str());
            // The documentation of reviews has another name for this header.
            let request = if url.path().contains(REVIEWS) {
                request.header("region", self.region.as_str())
            } else {
                request
            };
            let request = match &body {
                Some(body) => request.json(body),
                None => request,
            };
            request.build().map_err(|error| Error::Unusable(error.without_url().to_string()))
        };
        let reply = self.caller.call(purpose, build).await?;
        self.caller.success(reply, what).map_err(|error| self.explained(error, url.path()))
    }

    /// Adds advice on the usual cause of an error.
    fn explained(&self, error: Error, path: &str) -> Error {
        match error {
            Error::NotFound { what, .. } => Error::NotFound { what, place: self.place() },
            Error::Refused { provider, status: 403, text, .. }
                if THREE_LEGGED.iter().any(|system| path.contains(system)) =>
            {
                let advice =
                    "; this system takes only a 3-legged token of a user with rights: set \
                              APS_ACCESS_TOKEN"
                        .to_owned();
                Error::Refused { provider, status: 403, text, advice }
            }
            other => other,
        }
    }

    fn place(&self) -> String {
        format!(" in the region {} (see --region)", self.region)
    }

    fn hook_url(&self, address: &Address) -> Url {
        self.url(&["systems", &address.system, "events", &address.event, "hooks", &address.id])
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        extend(&mut url, &["webhooks", "v1"]);
        extend(&mut url, path);
        url
    }
}

fn extend(url: &mut Url, path: &[&str]) {
    url.path_segments_mut().expect("the base is an http URL").pop_if_empty().extend(path);
}

/// The page state in a `next`: a parameter of a path, or the whole text.
fn state_of(next: &str) -> Option<String> {
    let state = match next.split_once('?') {
        Some((_, query)) => url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == "pageState")
            .map(|(_, state)| state.into_owned()),
        None => Some(next.to_owned()),
    };
    state.filter(|state| !state.is_empty())
}

/// The id of a new hook: the end of `Location`, or from the body if there is one.
fn id_of_new(reply: &Reply) -> Option<String> {
    let location = reply.headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let from_location = location
        .and_then(|location| location.trim_end_matches('/').rsplit('/').next())
        .map(|id| id.split('?').next().unwrap_or(id).to_owned());
    let from_body = || {
        let body: Value = serde_json::from_slice(&reply.body).ok()?;
        Some(body.get("hookId")?.as_str()?.to_owned())
    };
    from_location.or_else(from_body).filter(|id| !id.is_empty())
}

fn named(id: &str) -> String {
    format!("the hook {id}")
}

const REVIEWS: &str = "/autodesk.construction.reviews/";
/// Systems whose hooks need a user, according to Autodesk's announcements.
const THREE_LEGGED: [&str; 3] =
    ["/autodesk.construction.issues/", REVIEWS, "/autodesk.construction.bc/"];
