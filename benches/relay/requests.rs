//! Requests made beforehand, so that a round does nothing but post them.

use cadrelay::event::provider::Provider;
use cadrelay::providers::sample;
use jiff::Timestamp;
use memchr::memmem;
use std::sync::atomic::{AtomicU64, Ordering};

/// The shape of a batch of requests.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The approximate size of a body in bytes.
    pub size: usize,
    /// The number of requests in a hundred that repeat an earlier one.
    pub redeliveries: usize,
    /// The number of sources that they are spread over: `onshape-0` and so on.
    pub sources: usize,
}

/// Requests ready to be written: signed notifications of Onshape.
pub struct Requests {
    bytes: Vec<Vec<u8>>,
}

impl Requests {
    /// Makes requests whose ids no other batch of this process or of an earlier one has.
    pub fn make(count: usize, shape: Shape) -> Self {
        let now = Timestamp::now();
        let first = unused_numbers(count as u64, now);
        let template = Template::new(shape.size, now);
        let request = |at: usize| {
            let number = first + at as u64;
            let source = number as usize % shape.sources;
            template.request(number, source, now)
        };
        let mut bytes: Vec<Vec<u8>> = Vec::with_capacity(count);
        for at in 0..count {
            let repeats = at % 100 < shape.redeliveries;
            match at.checked_sub(REPEATED_AFTER).filter(|_| repeats) {
                Some(earlier) => bytes.push(bytes[earlier].clone()),
                None => bytes.push(request(at)),
            }
        }
        Self { bytes }
    }

    /// The request of this number, counted from zero.
    pub fn get(&self, number: usize) -> Option<&[u8]> {
        self.bytes.get(number).map(Vec::as_slice)
    }

    /// The number of requests.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// The body of all requests, and the places for the ids in it. Making each body from its parts
/// would take longer than posting it.
struct Template {
    body: Vec<u8>,
    message: usize,
    document: usize,
}

impl Template {
    fn new(size: usize, now: Timestamp) -> Self {
        let event = "onshape.model.lifecycle.changed";
        let mut value = sample::value(Provider::Onshape, event, 1, now);
        value.insert("messageId".to_owned(), MESSAGE.into());
        value.insert("documentId".to_owned(), DOCUMENT.into());
        value.remove("data");
        let bare = serde_json::to_vec(&value).expect("it is JSON").len();
        let fill = size.saturating_sub(bare + r#","data":"""#.len());
        if fill > 0 {
            value.insert("data".to_owned(), "x".repeat(fill).into());
        }
        let body = serde_json::to_vec(&value).expect("it is JSON");
        let at = |mark: &str| memmem::find(&body, mark.as_bytes()).expect("it was put in");
        Self { message: at(MESSAGE), document: at(DOCUMENT), body }
    }

    fn request(&self, number: u64, source: usize, now: Timestamp) -> Vec<u8> {
        let mut body = self.body.clone();
        body[self.message..][..24].copy_from_slice(format!("{number:024x}").as_bytes());
        let document = format!("{:024x}", number % DOCUMENTS + 1);
        body[self.document..][..24].copy_from_slice(document.as_bytes());
        let mut request = format!(
            "POST /webhooks/onshape-{source} HTTP/1.1\r\nhost: bench\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in sample::sign(Provider::Onshape, SECRET, &body, now) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        let mut request = request.into_bytes();
        request.extend_from_slice(&body);
        request
    }
}

fn unused_numbers(count: u64, now: Timestamp) -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let start = u64::try_from(now.as_microsecond()).expect("a time after 1970") << 8;
    // The first call sets the start; later calls go on from there.
    let _ = NEXT.compare_exchange(0, start, Ordering::Relaxed, Ordering::Relaxed);
    NEXT.fetch_add(count, Ordering::Relaxed)
}

/// The secret of all sources.
pub const SECRET: &str = "a-key-for-the-bench";

const MESSAGE: &str = "mmmmmmmmmmmmmmmmmmmmmmmm";
const DOCUMENT: &str = "dddddddddddddddddddddddd";

/// Few enough that order matters, and many enough that partitions fill evenly.
const DOCUMENTS: u64 = 1_000;

/// More than the number of connections, so that a repeated request was already answered.
const REPEATED_AFTER: usize = 1_000;
