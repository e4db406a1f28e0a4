//! Signs in for the access token of calls.

use crate::secret::Secret;
use crate::webhooks::aps::client::{Client, extend};
use crate::webhooks::aps::credentials::Credentials;
use crate::webhooks::error::Error;
use crate::webhooks::http::Purpose;
use serde::Deserialize;
use std::time::{Duration, Instant};

/// An access token, with the end of its use.
#[derive(Debug)]
pub(super) struct Session {
    token: Secret,
    until: Instant,
}

impl Client {
    /// The access token: the given one, or one that the app signs in for.
    pub(super) async fn token(&self) -> Result<Secret, Error> {
        let (id, secret) = match &self.credentials {
            Credentials::Token(token) => return Ok(token.clone()),
            Credentials::App { id, secret } => (id, secret),
        };
        let mut session = self.session.lock().await;
        if let Some(session) = session.as_ref().filter(|session| Instant::now() < session.until) {
            return Ok(session.token.clone());
        }
        let mut url = self.base.clone();
        extend(&mut url, &["authentication", "v2", "token"]);
        let build = || {
            self.caller
                .client()
                .post(url.clone())
                .basic_auth(id.reveal(), Some(secret.reveal()))
                .header("x-ads-region", self.region.as_str())
                .form(&[("grant_type", "client_credentials"), ("scope", SCOPES)])
                .build()
                .map_err(|error| Error::Unusable(error.without_url().to_string()))
        };
        // Signing in changes nothing, so it may be repeated like any reading call.
        let reply = self.caller.call(Purpose::Reading, build).await?;
        let reply = self.caller.success(reply, "the place to sign in")?;
        let signed: SignedIn = self.caller.json(&reply, "an access token")?;
        let token = Secret::new(signed.access_token);
        self.caller.hide(&token);
        // Half of its lifetime, so that no token expires during a call.
        let until = Instant::now() + Duration::from_secs(signed.expires_in / 2);
        *session = Some(Session { token: token.clone(), until });
        Ok(token)
    }
}

#[derive(Deserialize)]
struct SignedIn {
    access_token: String,
    expires_in: u64,
}

/// Autodesk's tutorials ask for `data:create` as well, to create hooks on ACC data.
const SCOPES: &str = "data:read data:write data:create";
