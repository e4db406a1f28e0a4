//! The token that signs the app's callbacks.

use crate::secret::Secret;
use crate::webhooks::aps::client::Client;
use crate::webhooks::error::Error;
use reqwest::Method;
use serde_json::json;

/// The result of setting the app's secret token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenSet {
    /// There was none.
    Created,
    /// There was one, which may sign for some more minutes.
    Replaced,
}

impl Client {
    /// Sets the token that signs the app's callbacks in this region.
    pub async fn set_token(&self, secret: &Secret) -> Result<TokenSet, Error> {
        self.caller.hide(secret);
        let body = json!({ "token": secret.reveal() });
        let created =
            self.call(Method::POST, self.url(&["tokens"]), Some(body.clone()), TOKEN).await;
        match created {
            Ok(_) => Ok(TokenSet::Created),
            // Usually there is one already. If there is none, the refusal had another reason.
            Err(refusal @ Error::Answered { status: 400 | 409, .. }) => {
                let url = self.url(&["tokens", "@me"]);
                match self.call(Method::PUT, url, Some(body), TOKEN).await {
                    Ok(_) => Ok(TokenSet::Replaced),
                    Err(Error::NotFound { .. }) => Err(refusal),
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes the token that signs the app's callbacks in this region.
    pub async fn delete_token(&self) -> Result<(), Error> {
        self.call(Method::DELETE, self.url(&["tokens", "@me"]), None, TOKEN).await?;
        Ok(())
    }
}

const TOKEN: &str = "the app's secret token";
