//! The reasons for quarantine.

/// The reason why a notification or record is in quarantine. A closed set, because it is a metric
/// label.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Reason {
    /// The body is not JSON.
    NotJson,
    /// The body is JSON, and not an object.
    NotAnObject,
    /// The object names no event.
    NoEvent,
    /// The JSON is nested deeper than 128.
    TooDeep,
    /// An APS body without its hook, from a source that assumes none.
    NoHook,
    /// Kafka refuses a record of this size.
    TooLargeForKafka,
    /// Kafka refuses the record for good.
    InvalidRecord,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 7] = [
        Self::NotJson,
        Self::NotAnObject,
        Self::NoEvent,
        Self::TooDeep,
        Self::NoHook,
        Self::TooLargeForKafka,
        Self::InvalidRecord,
    ];

    /// The name in records and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::NoEvent => "no_event",
            Self::TooDeep => "too_deep",
            Self::NoHook => "no_hook",
            Self::TooLargeForKafka => "too_large_for_kafka",
            Self::InvalidRecord => "invalid_record",
        }
    }
}
