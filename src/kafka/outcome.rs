//! The outcome of a batch in our own words: the client's error codes end here.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// The outcome of a batch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BatchOutcome {
    /// The report of each record, in the batch's order.
    pub reports: Vec<Report>,
    /// The ending of the batch as a whole.
    pub ending: Ending,
}

/// Kafka's report on one record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Report {
    /// It is written. Whether it counts depends on the batch's ending.
    Written {
        /// The partition that took it.
        partition: i32,
        /// Its offset there.
        offset: i64,
    },
    /// It is not written.
    Refused(Trouble),
    /// There was no report.
    Unheard,
}

/// The ending of a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// Everything in it counts, and the positions with it.
    Committed,
    /// Nothing in it counts, and the client can go on.
    Aborted(Trouble),
    /// There was no transaction: each written record counts by itself.
    Untied,
    /// There was no transaction, and Kafka fell silent before every record was reported. The client
    /// is lost.
    UntiedSilent,
    /// Kafka fell silent before every record was reported. The batch does not count, but the client
    /// is lost.
    Silent,
    /// It is not known whether the batch counts. Only a new client that reads the positions can
    /// tell.
    InDoubt(Trouble),
}

impl Ending {
    /// The reason why not everything in the batch counts, in a word; none if everything does.
    pub fn trouble(&self) -> Option<&'static str> {
        match self {
            Self::Committed | Self::Untied => None,
            Self::Aborted(trouble) | Self::InDoubt(trouble) => Some(trouble.as_str()),
            Self::UntiedSilent | Self::Silent => Some("silent"),
        }
    }
}

/// The reason why something failed. A closed set, because it is a metric label.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Trouble {
    /// No broker could be reached.
    Transport,
    /// A broker did not answer in time.
    Timeout,
    /// The cluster refuses our credentials, or we do not trust its certificate.
    Authentication,
    /// We have no permission for this.
    Authorization,
    /// The topic does not exist.
    UnknownTopic,
    /// A partition has no leader, or too few replicas in sync.
    NotEnoughReplicas,
    /// Another relay uses the same instance.
    Fenced,
    /// The client has given up for good.
    Fatal,
    /// The cluster throttles us.
    Quota,
    /// The record, or the batch that it went in, is larger than the topic allows.
    TooLarge,
    /// The topic does not accept such a record.
    Invalid,
}

/// The scope of a trouble.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Concerns {
    /// One record, for good.
    Record,
    /// The lane of one topic, for a while.
    Lane,
    /// The whole way to Kafka.
    Everything,
}

impl Trouble {
    /// The troubles that `cadrelay_publish_errors_total` counts. A trouble that concerns one record
    /// for good is counted as quarantined instead.
    pub const COUNTED: [Self; 9] = [
        Self::Transport,
        Self::Timeout,
        Self::Authentication,
        Self::Authorization,
        Self::UnknownTopic,
        Self::NotEnoughReplicas,
        Self::Fenced,
        Self::Fatal,
        Self::Quota,
    ];

    /// The name in metrics, logs and readiness.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transport => "transport",
            Self::Timeout => "timeout",
            Self::Authentication => "authentication",
            Self::Authorization => "authorization",
            Self::UnknownTopic => "unknown_topic",
            Self::NotEnoughReplicas => "not_enough_replicas",
            Self::Fenced => "fenced",
            Self::Fatal => "fatal",
            Self::Quota => "quota",
            Self::TooLarge => "too_large",
            Self::Invalid => "invalid_record",
        }
    }

    /// The name, with an explanation for people if the name alone does not help.
    pub fn told(self) -> &'static str {
        match self {
            Self::Authentication => {
                "authentication: the cluster refuses the password, token or certificate of \
                 [kafka.client], or we do not trust the cluster's certificate"
            }
            Self::Authorization => {
                "authorization: the cluster knows us, and we have no right to this"
            }
            Self::Transport => "transport: no broker could be reached",
            Self::Timeout
            | Self::UnknownTopic
            | Self::NotEnoughReplicas
            | Self::Fenced
            | Self::Fatal
            | Self::Quota
            | Self::TooLarge
            | Self::Invalid => self.as_str(),
        }
    }

    /// The scope of the trouble, if Kafka reports it for one record.
    pub fn concerns(self) -> Concerns {
        match self {
            Self::TooLarge | Self::Invalid => Concerns::Record,
            Self::Authorization | Self::UnknownTopic | Self::NotEnoughReplicas | Self::Quota => {
                Concerns::Lane
            }
            Self::Transport | Self::Timeout | Self::Authentication | Self::Fenced | Self::Fatal => {
                Concerns::Everything
            }
        }
    }

    /// True if it concerns the whole way to Kafka.
    pub fn concerns_everything(self) -> bool {
        self.concerns() == Concerns::Everything
    }

    pub(super) fn of(error: &KafkaError) -> Self {
        match error {
            KafkaError::Transaction(error) if error.is_fatal() => match Self::of_code(error.code())
            {
                Self::Fenced => Self::Fenced,
                _ => Self::Fatal,
            },
            KafkaError::Transaction(error) => Self::of_code(error.code()),
            // The crate returns no code for these, though each holds one.
            KafkaError::AdminOp(code) => Self::of_code(*code),
            other => other.rdkafka_error_code().map_or(Self::Fatal, Self::of_code),
        }
    }

    pub(super) fn of_code(code: Code) -> Self {
        match code {
            Code::BrokerTransportFailure | Code::AllBrokersDown | Code::Resolve => Self::Transport,
            Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::SSL
            | Code::UnsupportedSASLMechanism => Self::Authentication,
            Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
            | Code::GroupAuthorizationFailed => Self::Authorization,
            Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
            | Code::InvalidTopic
            | Code::UnknownTopicId => Self::UnknownTopic,
            Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            // Troubles of one partition that pass: its disk, its move, its next leader.
            | Code::ISRInsufficient
            | Code::BrokerNotAvailable
            | Code::ReplicaNotAvailable
            | Code::KafkaStorageError
            | Code::LogDirNotFound
            | Code::ReassignmentInProgress
            | Code::FencedLeaderEpoch
            | Code::UnknownLeaderEpoch
            | Code::OffsetNotAvailable
            | Code::PreferredLeaderNotAvailable
            | Code::EligibleLeadersNotAvailable => Self::NotEnoughReplicas,
            Code::Fenced
            | Code::ProducerFenced
            | Code::InvalidProducerEpoch
            | Code::TransactionCoordinatorFenced => Self::Fenced,
            Code::Fatal | Code::State | Code::PurgeQueue | Code::PurgeInflight => Self::Fatal,
            Code::ThrottlingQuotaExceeded | Code::PolicyViolation => Self::Quota,
            Code::MessageSizeTooLarge | Code::MessageBatchTooLarge => Self::TooLarge,
            Code::InvalidRecord
            | Code::InvalidMessage
            | Code::InvalidMessageSize
            | Code::InvalidTimestamp => Self::Invalid,
            // The client's list may grow. An unknown code narrows the batch, as a time-out does: in
            // the end it holds back one lane, never all of them for good.
            _ => Self::Timeout,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_one_record_is_not_counted_as_an_error_of_publishing() {
        for trouble in Trouble::COUNTED {
            assert_ne!(trouble.concerns(), Concerns::Record, "{}", trouble.as_str());
        }
    }

    #[test]
    fn codes_of_the_client_become_our_words() {
        assert_eq!(Trouble::of_code(Code::MessageSizeTooLarge), Trouble::TooLarge);
        assert_eq!(Trouble::of_code(Code::UnknownTopicOrPartition), Trouble::UnknownTopic);
        assert_eq!(Trouble::of_code(Code::ProducerFenced), Trouble::Fenced);
        assert_eq!(Trouble::of_code(Code::MessageTimedOut), Trouble::Timeout);
    }

    #[test]
    fn a_request_to_the_admin_that_was_not_answered_in_time_is_not_fatal() {
        let timed_out = KafkaError::AdminOp(Code::OperationTimedOut);
        assert_eq!(Trouble::of(&timed_out), Trouble::Timeout);
    }

    #[test]
    fn what_one_partition_suffers_for_a_while_is_its_lanes_trouble() {
        for code in [Code::KafkaStorageError, Code::ReplicaNotAvailable, Code::FencedLeaderEpoch] {
            assert_eq!(Trouble::of_code(code).concerns(), Concerns::Lane, "{code:?}");
        }
    }
}
