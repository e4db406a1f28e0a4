//! A client that reads the quarantine topic, kept from one request to the next.

use crate::kafka::outcome::Trouble;
use crate::kafka::quarantine::Reader;
use crate::kafka::settings::Settings;
use crate::lock::lock;
use std::sync::Mutex;
use std::time::Instant;

/// A reader of the quarantine topic that requests use one after the other.
#[derive(Debug)]
pub struct SharedReader {
    settings: Settings,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    reader: Option<Reader>,
    /// The last attempt that failed, and the time of its failure.
    failed: Option<(Instant, Trouble)>,
}

impl SharedReader {
    /// A reader of the quarantine topic in the cluster of these settings. Does not connect yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, kept: Mutex::default() }
    }

    /// The name of the topic.
    pub fn topic(&self) -> String {
        self.settings.topic_names().quarantine()
    }

    /// Reads with the client of the last request, if that succeeded. A request that waits here
    /// while an attempt fails shares its failure, so that Kafka is not asked again for each.
    pub fn read<T>(&self, read: impl FnOnce(&Reader) -> Result<T, Trouble>) -> Result<T, Trouble> {
        let asked = Instant::now();
        let mut kept = lock(&self.kept);
        if let Some((_, trouble)) = kept.failed.filter(|(when, _)| *when >= asked) {
            return Err(trouble);
        }
        let reader = match kept.reader.take() {
            Some(reader) => Ok(reader),
            None => Reader::open(&self.settings).map_err(|error| {
                tracing::error!(error = %error, "cannot make a Kafka client");
                Trouble::Fatal
            }),
        };
        let found = reader.and_then(|reader| {
            let found = read(&reader)?;
            kept.reader = Some(reader);
            Ok(found)
        });
        if let Err(trouble) = &found {
            kept.failed = Some((Instant::now(), *trouble));
        }
        found
    }
}
