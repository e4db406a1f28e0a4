use super::health::rest;
use super::*;

#[test]
fn rests_grow_with_failures_in_a_row_up_to_sixteen_intervals() {
    let interval = Duration::from_secs(300);
    let ticks = |failures| rest(failures, interval).as_secs().div_ceil(interval.as_secs());

    assert_eq!([1, 2, 3, 4, 5, 6, 99].map(ticks), [1, 2, 4, 8, 16, 16, 16]);
}

#[test]
fn what_was_last_seen_long_ago_is_not_up() {
    let at = |second: i64| Timestamp::from_second(second).unwrap();
    let kept = Kept { is_as_declared: true, looked: Some(at(1000)), ..Kept::default() };
    let is_up = |now| kept.is_up(at(now), Duration::from_secs(300));

    assert!(is_up(1000));
    assert!(is_up(1900));
    assert!(!is_up(2000));
}

#[test]
fn a_ping_has_an_interval_to_come_back() {
    let at = |second: i64| Timestamp::from_second(second).unwrap();
    let kept = |sent, seen: Option<i64>| Kept {
        ping_sent: Some(at(sent)),
        ping_seen: seen.map(at),
        ..Kept::default()
    };
    let check = |kept: Kept, now| kept.ping_came_back(at(now), Duration::from_secs(300));

    assert!(check(Kept::default(), 1000), "there is none for APS");
    assert!(check(kept(1000, None), 1299));
    assert!(!check(kept(1000, None), 1300));
    assert!(check(kept(1000, Some(1001)), 9000));
    assert!(!check(kept(1000, Some(900)), 1300), "that was the one before");
}
