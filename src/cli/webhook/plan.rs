//! `webhook plan` and `webhook apply`: make the provider's hooks as the configuration declares them.

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Format, Layout, note};
use crate::cli::webhook::config::ConfigFile;
use crate::cli::webhook::session::{Consent, Session};
use crate::event::provider::Provider;
use crate::webhooks::apply::{Clients, regions};
use crate::webhooks::declared::Declared;
use crate::webhooks::plan::{Action, Change, Plan};
use serde::Serialize;

/// What has to be done so that the provider's hooks are as [[subscriptions]] declares them.
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    #[command(flatten)]
    config: ConfigFile,
    /// End with 1 if there is anything to do.
    #[arg(long)]
    check: bool,
}

/// Make the provider's hooks as [[subscriptions]] declares them.
///
/// Hooks of others are never touched. Ours that are not declared any more go only with --prune.
#[derive(Debug, clap::Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    config: ConfigFile,
    /// Also remove our hooks that are not declared any more, or there twice.
    #[arg(long)]
    prune: bool,
}

#[derive(Serialize)]
struct Planned<'a> {
    changes: &'a [Change],
    unchanged: usize,
}

#[derive(Serialize)]
struct Applied {
    applied: Vec<Outcome>,
    unchanged: usize,
}

#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    change: Change,
    result: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Done,
    Failed,
    Skipped,
}

impl PlanArgs {
    /// Looks, and prints what would be done.
    pub async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let (_, plan) = look(&self.config, session).await?;
        let changes = plan.changes.as_slice();
        match session.format {
            Format::Json | Format::Yaml => {
                session.print(&[], &Planned { changes, unchanged: plan.unchanged })?;
            }
            Format::Table | Format::Csv => session.print_list(CHANGES, changes)?,
        }
        summary(&plan);
        Ok(if self.check && !changes.is_empty() { Exit::Failed } else { Exit::Done })
    }
}

impl ApplyArgs {
    /// Looks, asks, and does it.
    pub async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let (clients, plan) = look(&self.config, session).await?;
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
        let mut exit = Exit::Done;
        let mut applied = Vec::new();
        for change in plan.changes {
            let (result, error) = if is_skipped(&change) {
                (Verdict::Skipped, None)
            } else {
                match clients.apply(&change).await {
                    Ok(()) => (Verdict::Done, None),
                    Err(error) => {
                        if exit == Exit::Done {
                            exit = Exit::from(&error);
                        }
                        (Verdict::Failed, Some(error.to_string()))
                    }
                }
            };
            applied.push(Outcome { change, result, error });
        }
        match session.format {
            Format::Json | Format::Yaml => {
                session.print(&[], &Applied { applied, unchanged: plan.unchanged })?;
            }
            Format::Table | Format::Csv => session.print_list(OUTCOMES, &applied)?,
        }
        Ok(exit)
    }
}

/// Reads what is declared, and looks at what exists.
async fn look(config: &ConfigFile, session: &Session) -> Result<(Clients, Plan), Failure> {
    let mut declared = config.subscriptions()?;
    if let Some(only) = session.provider() {
        declared.retain(|one| one.provider() == only);
    }
    let clients = clients(&declared, session)?;
    let plan = clients.look(&declared).await?.plan(&declared);
    Ok((clients, plan))
}

/// Clients of the providers that are named, so that only they need credentials.
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
