//! `webhook create`: creates a hook, asking for missing values.
//!
//! # Promises
//! - Everything that can be checked is checked before the one call that creates the hook.
//! - Ctrl-C during the questions sends nothing.

mod aps;
mod onshape;

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::note;
use crate::cli::webhook::session::Session;
use crate::cli::webhook::terminal;
use crate::event::provider::Provider;
use crate::providers::catalog;
use crate::webhooks::checks::{Objection, Setting};
use crate::webhooks::error::Error;
use crate::webhooks::scope::Scope;
use crate::webhooks::url::CallbackUrl;

/// Create a hook. Asks for missing values, if there is a terminal.
///
/// The receiver must be running: Onshape posts a webhook.register at once, and cancels the hook
/// unless the answer is 200.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    hook: Hook,
    #[command(flatten)]
    onshape: onshape::Flags,
    #[command(flatten)]
    aps: aps::Flags,
}

/// The flags for both providers.
#[derive(Debug, clap::Args)]
struct Hook {
    /// The URL that the provider posts to.
    #[arg(short, long, value_name = "URL")]
    url: Option<String>,
    /// The event, see `cadrelay webhook events`. Several for onshape, or a pattern for aps (dm.*).
    #[arg(short, long = "event", value_name = "EVENT")]
    events: Vec<String>,
    /// The scope of the hook: documentId=…, companyId=…, folder=…, project=….
    #[arg(long, value_name = "KEY=VALUE", value_parser = Scope::parse_pair)]
    scope: Vec<(String, String)>,
    /// A filter: an expression for onshape, JSON paths for aps, all of which must match.
    #[arg(long, value_name = "FILTER", num_args = 1..)]
    filter: Vec<String>,
}

impl Args {
    /// Creates the hook.
    pub async fn run(self, session: &Session) -> Result<Exit, Failure> {
        match session.required_provider()? {
            Provider::Onshape => {
                self.aps.refuse()?;
                self.onshape.make(self.hook, session).await
            }
            Provider::Aps => {
                self.onshape.refuse()?;
                self.aps.make(self.hook, session).await
            }
        }
    }
}

impl Hook {
    fn scope(&self) -> Scope {
        super::scope(&self.scope)
    }

    /// The URL, asked for if it is missing.
    fn callback_url(&self, session: &Session) -> Result<CallbackUrl, Failure> {
        let url = match &self.url {
            Some(url) => CallbackUrl::parse(url)
                .map_err(|error| Failure::usage(format!("--url: {error}")))?,
            None if session.is_interactive() => terminal::ask_for("Callback URL: ", |answer| {
                CallbackUrl::parse(answer).map_err(|error| error.to_string())
            })?,
            None => return Err(Failure::usage("--url is needed: where the provider shall post")),
        };
        if let Some(concern) = url.concern().filter(|_| !session.is_simulated()) {
            note(&format!("warning: {url}: {concern}"));
        }
        Ok(url)
    }

    /// An event, chosen from the catalog.
    fn chosen_event(
        provider: Provider,
        system: Option<&str>,
        session: &Session,
    ) -> Result<String, Failure> {
        if !session.is_interactive() {
            return Err(Failure::usage("--event is needed, see `cadrelay webhook events`"));
        }
        let rows: Vec<_> = catalog::entries(provider)
            .iter()
            .filter(|entry| !entry.scope.is_empty())
            .filter(|entry| system.is_none() || entry.system == system)
            .map(|entry| (entry.event, entry.meaning))
            .collect();
        terminal::choose("Event:", &rows).map(str::to_owned)
    }
}

/// The scope, asked for if it is missing and one of `keys` is needed.
fn asked_scope(session: &Session, scope: Scope, keys: &[&str]) -> Result<Scope, Failure> {
    if !session.is_interactive()
        || keys.is_empty()
        || keys.iter().any(|key| scope.get(key).is_some())
    {
        return Ok(scope);
    }
    let rows: Vec<_> = keys.iter().map(|key| (*key, "listen to one of these")).collect();
    let key = match rows.as_slice() {
        [(only, _)] => only,
        rows => terminal::choose("Scope:", rows)?,
    };
    let value = terminal::ask_for(&format!("{key}: "), |answer| match answer {
        "" => Err("an id is needed".to_owned()),
        answer => Ok(answer.to_owned()),
    })?;
    Ok(scope.with(key, value))
}

/// The objection as an error, which names the flag to change.
fn usage(objection: Objection) -> Failure {
    let flag = match objection.setting() {
        Setting::Events => "--event",
        Setting::System => "--system",
        Setting::Scope => "--scope",
    };
    Failure::usage(format!("{flag}: {objection}"))
}

/// The failure of a call that may have created the hook although no answer came. It is not
/// repeated.
fn maybe_made(error: Error) -> Failure {
    let lost = matches!(error, Error::Unreachable { .. } | Error::Unreadable { .. });
    let mut failure = Failure::from(error);
    if lost {
        failure.message.push_str("; the hook may have been made: see `cadrelay webhook list`");
    }
    failure
}
