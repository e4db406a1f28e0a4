//! The tests of the program as its users meet it, but for those that break things: they are in
//! `survival`.

/// The cost of a notification, in counts.
mod cost;
/// The tests, commands, keys and links that the documents name exist.
mod documents;
/// The fuzz targets, on their corpus.
mod fuzzed;
/// The broker of the tests behaves as the tests take for granted.
mod harness;
/// Notifications, from their bytes to the record's.
mod providers;
/// The promises of the running relay.
mod relay;
/// The webhook commands, and the simulated providers.
mod subscriptions;
