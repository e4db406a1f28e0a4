use super::*;
use crate::lock::lock;
use crate::secret::written::Written;
use std::sync::Mutex;

#[test]
fn every_client_gets_the_password_itself_and_what_the_settings_say_before_our_defaults() {
    let mut settings = Settings::default();
    for (property, value) in [("sasl.password", "s3cret"), ("linger.ms", "7"), ("acks", "1")] {
        settings.client.insert(property.to_owned(), Written::Text(value.to_owned()));
    }

    let producer = producer(&settings, "one").unwrap();
    let reader = reader(&settings).unwrap();

    assert_eq!(producer.get("sasl.password").unwrap(), "s3cret");
    assert_eq!(reader.get("sasl.password").unwrap(), "s3cret");
    assert_eq!(producer.get("linger.ms").unwrap(), "7");
    assert_eq!(producer.get("acks").unwrap(), "all");
}

#[test]
fn a_log_line_of_the_client_shows_no_secret_of_its_properties() {
    let mut settings = Settings::default();
    for (property, value) in [
        ("sasl.password", "s3cret-1"),
        ("ssl.key.pem", "s3cret-2"),
        ("sasl.oauthbearer.client.secret", "s3cret-3"),
        ("security.protocol", "SASL_SSL"),
    ] {
        settings.client.insert(property.to_owned(), Written::Text(value.to_owned()));
    }

    let log = logged(tracing::Level::TRACE, || {
        let context = Context::of(&settings);
        context.log(RDKafkaLogLevel::Error, "FAIL", "SASL_SSL: s3cret-1, s3cret-2 no good");
        context.error(KafkaError::Canceled, "s3cret-3 is refused");
    });

    assert!(log.contains("SASL_SSL: ***, *** no good") && log.contains("*** is refused"), "{log}");
}

#[test]
fn a_broker_that_stays_away_is_a_line_a_minute_and_hides_no_other_line() {
    let log = logged(tracing::Level::INFO, || {
        let context = Context::of(&Settings::default());
        for _ in 0..1_000 {
            context.log(RDKafkaLogLevel::Error, "FAIL", "broker-1: connection refused");
        }
        context.log(RDKafkaLogLevel::Warning, "GETPID", "coordinator load in progress");
    });

    assert_eq!(log.matches("connection refused").count(), 1, "{log}");
    assert!(log.contains("coordinator load in progress"), "{log}");
}

/// The lines that an act writes to the log, at a level or above.
fn logged(level: tracing::Level, act: impl FnOnce()) -> String {
    let log = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(level).with_writer({
        let log = log.clone();
        move || log.clone()
    });

    tracing::subscriber::with_default(subscriber.finish(), act);

    String::from_utf8(lock(&log.0).clone()).unwrap()
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_request_holds_no_more_than_every_topic_takes() {
    let mut settings = Settings::default();
    let size = |settings: &Settings, largest| {
        producer_up_to(settings, "one", largest).unwrap().get("batch.size").unwrap().to_owned()
    };

    assert_eq!(size(&settings, usize::MAX), "262144");
    assert_eq!(size(&settings, 20_000), "20000");
    settings.client.insert("batch.size".to_owned(), Written::Text("5000".to_owned()));
    assert_eq!(size(&settings, 20_000), "5000");
    assert_eq!(size(&settings, 0), "1");
}
