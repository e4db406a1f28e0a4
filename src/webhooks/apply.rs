//! Makes the changes of a plan, one at a time.
//!
//! # Promises
//! - A replacement creates the new hook before it deletes the old one, so nothing is missed
//!   between. At Onshape the new hook has passed its trial before the old one is deleted.
//! - A hook that Onshape cancelled after its trial is never reported as done.

use crate::webhooks::error::Error;
use crate::webhooks::existing::Clients;
use crate::webhooks::onshape;
use crate::webhooks::onshape::client::Farewell;
use crate::webhooks::onshape::hook::Hook;
use crate::webhooks::plan::{Call, Change, Step};
use std::time::Duration;

/// The state of a change after its first call.
#[derive(Clone, Debug)]
pub enum Begun {
    /// The change is complete.
    Done,
    /// Onshape has created this hook, and removes it unless its URL passes the trial. See
    /// [`Clients::conclude`].
    OnTrial(Box<Hook>),
}

impl Clients {
    /// Makes the first call of a change, or all its calls if nothing has to be waited for.
    pub async fn begin(&self, change: &Change) -> Result<Begun, Error> {
        match &change.step {
            Step::Onshape(call) => {
                let client = self.at_onshape(change)?;
                match call {
                    Call::Create(params) | Call::Replace(_, params) => {
                        let hook = client.create(params).await?;
                        return Ok(Begun::OnTrial(Box::new(hook)));
                    }
                    Call::Update(id, params) => client.update(id, params).await.map(drop)?,
                    Call::Delete(id) => gone(client.delete(id, Farewell::Sent).await)?,
                }
            }
            Step::Aps(region, call) => {
                let client = self.aps.get(region).ok_or_else(|| unplanned(change))?;
                match call {
                    Call::Create(new) => client.create(new).await.map(drop)?,
                    Call::Update(address, patch) => client.update(address, patch).await?,
                    Call::Replace(address, new) => {
                        client.create(new).await?;
                        replaced(client.delete(address).await)?;
                    }
                    Call::Delete(address) => gone(client.delete(address).await)?,
                }
            }
        }
        Ok(Begun::Done)
    }

    /// Makes the other calls of a change, after [`TRIAL`] has passed since its hook was created.
    pub async fn conclude(&self, change: &Change, made: &Hook) -> Result<(), Error> {
        let client = self.at_onshape(change)?;
        survived(client, made).await?;
        match &change.step {
            Step::Onshape(Call::Replace(id, _)) => {
                replaced(client.delete(id, Farewell::Sent).await)
            }
            Step::Onshape(Call::Create(_) | Call::Update(..) | Call::Delete(_)) | Step::Aps(..) => {
                Ok(())
            }
        }
    }

    fn at_onshape(&self, change: &Change) -> Result<&onshape::client::Client, Error> {
        self.onshape.as_ref().ok_or_else(|| unplanned(change))
    }
}

/// Checks that a new hook still exists. An error if Onshape has cancelled it, or if it cannot be
/// looked at.
pub async fn survived(client: &onshape::client::Client, made: &Hook) -> Result<(), Error> {
    match client.get(&made.id).await {
        Ok(_) => Ok(()),
        Err(Error::NotFound { .. }) => {
            Err(Error::Cancelled { id: made.id.clone(), url: made.url.clone() })
        }
        Err(error) => Err(Error::Unconfirmed { id: made.id.clone(), error: Box::new(error) }),
    }
}

/// Accepts that a hook to be deleted is gone already.
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

/// Onshape posts the `webhook.register` at about the time when it answers a registration, and waits
/// for the answer; it does not document how long.
pub const TRIAL: Duration = Duration::from_secs(3);
