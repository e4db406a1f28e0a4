//! The tables of events and bodies in docs/EVENTS.md are those of the catalogs, and those are true.

use crate::providers::contract::check_file;
use crate::providers::fixtures::event_of;
use crate::providers::schemas::groups;
use cadrelay::event::group::Group;
use cadrelay::event::provider::Provider;
use cadrelay::providers::catalog;
use cadrelay::providers::catalog::entry::Standing;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// The part of docs/EVENTS.md that comes from the catalogs.
fn event_tables() -> String {
    let mut tables = String::new();
    for (provider, group) in groups() {
        let rows = || catalog::entries(provider).iter().filter(|entry| entry.group == group);
        if rows().next().is_none() {
            continue;
        }
        writeln!(tables, "### `cad.{provider}.{group}`\n").unwrap();
        let columns = ["event", "registered by", "body", "since", "known from", "meaning"];
        writeln!(tables, "| {} |\n|---|---|---|---|---|---|", columns.join(" | ")).unwrap();
        for entry in rows() {
            let scope = match entry.scope {
                [] if group == Group::Lifecycle => "nobody: sent to every webhook".to_owned(),
                [] => "not published".to_owned(),
                keys => keys.join(" or "),
            };
            let known = entry.known;
            let seen = if known.standing == Standing::Seen { " \u{b9}" } else { "" };
            let (event, family) = (entry.event, entry.family.name);
            let (since, source) = (known.since.unwrap_or_default(), known.source);
            let meaning = entry.meaning;
            writeln!(
                tables,
                "| `{event}`{seen} | {scope} | {family} | {since} | {source} | {meaning} |"
            )
            .unwrap();
        }
        tables.push('\n');
    }
    tables
        .push_str("\u{b9} Not in the provider's documentation of events, but seen elsewhere.\n\n");
    tables.push_str(&family_table());
    tables
}

/// The table of the places of an event's parts, by the kind of body.
fn family_table() -> String {
    let mut table = String::from(
        "### Bodies\n\nWhere the parts of an event are in each kind of body. Of several the first that \
         is there counts; after the key's come\nthe project, the hook and the source's name.\n\n\
         | body | provider | subject | key | time | actor |\n|---|---|---|---|---|---|\n",
    );
    for provider in Provider::ALL {
        let mut told = BTreeSet::new();
        for family in catalog::entries(provider).iter().map(|entry| entry.family) {
            if told.insert(family.name) {
                let parts = [family.subject, family.key, family.time, family.actor];
                let [subject, key, time, actor] = parts.map(|part| match part {
                    "" => "not said",
                    part => part,
                });
                let name = family.name;
                writeln!(table, "| {name} | {provider} | {subject} | {key} | {time} | {actor} |")
                    .unwrap();
            }
        }
    }
    table
}

/// The parts of a family are where its table says: a sample of each event has them.
#[test]
fn each_part_of_an_event_comes_from_where_its_family_says() {
    for provider in Provider::ALL {
        for entry in catalog::entries(provider) {
            let fixture = format!("tests/fixtures/{provider}/{}.json", entry.event);
            let body: Value = serde_json::from_slice(&std::fs::read(&fixture).unwrap()).unwrap();
            let event = event_of(provider, Path::new(&fixture));
            let first = |paths: &str| {
                let mut paths = paths.split(", ").filter(|path| !path.is_empty());
                paths.find_map(|path| at(&body, path))
            };

            let key = event.subject.as_ref().map(|subject| subject.as_str().to_owned());
            assert_eq!(first(entry.family.key), key, "{fixture}: key");
            assert_eq!(
                first(entry.family.actor).as_deref(),
                event.actor.as_deref(),
                "{fixture}: actor"
            );
            let time = first(entry.family.time);
            assert_eq!(time.is_some(), event.occurred_at.is_some(), "{fixture}: time");
            let about = event.about.unwrap();
            assert!(about.contains(&first(entry.family.subject).unwrap()), "{fixture}: {about}");
        }
    }
}

/// The value at a path such as `payload.user_info.id`, unless it counts as absent.
fn at(body: &Value, path: &str) -> Option<String> {
    let (path, unversioned) = match path.strip_suffix(" without its version") {
        Some(path) => (path, true),
        None => (path, false),
    };
    let found = path.split('.').try_fold(body, |value, step| value.get(step))?;
    let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
    let text = match text.split_once("?version=") {
        Some((urn, _)) if unversioned => urn.to_owned(),
        _ => text,
    };
    (!text.is_empty() && text.bytes().any(|byte| byte != b'0')).then_some(text)
}

#[test]
fn the_event_tables_are_those_of_the_catalogs() {
    const PATH: &str = "docs/EVENTS.md";
    const BEGIN: &str = "<!-- catalogs: begin (a test writes this part) -->\n";
    const END: &str = "<!-- catalogs: end -->\n";
    let page = std::fs::read_to_string(PATH).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();

    check_file(PATH, &format!("{before}{BEGIN}\n{}\n{END}{after}", event_tables()));
}
