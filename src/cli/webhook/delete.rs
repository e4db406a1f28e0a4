//! `webhook delete`: deletes hooks.

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Layout, note};
use crate::cli::webhook::Whereabouts;
use crate::cli::webhook::session::{Client, Consent, Session};
use crate::webhooks::onshape::client::Farewell;
use serde::Serialize;

/// Delete hooks.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The ids of the hooks.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    whereabouts: Whereabouts,
    /// Onshape: do not post a webhook.unregister.
    #[arg(long)]
    block_notification: bool,
}

#[derive(Serialize)]
struct Deleted {
    id: String,
    deleted: bool,
}

impl Args {
    /// Deletes the hooks, one after the other; one that cannot be deleted does not stop the others.
    pub async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let client = session.client()?;
        let question = format!("Delete {}?", self.ids.join(", "));
        // If nobody can be asked, naming the ids is consent enough.
        if session.is_interactive() && session.consent(&question)? == Consent::Refused {
            note("Nothing was deleted.");
            return Ok(Exit::Failed);
        }
        let mut rows = Vec::new();
        let mut failed = None;
        for id in &self.ids {
            match self.delete(&client, id).await {
                Ok(()) => rows.push(Deleted { id: id.clone(), deleted: true }),
                Err(failure) => {
                    note(&format!("error: {}", failure.message));
                    rows.push(Deleted { id: id.clone(), deleted: false });
                    failed.get_or_insert(failure.exit);
                }
            }
        }
        match rows.as_slice() {
            [row] if failed.is_none() => session.print(LAYOUT.keys, row)?,
            [_] => {}
            rows => session.print_list(LAYOUT, rows)?,
        }
        Ok(failed.unwrap_or(Exit::Done))
    }

    async fn delete(&self, client: &Client, id: &str) -> Result<(), Failure> {
        match client {
            Client::Onshape(client) => {
                let farewell =
                    if self.block_notification { Farewell::Blocked } else { Farewell::Sent };
                client.delete(id, farewell).await?;
            }
            Client::Aps(client) => {
                client.delete(&self.whereabouts.locate(client, id).await?).await?;
            }
        }
        Ok(())
    }
}

const LAYOUT: Layout =
    Layout { keys: &["id", "deleted"], table: &["id", "deleted"], empty: "Nothing was deleted." };
