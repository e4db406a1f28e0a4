//! The two forms of a CloudEvent in a Kafka record.

/// The setting `kafka.encoding`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Attributes as `ce_` headers, the value as data.
    #[default]
    Binary,
    /// One JSON object with the attributes and the data.
    Structured,
}
