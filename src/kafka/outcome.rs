//! What became of a batch, in words of our own: the client's codes stop here.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// What became of a batch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BatchOutcome {
    /// What became of each record, in the batch's order.
    pub reports: Vec<Report>,
    /// How the batch ended.
    pub ending: Ending,
}

/// What Kafka said of one record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Report {
    /// It is written; whether it counts is the batch's ending.
    Written {
        /// The partition that took it.
        partition: i32,
        /// Its offset there.
        offset: i64,
    },
    /// It is not written.
    Refused(Trouble),
    /// Nothing was heard of it.
    Unheard,
}

/// How a batch ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// Everything in it counts, and the positions with it.
    Committed,
    /// Nothing in it counts, and the client can go on.
    Aborted(Trouble),
    /// There was no transaction: each written record counts for itself.
    Untied,
    /// The same, and Kafka fell silent before everything was reported. The client is lost.
    UntiedSilent,
    /// Kafka fell silent before everything was reported. It does not count, but the client is lost.
    Silent,
    /// Nobody knows whether it counts. Only a new client that reads the positions can tell.
    InDoubt(Trouble),
}

/// Why something did not work. A closed set: it is a metric label.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Trouble {
    /// No broker could be reached.
    Transport,
    /// A broker did not answer in time.
    Timeout,
    /// The cluster does not believe who we are.
    Authentication,
    /// We may not do this.
    Authorization,
    /// The topic does not exist.
    UnknownTopic,
    /// A partition has no leader, or too few replicas that are in step.
    NotEnoughReplicas,
    /// Another relay uses the same instance.
    Fenced,
    /// The client has given up for good.
    Fatal,
    /// The cluster holds us back.
    Quota,
    /// The record, or the batch that it went in, is larger than the topic allows.
    TooLarge,
    /// The topic does not take such a record.
    Invalid,
}

/// Whom a trouble concerns.
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
    /// Those that `cadrelay_publish_errors_total` counts; what concerns one record for good is
    /// counted as quarantined.
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

    /// The name, and for people what it means where the name alone leads nowhere.
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

    /// Whom it concerns, when Kafka says it of one record.
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

    /// Whether it concerns the whole way to Kafka.
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
            // The crate gives no code for these, though each holds one.
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
            // A partition's own trouble, which passes: its disk, its move, its next leader.
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
            // The client's list may grow. What says nothing that we know narrows the batch, as a
            // time-out does: a lane alone at last, never all of them for good.
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
