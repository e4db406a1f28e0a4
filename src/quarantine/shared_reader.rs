//! The client that reads the quarantine topic, kept from one request to the next.

use crate::kafka::outcome::Trouble;
use crate::kafka::quarantine::Reader;
use crate::kafka::settings::Settings;
use crate::lock::lock;
use std::sync::Mutex;

/// A reader of the quarantine topic that one request after the other uses.
#[derive(Debug)]
pub struct SharedReader {
    settings: Settings,
    reader: Mutex<Option<Reader>>,
}

impl SharedReader {
    /// A reader of the quarantine topic of these settings. Does not connect yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, reader: Mutex::default() }
    }

    /// The name of the topic.
    pub fn topic(&self) -> String {
        self.settings.topic_names().quarantine()
    }

    /// Reads, with the client of the last time if that went well.
    pub fn read<T>(&self, read: impl FnOnce(&Reader) -> Result<T, Trouble>) -> Result<T, Trouble> {
        let mut kept = lock(&self.reader);
        let reader = match kept.take() {
            Some(reader) => reader,
            None => Reader::open(&self.settings).map_err(|error| {
                tracing::error!(error = %error, "cannot make a Kafka client");
                Trouble::Fatal
            })?,
        };
        let found = read(&reader)?;
        *kept = Some(reader);
        Ok(found)
    }
}
