//! Onshape's six webhook calls.
//!
//! # Promises
//! - Lists are followed to their end.
//! - Credentials go only to the host they were given for, and to its siblings under onshape.com when
//!   it redirects to them.

use crate::event::provider::Provider;
use crate::veil::Veil;
use crate::webhooks::error::Error;
use crate::webhooks::http::{Caller, Purpose};
use crate::webhooks::onshape::credentials::Credentials;
use crate::webhooks::onshape::hook::{Hook, Info, Page, Params};
use crate::webhooks::pages::{self, Pages};
use crate::webhooks::reply::Reply;
use crate::webhooks::url::host_and_port;
use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use std::time::Duration;
use url::Url;

/// Calls Onshape's webhook API.
#[derive(Debug)]
pub struct Client {
    caller: Caller,
    base: Url,
    credentials: Credentials,
}

/// The choice of telling the receiver of a hook that it ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Farewell {
    /// It gets a `webhook.unregister`.
    Sent,
    /// It is not told.
    Blocked,
}

impl Client {
    /// A client of the stack at `base`, such as `https://cad.onshape.com` or an enterprise's own.
    pub fn new(base: &Url, credentials: Credentials, timeout: Duration) -> Result<Self, Error> {
        let caller =
            Caller::new(Provider::Onshape, base, timeout, Veil::new(credentials.secrets()))?;
        Ok(Self { caller, base: base.clone(), credentials })
    }

    /// All hooks of the user, or those of a company.
    pub async fn list(&self, company: Option<&str>) -> Result<Vec<Hook>, Error> {
        let mut url = self.hooks(&[]);
        url.query_pairs_mut().append_pair("offset", "0").append_pair("limit", PAGE_SIZE);
        if let Some(company) = company {
            url.query_pairs_mut().append_pair("company", company);
        }
        let mut pages = Pages::beginning_with(Provider::Onshape, url.query().unwrap_or_default());
        let mut hooks = Vec::new();
        loop {
            let reply = self.call(Method::GET, url.clone(), None, "the list of webhooks").await?;
            let page: Page = self.caller.json(&reply, "a page of webhooks")?;
            let next = page.next.filter(|next| !next.is_empty());
            let next = next.map(|next| self.query_of(&next)).transpose()?;
            let turned = pages::Page { hooks: page.items.len(), bytes: reply.body.len(), next };
            hooks.extend(page.items.into_iter().map(Hook::from));
            match pages.after(turned)? {
                Some(query) => url.set_query(Some(&query)),
                None => return Ok(hooks),
            }
        }
    }

    /// Reads one hook.
    pub async fn get(&self, id: &str) -> Result<Hook, Error> {
        let reply = self.call(Method::GET, self.hooks(&[id]), None, &named(id)).await?;
        self.hook(&reply)
    }

    /// Creates a hook. Its receiver gets a `webhook.register`, possibly before this returns.
    pub async fn create(&self, params: &Params) -> Result<Hook, Error> {
        let reply = self
            .call(Method::POST, self.hooks(&[]), Some(params), "the place for webhooks")
            .await?;
        self.hook(&reply)
    }

    /// Changes a hook. Parameters that are absent stay as they are.
    pub async fn update(&self, id: &str, params: &Params) -> Result<Hook, Error> {
        let params = Params { id: Some(id.to_owned()), ..params.clone() };
        let reply = self.call(Method::POST, self.hooks(&[id]), Some(&params), &named(id)).await?;
        self.hook(&reply)
    }

    /// Deletes a hook.
    pub async fn delete(&self, id: &str, farewell: Farewell) -> Result<(), Error> {
        let mut url = self.hooks(&[id]);
        let block = if farewell == Farewell::Blocked { "true" } else { "false" };
        url.query_pairs_mut().append_pair("blockNotification", block);
        self.call(Method::DELETE, url, None, &named(id)).await?;
        Ok(())
    }

    /// Asks Onshape to post a `webhook.ping` to the hook's receiver.
    pub async fn ping(&self, id: &str) -> Result<(), Error> {
        self.call(Method::POST, self.hooks(&[id, "ping"]), None, &named(id)).await?;
        Ok(())
    }

    fn hooks(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("the base is an http URL")
            .pop_if_empty()
            .extend(["api", API_VERSION, "webhooks"])
            .extend(path);
        url
    }

    fn hook(&self, reply: &Reply) -> Result<Hook, Error> {
        self.caller.json::<Info>(reply, "a webhook").map(Hook::from)
    }

    async fn call(
        &self,
        method: Method,
        mut url: Url,
        params: Option<&Params>,
        what: &str,
    ) -> Result<Reply, Error> {
        let purpose = if method == Method::GET { Purpose::Reading } else { Purpose::Changing };
        for _ in 0..=MAX_REDIRECTS {
            let build = || self.request(method.clone(), url.clone(), params);
            let reply = self.caller.call(purpose, build).await?;
            match self.redirect(&reply, &url) {
                // Each hop needs its own signature.
                Some(target) => url = target,
                None => return self.caller.success(reply, what),
            }
        }
        Err(Error::Unreachable {
            provider: Provider::Onshape,
            host: host_and_port(&url),
            reason: "it redirects without end".into(),
        })
    }

    fn request(
        &self,
        method: Method,
        url: Url,
        params: Option<&Params>,
    ) -> Result<reqwest::Request, Error> {
        // The content type is part of the signature, even without content.
        let request = self.caller.client().request(method, url);
        let request = request.header(ACCEPT, JSON).header(CONTENT_TYPE, JSON);
        let request = match params {
            Some(params) => request.json(params),
            None => request,
        };
        let mut request =
            request.build().map_err(|error| Error::Unusable(error.without_url().to_string()))?;
        self.credentials.apply(&mut request, Timestamp::now())?;
        Ok(request)
    }

    /// The target of a 307, if its host may have our credentials.
    fn redirect(&self, reply: &Reply, from: &Url) -> Option<Url> {
        if !matches!(reply.status.as_u16(), 307 | 308) {
            return None;
        }
        let target = from.join(reply.headers.get(LOCATION)?.to_str().ok()?).ok()?;
        let (old, new) = (self.base.host_str()?, target.host_str()?);
        let siblings = [old, new].iter().all(|host| host.ends_with(".onshape.com"));
        let trusted = target.scheme() == self.base.scheme()
            && (siblings || (old == new && target.port() == self.base.port()));
        trusted.then_some(target)
    }

    /// The query of a next page. Its host and path are ignored, so that the credentials stay where
    /// they belong.
    fn query_of(&self, next: &str) -> Result<String, Error> {
        match self.base.join(next) {
            Ok(next) => Ok(next.query().unwrap_or_default().to_owned()),
            Err(error) => Err(Error::Unreadable {
                provider: Provider::Onshape,
                status: 200,
                expected: "a page of webhooks",
                reason: format!("its next is wrong: {error}"),
            }),
        }
    }
}

fn named(id: &str) -> String {
    format!("the webhook {id}")
}

const API_VERSION: &str = "v16";
/// Onshape's largest page.
const PAGE_SIZE: &str = "20";
const MAX_REDIRECTS: u32 = 3;
const JSON: &str = "application/json";
