//! `webhook events`: the catalogs, without network.

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Layout;
use crate::cli::webhook::session::Session;
use crate::event::provider::Provider;
use crate::providers::catalog::{self, Entry};
use serde::Serialize;

#[derive(Serialize)]
struct Row {
    provider: Provider,
    event: &'static str,
    group: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<&'static str>,
    scope: &'static [&'static str],
    description: &'static str,
}

/// Prints the events of one provider or of both.
pub fn run(session: &Session) -> Result<Exit, Failure> {
    let providers = Provider::ALL.into_iter();
    let chosen =
        providers.filter(|provider| session.provider().is_none_or(|only| only == *provider));
    let rows: Vec<_> = chosen
        .flat_map(|provider| {
            catalog::entries(provider).iter().map(move |entry| row(provider, entry))
        })
        .collect();
    session.print_list(LAYOUT, &rows)?;
    Ok(Exit::Done)
}

fn row(provider: Provider, entry: &Entry) -> Row {
    Row {
        provider,
        event: entry.event,
        group: entry.group.as_str(),
        system: entry.system,
        scope: entry.scope,
        description: entry.meaning,
    }
}

const LAYOUT: Layout = Layout {
    keys: &["provider", "event", "group", "system", "scope", "description"],
    table: &["provider", "event", "group", "system", "scope", "description"],
    empty: "No events.",
};
