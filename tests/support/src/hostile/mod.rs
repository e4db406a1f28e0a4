//! Bytes that anyone may send, and what must hold for all of them.
//!
//! Each function here is the body of one fuzz target of the same name in `fuzz/`, and panics if its promise is
//! broken. The suite runs them as well, over the corpus and a few mutations of it, so that they stay
//! up to date with the program.

pub mod body;
pub mod http;
pub mod proof;
pub mod record;

use cadrelay::providers::source::Source;
use std::time::Duration;

/// A source with these settings, as JSON.
fn source(settings: &str) -> Source {
    let settings = serde_json::from_str(settings).expect("the settings of a source");
    Source::new(&settings, Duration::from_secs(60)).expect("a source")
}
