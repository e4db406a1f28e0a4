//! The tests of the program as its users meet it, but for those that break things: they are in
//! `survival`.

/// What a notification costs, in counts.
mod cost;
/// What the documents name exists.
mod documents;
/// The broker of the tests behaves as the tests take for granted.
mod harness;
/// What becomes of a notification, from its bytes to the record's.
mod providers;
/// What the running relay promises.
mod relay;
/// The webhook commands, and the simulated providers.
mod subscriptions;
