//! A notification is believed if all that its source asks is there, and nothing less.

use crate::providers::given::{notification, now, open_source, source};
use cadrelay::event::provider::Provider;
use cadrelay::providers::notification::{Headers, Notification};
use cadrelay::providers::reading::Reading;
use cadrelay::providers::sample;
use cadrelay::providers::settings::Settings;
use cadrelay::providers::source::{Refusal, Source};
use jiff::{Timestamp, ToSpan as _};
use proptest::prelude::*;
use std::time::Duration;

const BODY: &[u8] = br#"{"event":"webhook.ping","messageId":"m-1"}"#;
const APS_BODY: &[u8] = br#"{"hook":{"event":"dm.version.added","hookId":"h-1"},"payload":{}}"#;

fn onshape(proof: &str) -> Source {
    source(&format!(r#"{{"name":"acme","provider":"onshape","proof":{proof}}}"#))
}

fn aps(proof: &str) -> Source {
    source(&format!(r#"{{"name":"aps","provider":"aps","proof":{proof}}}"#))
}

fn is_believed(source: &Source, body: &[u8], headers: &[(&str, &str)]) -> bool {
    source.prove(notification(body, headers), now()).is_ok()
}

/// Signs as Onshape, with what the headers hold replaced by the given name and time.
fn is_signature_believed(source: &Source, name: &str, time: &str) -> bool {
    let signature = cadrelay::providers::onshape::Key::new("key").sign(time, BODY);
    is_believed(source, BODY, &[("x-onshape-webhook-timestamp", time), (name, &signature)])
}

const PRIMARY: &str = "x-onshape-webhook-signature-primary";
const SECONDARY: &str = "x-onshape-webhook-signature-secondary";

#[test]
fn a_signature_by_any_key_in_either_header_is_believed() {
    let source = onshape(r#"{"hmac":["new-key","key"]}"#);
    let time = now().as_millisecond().to_string();

    assert!(is_signature_believed(&source, PRIMARY, &time));
    assert!(is_signature_believed(&source, SECONDARY, &time));
}

#[test]
fn a_wrong_signature_beside_a_right_one_does_no_harm() {
    let source = onshape(r#"{"hmac":["key"]}"#);
    let time = now().as_millisecond().to_string();
    let right = cadrelay::providers::onshape::Key::new("key").sign(&time, BODY);
    let wrong = cadrelay::providers::onshape::Key::new("other").sign(&time, BODY);
    let time = ("x-onshape-webhook-timestamp", time.as_str());

    assert!(is_believed(&source, BODY, &[time, (PRIMARY, &wrong), (SECONDARY, &right)]));
    assert!(is_believed(&source, BODY, &[time, (PRIMARY, "not base64"), (SECONDARY, &right)]));
    assert!(!is_believed(&source, BODY, &[time, (PRIMARY, &wrong)]));
}

#[test]
fn a_signature_without_its_time_is_not_believed() {
    let source = onshape(r#"{"hmac":["key"]}"#);
    let signature = cadrelay::providers::onshape::Key::new("key").sign("", BODY);

    assert!(!is_believed(&source, BODY, &[(PRIMARY, &signature)]));
    assert!(!is_signature_believed(&source, PRIMARY, "soon"));
    assert!(!is_signature_believed(&source, PRIMARY, ""));
}

#[test]
fn a_header_that_occurs_twice_proves_nothing() {
    let source = onshape(r#"{"hmac":["key"]}"#);
    let time = now().as_millisecond().to_string();
    let signature = cadrelay::providers::onshape::Key::new("key").sign(&time, BODY);
    let time = ("x-onshape-webhook-timestamp", time.as_str());

    assert!(!is_believed(&source, BODY, &[time, time, (PRIMARY, &signature)]));
    assert!(!is_believed(&source, BODY, &[time, (PRIMARY, &signature), (PRIMARY, &signature)]));
}

#[test]
fn the_time_of_a_signature_may_have_any_of_its_forms() {
    let source = onshape(r#"{"hmac":["key"]}"#);

    for time in [
        now().as_second().to_string(),
        now().as_millisecond().to_string(),
        "2026-11-22T07:00:00.123Z".to_owned(),
        "2026-11-22T02:00:00.123-0500".to_owned(),
        "2026-11-22T08:00:00+01:00".to_owned(),
    ] {
        assert!(is_signature_believed(&source, PRIMARY, &time), "{time}");
    }
}

#[test]
fn a_signature_is_believed_while_its_repeat_would_be_noticed() {
    // The window of the tests' sources is a day.
    let by_window = onshape(r#"{"hmac":["key"]}"#);
    let by_setting =
        source(r#"{"name":"a","provider":"onshape","proof":{"hmac":["key"]},"freshness":"5m"}"#);
    let sent = |source: &Source, at: Timestamp| {
        is_signature_believed(source, PRIMARY, &at.as_millisecond().to_string())
    };

    assert!(sent(&by_window, now() - 24.hours()));
    assert!(!sent(&by_window, now() - 24.hours() - 1.millisecond()));
    assert!(sent(&by_window, now() + 10.minutes()));
    assert!(!sent(&by_window, now() + 10.minutes() + 1.millisecond()));
    assert!(sent(&by_setting, now() - 5.minutes()));
    assert!(!sent(&by_setting, now() - 5.minutes() - 1.millisecond()));
}

#[test]
fn an_aps_signature_is_believed_in_both_headers_and_either_case() {
    let source = aps(r#"{"hmac":["old","0123456789abcdef0123456789abcdef"]}"#);
    let headers = sample::sign(Provider::Aps, "0123456789abcdef0123456789abcdef", APS_BODY, now());

    for (name, value) in &headers {
        assert!(is_believed(&source, APS_BODY, &[(name, value)]), "{name}");
        let (prefix, hex) = value.split_once('=').unwrap();
        let upper = format!("{prefix}={}", hex.to_uppercase());
        assert!(is_believed(&source, APS_BODY, &[(name, &upper)]), "{name}");
        assert!(!is_believed(&source, APS_BODY, &[(name, hex)]), "{name} without its prefix");
    }
}

#[test]
fn credentials_are_believed_as_http_sends_them() {
    let source = onshape(r#"{"basic":{"username":"relay","password":"pass:word"}}"#);

    // relay:pass:word
    assert!(is_believed(&source, BODY, &[("authorization", "Basic cmVsYXk6cGFzczp3b3Jk")]));
    assert!(is_believed(&source, BODY, &[("authorization", "basic cmVsYXk6cGFzczp3b3Jk")]));
    // relay:other
    assert!(!is_believed(&source, BODY, &[("authorization", "Basic cmVsYXk6b3RoZXI=")]));
    assert!(!is_believed(&source, BODY, &[("authorization", "Bearer cmVsYXk6cGFzczp3b3Jk")]));
    assert!(!is_believed(&source, BODY, &[]));
}

#[test]
fn a_token_in_the_url_is_believed_percent_decoded_and_alone() {
    let source = onshape(r#"{"url_token":["old","s3cret & more"]}"#);
    let sent = |query| {
        let notification = Notification { query, ..notification(BODY, &[]) };
        source.prove(notification, now()).is_ok()
    };

    assert!(sent("token=old"));
    assert!(sent("a=b&token=s3cret%20%26%20more"));
    assert!(!sent("token=new"));
    assert!(!sent("token="));
    assert!(!sent("TOKEN=old"));
    assert!(!sent("token=old&token=old"));
    assert!(!sent(""));
}

#[test]
fn a_token_in_the_body_is_believed_and_goes_no_further() {
    let source = onshape(r#"{"data_token":["s3cret"]}"#);
    let body = br#"{"event":"webhook.ping","messageId":"m-1","data":"s3cret"}"#;

    let proven = source.prove(notification(body, &[]), now()).unwrap();

    let debug = format!("{proven:?}");
    let Reading::Event(event) = proven.read() else { panic!("an event") };
    assert_eq!(
        event.raw.bytes()[..],
        br#"{"event":"webhook.ping","messageId":"m-1","data":"***"}"#[..]
    );
    assert!(!debug.contains("s3cret") && !format!("{event:?}").contains("s3cret"));
    assert!(!is_believed(&source, BODY, &[]));
}

#[test]
fn all_that_is_asked_must_hold_and_is_told() {
    let source = onshape(r#"{"url_token":["t"],"hmac":["key"],"data_token":["d"]}"#);
    let body = br#"{"event":"webhook.ping","data":"d"}"#;
    let time = now().as_millisecond().to_string();
    let signature = cadrelay::providers::onshape::Key::new("key").sign(&time, body);
    let signed = [("x-onshape-webhook-timestamp", time.as_str()), (PRIMARY, &signature)];
    let sent = |query, headers| {
        let headers: &[(&str, &str)] = headers;
        source.prove(Notification { query, ..notification(body, headers) }, now())
    };

    let proven = sent("token=t", &signed).unwrap();
    let Reading::Event(event) = proven.read() else { panic!("an event") };
    assert_eq!(event.verified.text(), "hmac+url_token+data_token");
    assert_eq!(sent("", &signed).unwrap_err(), Refusal::Unproven);
    assert_eq!(sent("token=t", &[]).unwrap_err(), Refusal::Unproven);
}

#[test]
fn what_nobody_vouches_for_must_at_least_be_json() {
    let source = open_source("onshape");

    let proven = source.prove(notification(b"\xef\xbb\xbf[7] ", &[]), now()).unwrap();
    assert!(proven.read_posted().is_ok());
    for body in [&b""[..], b"not json", b"{", b"\xff", b"{}{}"] {
        let proven = source.prove(notification(body, &[]), now()).unwrap();
        assert_eq!(proven.read_posted().unwrap_err(), Refusal::Malformed);
    }
}

/// Everything that is wrong with settings, as `check` shows it.
fn faults(settings: &str) -> String {
    match serde_json::from_str::<Settings>(settings) {
        Err(error) => error.to_string(),
        Ok(settings) => match Source::new(&settings, Duration::from_secs(60)) {
            Err(error) => error.to_string(),
            Ok(_) => "nothing".to_owned(),
        },
    }
}

#[test]
fn settings_that_cannot_work_are_refused_all_at_once() {
    let shown = faults(
        r#"{"name":"a b","provider":"aps","proof":{"hmac":[{"env":"CADRELAY_UNSET"}],"url_token":[],
            "data_token":["x"],"basic":{"username":"a:b","password":""}},"freshness":"5m",
            "assume":{"system":"","event":"dm.version.added"}}"#,
    );

    insta::assert_snapshot!(shown.replace("; ", "\n"));
}

#[test]
fn a_name_fits_into_a_url() {
    let of_name =
        |name: &str| faults(&format!(r#"{{"name":"{name}","provider":"aps","proof":"none"}}"#));

    assert_eq!(of_name("acme-2.eu_west"), "nothing");
    for name in ["", "..", "a/b", "a b", "\u{e9}", &"a".repeat(101)] {
        assert!(of_name(name).contains("name: takes 1 to 100"), "{name}");
    }
}

#[test]
fn settings_that_are_not_understood_are_refused_without_showing_secrets() {
    let of_proof =
        |proof| faults(&format!(r#"{{"name":"a","provider":"onshape","proof":{proof}}}"#));

    let shown = [
        of_proof(r#""hunter2""#),
        of_proof("{}"),
        of_proof(r#"{"hmac":42}"#),
        of_proof(r#"{"hmac":[42]}"#),
        of_proof(r#"{"basic":"hunter2"}"#),
        of_proof(r#"{"basic":{"username":"relay","passwort":"hunter2"}}"#),
        of_proof(r#"{"hmca":["hunter2"]}"#),
        faults(r#"{"name":"a","provider":"onshape"}"#),
        faults(r#"{"name":"a","provider":"forge","proof":"none"}"#),
        faults(r#"{"name":"a","provider":"onshape","proof":"none","assume":{"system":"data"}}"#),
    ]
    .join("\n");

    assert!(!shown.contains("hunter2") && !shown.contains("42"), "{shown}");
    insta::assert_snapshot!(shown);
}

fn signed_by(provider: Provider, body: &[u8]) -> Vec<(&'static str, String)> {
    sample::sign(provider, "key", body, now())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn a_flipped_bit_of_body_or_headers_is_noticed(
        is_onshape in any::<bool>(),
        seed in any::<u64>(),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let provider = if is_onshape { Provider::Onshape } else { Provider::Aps };
        let event = if is_onshape { "onshape.revision.created" } else { "dm.version.added" };
        let body = sample::body(provider, event, seed, now());
        // One signature, so that no other stays right.
        let mut headers = signed_by(provider, &body);
        headers.truncate(if is_onshape { 2 } else { 1 });
        let source = source(&format!(
            r#"{{"name":"a","provider":"{provider}","proof":{{"hmac":["key"]}}}}"#
        ));
        let believed = |body: &[u8], headers: &[(&str, String)]| {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            source.prove(notification(body, &headers), now()).is_ok()
        };
        prop_assert!(believed(&body, &headers));

        let mut flipped = body.clone();
        flipped[at.index(body.len())] ^= 1 << bit;
        prop_assert!(!believed(&flipped, &headers));

        // A digit's lowest bit: it stays a time, and Base64 or hex.
        for which in 0..headers.len() {
            let mut headers = headers.clone();
            let mut value = std::mem::take(&mut headers[which].1).into_bytes();
            let digits: Vec<_> =
                (0..value.len()).filter(|&place| value[place].is_ascii_digit()).collect();
            if digits.is_empty() {
                continue;
            }
            let place = digits[at.index(digits.len())];
            value[place] ^= 1;
            headers[which].1 = String::from_utf8(value).unwrap();
            prop_assert!(!believed(&body, &headers), "{:?}", headers[which]);
        }
    }
}

#[test]
fn headers_that_no_proof_needs_are_dropped() {
    let headers = Headers::new([("cookie", "a"), ("traceparent", "b")].into_iter());

    assert_eq!(headers.get("cookie"), None);
    assert_eq!(headers.get("traceparent"), Some("b"));
}

#[test]
fn a_signature_may_not_be_fresh_for_longer_than_its_repeat_is_recognised() {
    let settings = |freshness: &str| -> Settings {
        let json = format!(
            r#"{{"name":"a","provider":"onshape","proof":{{"hmac":["key"]}},"freshness":"{freshness}"}}"#
        );
        serde_json::from_str(&json).unwrap()
    };
    let window = std::time::Duration::from_secs(3_600);

    assert!(Source::new(&settings("1h"), window).is_ok());
    let error = Source::new(&settings("61m"), window).unwrap_err().to_string();
    assert!(error.contains("freshness: 61m is over dedup.window, 1h"), "{error}");
}
