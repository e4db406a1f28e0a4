//! Tests the map: the rooms that each room may name, and that no two files need each other.
//!
//! A room is a top-level module. Paths are read from the source text: `crate::…`, `super::…`, and
//! paths through an imported module. Tests inside a file are ignored. A file may name its own
//! folder's `mod.rs`, which holds the type that the folder is about.

use crate::lengths::{files, src};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The rooms that each room may name, bottom first.
const ARROWS: &[(&str, &[&str])] = &[
    ("telemetry", &[]),
    ("json", &[]),
    ("topics", &[]),
    ("gaps", &[]),
    ("recent", &[]),
    ("providers", &["json"]),
    ("record", &["json"]),
    ("spool", &["record"]),
    ("shared", &["spool"]),
    ("kafka", &["topics"]),
    ("ingest", &["providers", "recent", "record", "shared", "spool", "telemetry", "topics"]),
    ("drain", &["kafka", "record", "spool", "telemetry", "topics"]),
    ("quarantine", &["ingest", "kafka", "record"]),
    ("webhooks", &["gaps", "providers"]),
    ("simulator", &["providers", "webhooks"]),
    (
        "http",
        &[
            "drain",
            "gaps",
            "ingest",
            "kafka",
            "providers",
            "quarantine",
            "recent",
            "record",
            "shared",
            "spool",
            "telemetry",
            "topics",
            "webhooks",
        ],
    ),
    (
        "metrics",
        &["drain", "http", "ingest", "kafka", "providers", "shared", "spool", "topics", "webhooks"],
    ),
    (
        "config",
        &["http", "kafka", "providers", "shared", "spool", "telemetry", "topics", "webhooks"],
    ),
    (
        "app",
        &[
            "config",
            "drain",
            "gaps",
            "http",
            "ingest",
            "kafka",
            "metrics",
            "providers",
            "quarantine",
            "recent",
            "record",
            "shared",
            "spool",
            "telemetry",
            "topics",
            "webhooks",
        ],
    ),
    (
        "cli",
        &[
            "app",
            "config",
            "drain",
            "http",
            "ingest",
            "kafka",
            "providers",
            "quarantine",
            "recent",
            "record",
            "shared",
            "simulator",
            "spool",
            "telemetry",
            "topics",
            "webhooks",
        ],
    ),
];

/// Rooms that every room may name. They name no rooms but those in `LEAF`.
const LEAVES: &[&str] = &[
    "event",
    "lock",
    "mutants",
    "outbound",
    "pause",
    "printable",
    "quantity",
    "scratch",
    "secret",
    "small_file",
    "throttle",
    "veil",
];

/// The rooms that a leaf may name.
const LEAF: &[&str] = &["lock", "secret", "small_file", "veil"];

/// The modules that each module names.
type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn every_arrow_between_rooms_is_on_the_map() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut wrong = BTreeSet::new();
    for (from, names) in imports() {
        let room = room_of(&from);
        let below = match allowed.get(room) {
            Some(below) => below,
            None if LEAVES.contains(&room) => LEAF,
            None => panic!("the room {room} is not in the table of {}", file!()),
        };
        for to in names.iter().map(|to| room_of(to)).filter(|to| *to != room) {
            let is_leaf = LEAVES.contains(&to) && !LEAVES.contains(&room);
            if !is_leaf && !below.contains(&to) {
                wrong.insert((room.to_owned(), to.to_owned()));
            }
        }
    }

    assert!(wrong.is_empty(), "not on the map: {wrong:?}");
}

#[test]
fn no_room_is_reached_from_a_room_below_it() {
    let mut below = BTreeSet::new();
    for (room, names) in ARROWS {
        assert!(names.iter().all(|name| below.contains(name)), "{room} names a room above it");
        below.insert(*room);
    }
}

#[test]
fn no_files_need_each_other() {
    let mut graph = imports();
    for (from, names) in &mut graph {
        names.retain(|to| !from.starts_with(&format!("{to}::")));
    }
    let found = circles(&graph);

    assert!(found.is_empty(), "these need each other: {found:?}");
}

#[test]
fn paths_are_found_in_groups_through_imports_and_from_the_parent() {
    let modules = ["a", "a::b", "a::b::c", "d", "d::e", "f"].map(str::to_owned).into();
    let text = "use crate::a::{self, b::{c, Thing}};\nuse crate::d;\n// crate::f is not named.\n\
                fn x() { d::e::y(); super::b::z() }\n#[cfg(test)]\nmod tests { use crate::f; }\n";

    let found = paths("a::x", text, &modules);

    assert_eq!(found, ["a", "a::b", "a::b::c", "d", "d::e"].map(str::to_owned).into());
}

#[test]
fn a_circle_of_three_is_found_and_a_chain_is_none() {
    let graph = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "e")]
        .map(|(from, to)| (from.to_owned(), BTreeSet::from([to.to_owned()])));
    let mut joined = Graph::new();
    for (from, names) in graph {
        joined.entry(from).or_default().extend(names);
    }

    assert_eq!(circles(&joined), [["a", "b", "c"].map(str::to_owned).to_vec()].into());
}

fn room_of(module: &str) -> &str {
    module.split("::").next().unwrap_or(module)
}

/// Reads all of `src`.
fn imports() -> Graph {
    let texts: BTreeMap<String, String> = files().iter().filter_map(|file| read(file)).collect();
    let modules: BTreeSet<String> = texts.keys().cloned().collect();
    texts.iter().map(|(module, text)| (module.clone(), paths(module, text, &modules))).collect()
}

/// The name of a file's module, and its text. `None` for those that the map does not show.
fn read(file: &Path) -> Option<(String, String)> {
    let path = file.with_extension("");
    let path = if path.ends_with("mod") { path.parent().unwrap() } else { &path };
    let names: Vec<&str> = path.iter().map(|name| name.to_str().unwrap()).collect();
    let module = names.join("::");
    let is_shown = !module.ends_with("::tests")
        && !["main", "lib", "lengths", "map"].contains(&module.as_str());
    is_shown.then(|| (module, std::fs::read_to_string(src().join(file)).unwrap()))
}

/// The modules that a text names.
fn paths(module: &str, text: &str, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let mut starts = vec![("crate".to_owned(), String::new())];
    starts.push(("super".to_owned(), parent.to_owned()));
    let mut found = BTreeSet::new();
    let mut at = 0;
    // An imported module is another possible beginning of a path.
    while let Some((start, means)) = starts.get(at).cloned() {
        at += 1;
        for path in written_after(&format!("{start}::"), &text) {
            let path = format!("{means}::{path}");
            let path = path.trim_start_matches("::").trim_end_matches("::self");
            if modules.contains(path) && at <= 2 {
                let last = path.rsplit("::").next().unwrap_or(path);
                starts.push((last.to_owned(), path.to_owned()));
            }
            let longest = std::iter::successors(Some(path), |path| Some(path.rsplit_once("::")?.0))
                .find(|path| modules.contains(*path));
            found.extend(longest.filter(|path| *path != module).map(str::to_owned));
        }
    }
    found
}

/// Each path that follows a beginning, with groups in braces expanded.
fn written_after(start: &str, text: &str) -> Vec<String> {
    let begins = text.match_indices(start).map(|(at, _)| at);
    let whole = begins.filter(|at| {
        !text[..*at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ':'))
    });
    whole.flat_map(|at| expand(&text[at + start.len()..])).collect()
}

fn expand(text: &str) -> Vec<String> {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        let (mut depth, mut from, mut parts) = (1, 0, Vec::new());
        for (at, c) in group.char_indices() {
            depth += match c {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
            if depth == 0 || (depth == 1 && c == ',') {
                parts.extend(expand(&group[from..at]));
                from = at + 1;
            }
            if depth == 0 {
                break;
            }
        }
        return parts;
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    match rest.strip_prefix("::") {
        _ if name.is_empty() => Vec::new(),
        Some(rest) if !rest.starts_with('<') => {
            let mut deeper = expand(rest);
            deeper.iter_mut().for_each(|path| *path = format!("{name}::{path}"));
            if deeper.is_empty() { vec![name.to_owned()] } else { deeper }
        }
        _ => vec![name.to_owned()],
    }
}

/// The groups of modules in which each module reaches every other.
fn circles(graph: &Graph) -> BTreeSet<Vec<String>> {
    let reach = |from: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(next) = open.pop() {
            for name in graph.get(&next).into_iter().flatten() {
                if seen.insert(name.clone()) {
                    open.push(name.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> =
        graph.keys().map(|module| (module, reach(module))).collect();
    let circle = |module: &String| -> Vec<String> {
        let others = &reached[module];
        let back = |other: &&String| reached.get(other).is_some_and(|set| set.contains(module));
        others.iter().filter(back).cloned().collect()
    };
    graph.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}
