//! A provider, or whoever stands in its place, takes neither our memory nor our time.

use crate::subscriptions::scripted::Provider;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::park_timeout;
use std::time::Duration;
use support::provider::{command, run};

const LIST: [&str; 3] = ["list", "--provider", "onshape"];
const HEAD: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// Writes a body that never ends, for as long as somebody reads it. Counts its bytes.
fn flood(written: Arc<AtomicUsize>) -> impl Fn(&str, &mut TcpStream) {
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    move |_, stream| {
        let mut is_read = stream.write_all(HEAD.as_bytes()).is_ok();
        while is_read && written.load(Ordering::SeqCst) < 1 << 30 {
            is_read = stream.write_all(chunk.as_bytes()).is_ok();
            written.fetch_add(0x10000, Ordering::SeqCst);
        }
    }
}

#[test]
fn a_reply_without_end_is_read_for_eight_mebibytes_and_no_further() {
    let written = Arc::new(AtomicUsize::new(0));
    let provider = Provider::writing(flood(written.clone()));

    provider.webhook(&LIST).assert_refused(5, &["longer than 8 MiB"]);

    assert_eq!(provider.calls(), 1, "a second try would bring no less");
    let mebibytes = written.load(Ordering::SeqCst) >> 20;
    assert!((8..64).contains(&mebibytes), "{mebibytes} MiB, some of them in the kernel's buffers");
}

#[test]
fn an_answer_without_end_to_a_test_is_cut_off() {
    let written = Arc::new(AtomicUsize::new(0));
    let receiver = Provider::writing(flood(written.clone()));

    let test = run(command().args(["webhook", "test", &receiver.url]));

    assert_eq!(test.exit, 0, "{test:?}");
    assert!(written.load(Ordering::SeqCst) >> 20 < 64);
}

#[test]
fn a_list_without_end_is_read_for_a_thousand_pages() {
    let provider = Provider::with(|path| {
        let offset: u32 =
            path.split_once("offset=").unwrap().1.split('&').next().unwrap().parse().unwrap();
        format!(r#"{{"items":[{{"id":"{offset}"}}],"next":"/x?offset={}"}}"#, offset + 1)
    });

    provider.webhook(&LIST).assert_refused(5, &["1,000 pages"]);

    assert_eq!(provider.calls(), 1_000);
}

#[test]
fn an_empty_page_that_names_a_next_one_ends_the_list() {
    let onshape = Provider::with(|_| r#"{"items":[],"next":"/x?offset=7"}"#.into());
    let aps = Provider::with(|path| match path.contains("token") {
        true => r#"{"access_token":"t","expires_in":3599}"#.into(),
        false => r#"{"data":[],"links":{"next":"/hooks?pageState=7"}}"#.into(),
    });

    onshape.webhook(&LIST).assert_refused(5, &["an empty page names a next one"]);
    aps.webhook(&["list", "--provider", "aps"]).assert_refused(5, &["an empty page"]);

    assert_eq!((onshape.calls(), aps.calls()), (1, 2));
}

#[test]
fn a_reply_that_drips_is_given_up_when_the_time_of_the_call_is_over() {
    let drips = |_: &str, stream: &mut TcpStream| {
        let mut is_read = stream.write_all(HEAD.as_bytes()).is_ok();
        for _ in 0..10_000 {
            if !is_read {
                return;
            }
            is_read = stream.write_all(b"1\r\n \r\n").is_ok();
            park_timeout(Duration::from_millis(20));
        }
    };

    Provider::writing(drips)
        .webhook(&["ping", "--provider", "onshape", "id", "--timeout", "0.5"])
        .assert_refused(5, &["no answer in time"]);
}
