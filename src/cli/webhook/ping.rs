//! `webhook ping`: makes Onshape post to a hook.

use crate::cli::exit::{Exit, Failure};
use crate::cli::webhook::session::Session;
use crate::event::provider::Provider;
use serde::Serialize;

/// Make Onshape post a webhook.ping to the hook's URL.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id of the hook.
    id: String,
}

#[derive(Serialize)]
struct Pinged {
    id: String,
    pinged: bool,
}

impl Args {
    /// Asks for the ping.
    pub async fn run(self, session: &Session) -> Result<Exit, Failure> {
        if session.required_provider()? == Provider::Aps {
            return Err(Failure::usage(
                "aps has no ping; `cadrelay webhook test URL` posts a signed notification itself",
            ));
        }
        session.onshape()?.ping(&self.id).await?;
        session.print(&["id", "pinged"], &Pinged { id: self.id, pinged: true })?;
        Ok(Exit::Done)
    }
}
