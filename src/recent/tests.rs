//! Recent decisions, through their public face.

use super::*;
use crate::recent::decision::Outcome;
use jiff::Timestamp;
use tempfile::TempDir;

fn open(dir: &TempDir, count: u64) -> Recent {
    let limits = Limits { count, bytes: 1 << 20, reserve: 0 };
    Recent::open(dir.path().join("recent"), limits).expect("the decisions open")
}

fn note(recent: &Recent, id: &str, outcome: Outcome) {
    let decision = Decision {
        id: Some(id.into()),
        event: Some("onshape.model.lifecycle.changed".into()),
        subject: Some("documents/d1/w/w1".into()),
        document: Some("d1".into()),
        ..Decision::bare(Timestamp::UNIX_EPOCH, "acme", outcome, 12)
    };
    recent.note(&decision, Some(br#"{"a":1}"#));
}

#[track_caller]
fn ids(recent: &Recent, filter: &Filter) -> Vec<String> {
    let page = recent.search(filter, None, 1_000).expect("the decisions are read");
    page.decisions.into_iter().filter_map(|found| Some(found.decision.id?.into_owned())).collect()
}

#[test]
fn decisions_are_found_newest_first_with_their_bodies() {
    let dir = TempDir::new().unwrap();
    let recent = open(&dir, 100);

    note(&recent, "one", Outcome::Accepted);
    note(&recent, "one", Outcome::Duplicate);
    note(&recent, "two", Outcome::Accepted);

    assert_eq!(ids(&recent, &Filter::default()), ["two", "one", "one"]);
    let duplicates = Filter { outcome: Some(Outcome::Duplicate), ..Filter::default() };
    assert_eq!(ids(&recent, &duplicates), ["one"]);
    let page = recent.search(&Filter::of_id("two"), None, 1).unwrap();
    assert_eq!(page.decisions[0].decision.body().as_deref(), Some(&br#"{"a":1}"#[..]));
    assert_eq!(page.decisions[0].number, 3);
    recent.close();
}

#[test]
fn a_page_says_where_the_next_one_begins() {
    let dir = TempDir::new().unwrap();
    let recent = open(&dir, 100);
    for number in 1..=5 {
        note(&recent, &number.to_string(), Outcome::Accepted);
    }

    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = recent.search(&Filter::default(), before, 2).unwrap();
        seen.extend(page.decisions.iter().map(|found| found.number));
        before = page.next;
        if before.is_none() {
            break;
        }
    }

    assert_eq!(seen, [5, 4, 3, 2, 1]);
    recent.close();
}

#[test]
fn each_filter_takes_what_it_names_and_nothing_else() {
    let dir = TempDir::new().unwrap();
    let recent = open(&dir, 100);
    note(&recent, "one", Outcome::Accepted);

    let text = |text: &str| Some(text.to_owned());
    let all = Filter::default;
    for (taken, filter) in [
        (true, Filter { source: text("acme"), ..all() }),
        (false, Filter { source: text("acm"), ..all() }),
        (true, Filter { event: text("onshape.model.*"), ..all() }),
        (false, Filter { event: text("onshape.model"), ..all() }),
        (true, Filter { subject: text("documents/d1"), ..all() }),
        (false, Filter { subject: text("d1"), ..all() }),
        (true, Filter { document: text("d1"), ..all() }),
        (true, Filter { document: text("w1"), ..all() }),
        (false, Filter { document: text("d"), ..all() }),
        (true, Filter { text: text("LIFECYCLE"), ..all() }),
        (false, Filter { text: text("nothing like it"), ..all() }),
        (false, Filter { id: text("onetwo"), ..all() }),
        (false, Filter { group: text("plm"), ..all() }),
    ] {
        assert_eq!(ids(&recent, &filter).len(), usize::from(taken), "{filter:?}");
    }
    recent.close();
}

#[test]
fn decisions_survive_a_restart_and_numbers_go_on() {
    let dir = TempDir::new().unwrap();
    let first = open(&dir, 100);
    note(&first, "one", Outcome::Accepted);
    first.close();

    let second = open(&dir, 100);
    note(&second, "two", Outcome::Accepted);

    let page = second.search(&Filter::default(), None, 10).unwrap();
    let numbers: Vec<u64> = page.decisions.iter().map(|found| found.number).collect();
    assert_eq!(numbers, [2, 1]);
    second.close();
}

#[test]
fn a_line_that_a_kill_cut_is_passed_over_and_nothing_else() {
    let dir = TempDir::new().unwrap();
    let first = open(&dir, 100);
    note(&first, "one", Outcome::Accepted);
    first.close();
    let file = dir.path().join("recent/00000000000000000001.jsonl");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.extend_from_slice(br#"{"at":"1970-01-01T00:0"#);
    std::fs::write(&file, bytes).unwrap();

    let second = open(&dir, 100);
    note(&second, "two", Outcome::Accepted);

    assert_eq!(ids(&second, &Filter::default()), ["two", "one"]);
    second.close();
}

#[test]
fn the_oldest_go_when_there_are_too_many() {
    let dir = TempDir::new().unwrap();
    let recent = open(&dir, 100);

    for number in 1..=1_000 {
        note(&recent, &number.to_string(), Outcome::Accepted);
        if number % 10 == 0 {
            recent.search(&Filter::default(), None, 1).unwrap();
        }
    }

    let left = ids(&recent, &Filter::default());
    assert!((90..=110).contains(&left.len()), "{}", left.len());
    assert_eq!(left[0], "1000");
    let files = std::fs::read_dir(dir.path().join("recent")).unwrap().count();
    assert!(files <= 11, "{files}");
    recent.close();
}

#[tokio::test]
async fn a_follower_hears_what_is_noted_from_now_on() {
    let dir = TempDir::new().unwrap();
    let recent = open(&dir, 100);
    note(&recent, "before", Outcome::Accepted);
    recent.search(&Filter::default(), None, 1).unwrap();
    let mut follower = recent.follow();

    note(&recent, "after", Outcome::Accepted);

    let batch = follower.recv().await.unwrap();
    assert_eq!((batch.len(), batch[0].number), (1, 2));
    assert_eq!(recent.after(1, 10).unwrap(), *batch);
    recent.close();
}

#[test]
fn bodies_are_left_out_when_many_come_at_once() {
    let dir = TempDir::new().unwrap();
    let recent = open(&dir, 10_000);
    let body = vec![b'x'; 60 << 10];
    let decision = Decision::bare(Timestamp::UNIX_EPOCH, "acme", Outcome::Accepted, 60 << 10);

    for _ in 0..10 {
        recent.note(&decision, Some(&body));
    }

    let page = recent.search(&Filter::default(), None, 100).unwrap();
    let with_body = page.decisions.iter().filter(|found| found.decision.body().is_some()).count();
    assert_eq!(page.decisions.len(), 10);
    // A turn may just have begun anew between two of them.
    assert!((4..=8).contains(&with_body), "{with_body}");
    recent.close();
}

#[test]
fn a_flood_of_forgeries_does_not_push_out_what_was_believed() {
    let dir = TempDir::new().unwrap();
    let recent = open(&dir, 100);
    note(&recent, "honest", Outcome::Accepted);

    for _ in 0..10_000 {
        note(&recent, "forged", Outcome::Unproven);
    }

    let left = ids(&recent, &Filter::default());
    assert!(left.contains(&"honest".to_owned()), "{left:?}");
    assert!(recent.dropped() > 9_000);
    recent.close();
}

#[test]
fn a_full_disk_drops_decisions_and_says_how_many() {
    let dir = TempDir::new().unwrap();
    let limits = Limits { count: 100, bytes: 1 << 20, reserve: u64::MAX / 2 };
    let recent = Recent::open(dir.path().join("recent"), limits).unwrap();

    note(&recent, "one", Outcome::Accepted);

    assert!(ids(&recent, &Filter::default()).is_empty());
    assert_eq!(recent.dropped(), 1);
    recent.close();
}

#[test]
fn what_a_full_disk_does_not_take_is_still_told_live_each_under_its_own_number() {
    let dir = TempDir::new().unwrap();
    let limits = Limits { count: 100, bytes: 1 << 20, reserve: u64::MAX / 2 };
    let recent = Recent::open(dir.path().join("recent"), limits).expect("the decisions open");
    let mut live = recent.follow();

    let mut numbers = Vec::new();
    for id in ["one", "two", "three"] {
        note(&recent, id, Outcome::Accepted);
        let batch = live.blocking_recv().expect("a batch");
        numbers.extend(batch.iter().map(|found| found.number));
    }

    assert_eq!(numbers, [1, 2, 3]);
    recent.close();
}
