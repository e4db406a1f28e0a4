//! `webhook events`: the catalogs, without network.

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Layout;
use crate::cli::webhook::session::Session;
use crate::event::group::Group;
use crate::event::provider::Provider;
use crate::kafka::settings::Settings;
use crate::providers::catalog;
use crate::providers::catalog::entry::Entry;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;

/// List the events that can be subscribed to, and what each needs. Works without a network.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only the events of this group, which is a topic.
    #[arg(long, value_parser = group_parser())]
    group: Option<Group>,
}

#[derive(Serialize)]
struct Row {
    provider: Provider,
    event: &'static str,
    group: &'static str,
    /// With the default prefix.
    topic: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<&'static str>,
    scope: &'static [&'static str],
    family: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<&'static str>,
    standing: &'static str,
    source: &'static str,
    description: &'static str,
}

impl Args {
    /// Prints the events of one provider or of both.
    pub fn run(self, session: &Session) -> Result<Exit, Failure> {
        let is_asked = |entry: &Entry| self.group.is_none_or(|only| only == entry.group);
        let rows: Vec<_> = Provider::ALL
            .into_iter()
            .filter(|provider| session.provider().is_none_or(|only| only == *provider))
            .flat_map(|provider| catalog::entries(provider).iter().map(move |it| (provider, it)))
            .filter(|(_, entry)| is_asked(entry))
            .map(|(provider, entry)| row(provider, entry))
            .collect();
        session.print_list(LAYOUT, &rows)?;
        Ok(Exit::Done)
    }
}

fn row(provider: Provider, entry: &Entry) -> Row {
    Row {
        provider,
        event: entry.event,
        group: entry.group.as_str(),
        topic: Settings::default().topic_names().of(provider, entry.group),
        system: entry.system,
        scope: entry.scope,
        family: entry.family.name,
        since: entry.known.since,
        standing: entry.known.standing.as_str(),
        source: entry.known.source,
        description: entry.meaning,
    }
}

fn group_parser() -> impl TypedValueParser<Value = Group> {
    let mut all: Vec<_> = Provider::ALL.into_iter().flat_map(Group::of).copied().collect();
    // Both providers have a group for unknown events.
    all.sort_unstable();
    all.dedup();
    PossibleValuesParser::new(all.clone().into_iter().map(Group::as_str)).map(move |name| {
        let named = |group: &&Group| group.as_str() == name;
        all.iter().find(named).copied().expect("only known names come here")
    })
}

const LAYOUT: Layout = Layout {
    keys: &[
        "provider",
        "event",
        "group",
        "system",
        "scope",
        "description",
        "topic",
        "family",
        "since",
        "standing",
        "source",
    ],
    table: &["provider", "event", "group", "system", "scope", "description"],
    empty: "No events.",
};
