//! The common base of our Kafka clients: their properties, and the way of their log lines.

use crate::kafka::settings::{Delivery, Settings};
use crate::secret::written;
use crate::throttle::Throttle;
use crate::veil::{self, Veil};
use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, DeliveryResult, ProducerContext};
use rdkafka::types::RDKafkaConfRes;
use std::sync::Arc;
use std::time::Duration;

/// The reason why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A secret of `[kafka.client]` cannot be read.
    #[error("kafka.client.\"{property}\"")]
    Secret {
        /// The property.
        property: String,
        /// The reason.
        #[source]
        cause: written::Error,
    },
    /// The properties do not fit together, or one is unknown. The text names no value.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// The error for settings that librdkafka refuses. librdkafka repeats values, and any may be a
    /// secret in the wrong place: they are left out.
    pub(super) fn refused(settings: &Settings) -> impl Fn(KafkaError) -> Self {
        let values = settings.client.values().filter_map(|value| value.resolve().ok());
        let veil = Veil::new(values);
        move |error| Self::Refused(refusal(error, &veil))
    }
}

/// Returns the faults that librdkafka finds in `[kafka.client]`, each with its property. Contacts
/// no broker.
pub fn faults(settings: &Settings) -> Vec<String> {
    let mut faults = Vec::new();
    let mut secrets = Veil::default();
    for (property, value) in &settings.client {
        // The code that resolves secrets has reported a missing one already.
        let Ok(value) = value.resolve() else { continue };
        let alone = ClientConfig::from_iter([(property.clone(), value.reveal().to_owned())]);
        if let Err(error) = alone.create_native_config() {
            faults.push(refusal(error, &secrets));
        }
        secrets.add(value);
    }
    if !faults.is_empty() {
        return faults;
    }
    let Ok(mut whole) = producer(settings, "check") else { return faults };
    // Without brokers the client does not try to connect.
    whole.remove("bootstrap.servers");
    if let Err(error) = whole.create_with_context::<_, BaseProducer<Context>>(Context::of(settings))
    {
        faults.push(refusal(error, &secrets));
    }
    faults
}

fn refusal(error: KafkaError, secrets: &Veil) -> String {
    match error {
        KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, _, property, _) => {
            format!("kafka.client.\"{property}\": librdkafka has no such property")
        }
        KafkaError::ClientConfig(_, _, property, _) => {
            format!("kafka.client.\"{property}\": librdkafka refuses the value")
        }
        KafkaError::ClientCreation(reason) => {
            let reason = veil::quoted(&secrets.over(&reason));
            format!("kafka.client: librdkafka refuses the properties together: {reason}")
        }
        error => format!("kafka.client: {}", veil::quoted(&secrets.over(&error.to_string()))),
    }
}

/// The properties that every client shares.
pub fn common(settings: &Settings) -> Result<ClientConfig, Error> {
    with_theirs(ours(settings), settings)
}

fn ours(settings: &Settings) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &settings.brokers)
        .set("client.id", "cadrelay")
        .set("socket.keepalive.enable", "true")
        // To find a broker that comes back within a second, not ten.
        .set("reconnect.backoff.ms", "100")
        .set("reconnect.backoff.max.ms", "1000")
        // Brokers close idle connections regularly, so it is not worth a log line.
        .set("log.connection.close", "false")
        .set_log_level(RDKafkaLogLevel::Warning);
    config
}

/// Adds the properties of `[kafka.client]`, which override ours.
fn with_theirs(mut config: ClientConfig, settings: &Settings) -> Result<ClientConfig, Error> {
    for (property, value) in &settings.client {
        let value =
            value.resolve().map_err(|cause| Error::Secret { property: property.clone(), cause })?;
        config.set(property, value.reveal());
    }
    Ok(config)
}

/// The properties of the producer.
pub fn producer(settings: &Settings, instance: &str) -> Result<ClientConfig, Error> {
    producer_up_to(settings, instance, BATCH_SIZE)
}

/// The properties of the producer, with a bound on the bytes that go to a partition in one request.
pub fn producer_up_to(
    settings: &Settings,
    instance: &str,
    largest: usize,
) -> Result<ClientConfig, Error> {
    let mut config = ours(settings);
    config
        // One body limit plus the rest of a record; the topics that we make take as much.
        .set("message.max.bytes", MAX_MESSAGE_BYTES)
        .set("compression.type", "lz4")
        .set("linger.ms", "1")
        // A batch of the drain fits. Everything else waits in the spool, not here.
        .set("queue.buffering.max.messages", "50000")
        .set("queue.buffering.max.kbytes", "65536")
        // The drain waits this long for a delivery and then makes the client anew.
        .set("message.timeout.ms", "30000")
        .set("topic.metadata.propagation.max.ms", "5000");
    let mut config = with_theirs(config, settings)?;
    // A request that holds more than its topic takes is refused as a whole, with the innocent
    // records in it.
    let theirs = config.get("batch.size").and_then(|size| size.parse().ok());
    let size = theirs.unwrap_or(BATCH_SIZE).min(largest).max(1);
    config.set("batch.size", size.to_string());
    config.set("acks", "all").set("enable.idempotence", "true");
    if settings.delivery == Delivery::ExactlyOnce {
        config.set("transactional.id", format!("cadrelay-{instance}"));
    }
    Ok(config)
}

/// The properties of a consumer that reads without a group.
pub fn reader(settings: &Settings) -> Result<ClientConfig, Error> {
    let mut config = common(settings)?;
    config
        .set("group.id", "cadrelay")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("allow.auto.create.topics", "false")
        .set("isolation.level", "read_committed");
    Ok(config)
}

/// Sends the client's log lines to our log, without the secrets of its properties.
#[derive(Clone, Debug, Default)]
pub struct Context(Arc<Log>);

#[derive(Debug)]
struct Log {
    veil: Veil,
    /// Connections that fail: the client repeats that several times a second while brokers are away.
    failures: Throttle,
}

impl Default for Log {
    fn default() -> Self {
        Self { veil: Veil::default(), failures: Throttle::every(FAILURES) }
    }
}

impl Context {
    /// The context of a client with these settings.
    pub fn of(settings: &Settings) -> Self {
        Self(Arc::new(Log { veil: secrets(settings), ..Log::default() }))
    }

    pub(super) fn log_line(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        let message = self.0.veil.over(message);
        if facility == "FAIL" {
            match self.0.failures.pass() {
                None => tracing::debug!(target: "librdkafka", facility, "{message}"),
                Some(unsaid) => {
                    tracing::warn!(target: "librdkafka", facility, unsaid, "{message}");
                }
            }
            return;
        }
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => {
                tracing::warn!(target: "librdkafka", facility, "{message}");
            }
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::info!(target: "librdkafka", facility, "{message}");
            }
            RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
        }
    }

    /// Logs at debug: the client repeats these while a broker is away, and the drain reports the
    /// outage once.
    pub(super) fn log_error(&self, error: &KafkaError, reason: &str) {
        let veil = &self.0.veil;
        let (error, reason) = (veil.over(&error.to_string()), veil.over(reason));
        tracing::debug!(target: "librdkafka", error, "{reason}");
    }
}

/// The drain reports an outage once, and these lines only have its details.
const FAILURES: Duration = Duration::from_secs(60);

/// The secret values of `[kafka.client]`. The others stay readable in the log.
fn secrets(settings: &Settings) -> Veil {
    let is_secret = |property: &str| SECRET.iter().any(|part| property.contains(part));
    let named = settings.client.iter().filter(|(property, _)| is_secret(property));
    Veil::new(named.filter_map(|(_, value)| value.resolve().ok()))
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log_error(&error, reason);
    }
}

impl ConsumerContext for Context {}

/// Needed only to check the properties: nothing is produced with it.
impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// The largest record in bytes that we send and that our topics take.
pub const MAX_MESSAGE_BYTES: &str = "2097152";

/// Parts of the names of those librdkafka properties that hold a password, a key or a token.
const SECRET: [&str; 7] =
    ["password", "passphrase", "secret", "token.value", "key.pem", "oauthbearer.config", "jaas"];

/// Larger requests did not make a drain faster.
const BATCH_SIZE: usize = 262_144;

#[cfg(test)]
mod tests;
