//! Why a call to a provider brought nothing.

use crate::event::provider::Provider;
use crate::webhooks::url::CallbackUrl;

/// Why a call to a provider brought nothing. Its text is meant for people and holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Credentials are not there. Nothing was sent.
    #[error("{variable} is not set: {purpose}")]
    MissingCredentials {
        /// The environment variable that would hold them.
        variable: &'static str,
        /// What they are for and where they are made.
        purpose: &'static str,
    },
    /// A setting cannot be used. Nothing was sent.
    #[error("{0}")]
    Unusable(String),
    /// The provider does not take the credentials, or not for this.
    #[error("{provider} refused the credentials ({status}): {text}{advice}")]
    Refused {
        /// Who answered.
        provider: Provider,
        /// 401 or 403.
        status: u16,
        /// What the provider said.
        text: String,
        /// What can be done about it, beginning with a separator, or nothing.
        advice: String,
    },
    /// The provider does not know what was asked for.
    #[error("{what} was not found{place}")]
    NotFound {
        /// What was asked for.
        what: String,
        /// Where it was looked for, beginning with a space, or nothing.
        place: String,
    },
    /// Every other answer that is no success.
    #[error("{provider} answered {status}: {text}")]
    Answered {
        /// Who answered.
        provider: Provider,
        /// The status.
        status: u16,
        /// What the provider said.
        text: String,
    },
    /// A success whose body is not what the provider promises.
    #[error("{provider} answered {status} with a body that cannot be read as {expected}: {reason}")]
    Unreadable {
        /// Who answered.
        provider: Provider,
        /// The status.
        status: u16,
        /// What should have been there.
        expected: &'static str,
        /// What was wrong with it.
        reason: String,
    },
    /// There was no answer.
    #[error("no answer from {provider} at {host}: {reason}")]
    Unreachable {
        /// Who did not answer.
        provider: Provider,
        /// Where it was called.
        host: String,
        /// What went wrong.
        reason: String,
    },
    /// Onshape removed a new hook because its URL failed the trial.
    #[error(
        "onshape has cancelled the hook {id}: {url} did not answer its webhook.register with 200"
    )]
    Cancelled {
        /// The hook.
        id: String,
        /// Where it posted.
        url: CallbackUrl,
    },
    /// A new hook could not be looked at after its trial.
    #[error("the hook {id} was made, and not seen again: {error}")]
    Unconfirmed {
        /// The hook.
        id: String,
        /// Why it was not seen.
        error: Box<Error>,
    },
    /// Half of a replacement is done.
    #[error("the new hook was made, but the old one is still there: {0}")]
    OldRemains(Box<Error>),
}
