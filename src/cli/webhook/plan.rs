//! `webhook plan` and `webhook apply`: compare the provider's hooks with the configuration, and
//! change them.

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Format, Layout, note};
use crate::cli::webhook::config::ConfigFile;
use crate::cli::webhook::session::{Consent, Session};
use crate::event::provider::Provider;
use crate::webhooks::apply::{self, Begun};
use crate::webhooks::declared::Declared;
use crate::webhooks::error::Error;
use crate::webhooks::existing::{Clients, regions};
use crate::webhooks::plan::{Action, Change, Plan};
use jiff::Timestamp;
use serde::Serialize;
use std::time::Duration;

/// Show the changes that would make the provider's hooks match [[subscriptions]].
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    #[command(flatten)]
    config: ConfigFile,
    /// Exit with 1 if there is anything to change.
    #[arg(long)]
    check: bool,
}

/// Make the provider's hooks match [[subscriptions]].
///
/// Hooks of others are never touched. Our hooks that are no longer declared are only deleted with
/// --prune.
#[derive(Debug, clap::Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    config: ConfigFile,
    /// Also delete our hooks that are no longer declared, or that exist twice.
    #[arg(long)]
    prune: bool,
    /// Seconds to wait before checking that Onshape has kept the new hooks [default: 3].
    #[arg(long, value_name = "SECONDS", value_parser = super::wait)]
    wait: Option<Duration>,
}

#[derive(Serialize)]
struct Planned<'a> {
    changes: &'a [Change],
    unchanged: usize,
    /// Subscriptions of unknown state, because a list could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<Row>,
}

#[derive(Serialize)]
struct Applied {
    applied: Vec<Row>,
    unchanged: usize,
}

/// A change with its result, or the failed look that kept it from being planned.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    action: &'static str,
    subscription: String,
    provider: Provider,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    fields: Vec<&'static str>,
    result: Ending,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The ending of a change.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Ending {
    Done,
    Failed,
    Skipped,
}

/// The existing hooks, and the plan that follows from them.
struct Sight {
    clients: Clients,
    plan: Plan,
    hidden: Vec<Row>,
    /// [`Exit::Done`], or the exit of the first list that was not read.
    exit: Exit,
}

impl PlanArgs {
    /// Compares, and prints the plan.
    pub async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let Sight { plan, hidden, exit, .. } = look(&self.config, session).await?;
        let changes = plan.changes.as_slice();
        match session.format {
            Format::Json | Format::Yaml => {
                let planned = Planned { changes, unchanged: plan.unchanged, failed: hidden };
                session.print(&[], &planned)?;
            }
            Format::Table | Format::Csv => session.print_list(CHANGES, changes)?,
        }
        summary(&plan);
        Ok(exit.or(if self.check && !changes.is_empty() { Exit::Failed } else { Exit::Done }))
    }
}

impl ApplyArgs {
    /// Compares, asks, and makes the changes.
    pub async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let Sight { clients, plan, hidden: mut applied, mut exit } =
            look(&self.config, session).await?;
        let is_skipped = |change: &Change| change.action == Action::Delete && !self.prune;
        if plan.changes.iter().any(|change| !is_skipped(change)) {
            summary(&plan);
            match session.consent("Do this?")? {
                Consent::Given => {}
                Consent::Refused => {
                    note("Nothing was changed.");
                    return Ok(Exit::Failed);
                }
                Consent::NobodyToAsk => {
                    return Err(Failure::usage("--yes is needed where nobody can be asked"));
                }
            }
        }
        let unchanged = plan.unchanged;
        let mut begun = Vec::new();
        for change in plan.changes {
            let outcome =
                if is_skipped(&change) { None } else { Some(clients.begin(&change).await) };
            begun.push((change, outcome));
        }
        // All trials at once: they were begun one after the other, and end in the same order.
        if begun.iter().any(|(_, outcome)| matches!(outcome, Some(Ok(Begun::OnTrial(_))))) {
            tokio::time::sleep(self.wait.unwrap_or(apply::TRIAL)).await;
        }
        for (change, outcome) in begun {
            let concluded = match outcome {
                None => None,
                Some(Ok(Begun::OnTrial(hook))) => Some(clients.conclude(&change, &hook).await),
                Some(other) => Some(other.map(drop)),
            };
            if let Some(Err(error)) = &concluded {
                exit = exit.or(error.into());
            }
            applied.push(Row::of(change, concluded));
        }
        match session.format {
            Format::Json | Format::Yaml => session.print(&[], &Applied { applied, unchanged })?,
            Format::Table | Format::Csv => session.print_list(OUTCOMES, &applied)?,
        }
        Ok(exit)
    }
}

impl Row {
    fn of(change: Change, outcome: Option<Result<(), Error>>) -> Self {
        let (result, error) = match outcome {
            None => (Ending::Skipped, None),
            Some(Ok(())) => (Ending::Done, None),
            Some(Err(error)) => (Ending::Failed, Some(error.to_string())),
        };
        let Change { action, subscription, provider, event, id, fields, step: _ } = change;
        Self { action: action.as_str(), subscription, provider, event, id, fields, result, error }
    }

    fn hidden(one: &Declared, error: &Error) -> Self {
        Self {
            action: "look",
            subscription: one.name.clone(),
            provider: one.provider(),
            event: None,
            id: None,
            fields: Vec::new(),
            result: Ending::Failed,
            error: Some(error.to_string()),
        }
    }
}

/// Reads the declared subscriptions, and lists the existing hooks. A list that cannot be read does
/// not stop the other subscriptions.
async fn look(config: &ConfigFile, session: &Session) -> Result<Sight, Failure> {
    let mut declared = config.subscriptions()?;
    if let Some(only) = session.provider() {
        declared.retain(|one| one.provider() == only);
    }
    let clients = clients(&declared, session)?;
    let existing = clients.look(&declared).await;
    let mut exit = Exit::Done;
    for unread in &existing.unread {
        note(&format!("error: cannot list {}: {}", unread.list, unread.error));
        exit = exit.or(unread.error.as_ref().into());
    }
    let row = |one| existing.why_hidden(one).map(|error| Row::hidden(one, error));
    let hidden = declared.iter().filter_map(row).collect();
    let plan = existing.plan(&declared, Timestamp::now());
    Ok(Sight { clients, plan, hidden, exit })
}

/// Clients of the named providers, so that only they need credentials.
fn clients(declared: &[Declared], session: &Session) -> Result<Clients, Failure> {
    let named = |provider| {
        session.provider() == Some(provider)
            || declared.iter().any(|one| one.provider() == provider)
    };
    let mut clients = Clients::default();
    if named(Provider::Onshape) {
        clients.onshape = Some(session.onshape()?);
    }
    if named(Provider::Aps) {
        let mut regions = regions(declared);
        if regions.is_empty() {
            regions.insert(session.region);
        }
        for region in regions {
            clients.aps.insert(region, session.aps(region)?);
        }
    }
    Ok(clients)
}

fn summary(plan: &Plan) {
    for change in &plan.changes {
        let action = match change.action {
            Action::Create => "+ create",
            Action::Update => "~ update",
            Action::Replace => "± replace",
            Action::Delete => "- delete",
        };
        let event = change.event.as_deref().map(|event| format!(" {event}")).unwrap_or_default();
        let id = change.id.as_deref().map(|id| format!(" {id}")).unwrap_or_default();
        let fields = change.fields.join(", ");
        note(&format!("{action} {} {}{event}{id} {fields}", change.provider, change.subscription));
    }
    note(&format!(
        "{} to change, {} as declared, {} of others left alone",
        plan.changes.len(),
        plan.unchanged,
        plan.foreign
    ));
}

const CHANGES: Layout =
    Layout { keys: Change::KEYS, table: Change::KEYS, empty: "Nothing to change." };

const OUTCOMES: Layout = Layout {
    keys: &["action", "subscription", "provider", "event", "id", "fields", "result", "error"],
    table: &["action", "subscription", "provider", "event", "id", "fields", "result", "error"],
    empty: "Nothing to change.",
};
