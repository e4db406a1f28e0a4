//! The errors of calls to a provider.

use crate::event::provider::Provider;
use crate::webhooks::url::CallbackUrl;

/// The error of a call to a provider. Its text is meant for people and contains no secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Credentials are missing. Nothing was sent.
    #[error("{variable} is not set: {purpose}")]
    MissingCredentials {
        /// The environment variable that would hold them.
        variable: &'static str,
        /// Their purpose, and the place where they are made.
        purpose: &'static str,
    },
    /// A setting cannot be used. Nothing was sent.
    #[error("{0}")]
    Unusable(String),
    /// The provider refuses the credentials, or refuses them this call.
    #[error("{provider} refused the credentials ({status}): {text}{advice}")]
    Refused {
        /// The provider.
        provider: Provider,
        /// 401 or 403.
        status: u16,
        /// The provider's text.
        text: String,
        /// Advice that begins with a separator, or an empty text.
        advice: String,
    },
    /// The provider does not know the requested thing.
    #[error("{what} was not found{place}")]
    NotFound {
        /// The requested thing.
        what: String,
        /// The place of the search, beginning with a space, or an empty text.
        place: String,
    },
    /// Any other answer that is not a success.
    #[error("{provider} answered {status}: {text}")]
    Answered {
        /// The provider.
        provider: Provider,
        /// The status.
        status: u16,
        /// The provider's text.
        text: String,
    },
    /// A success whose body does not have the documented form.
    #[error("{provider} answered {status} with a body that cannot be read as {expected}: {reason}")]
    Unreadable {
        /// The provider.
        provider: Provider,
        /// The status.
        status: u16,
        /// The expected content.
        expected: &'static str,
        /// The fault of the body.
        reason: String,
    },
    /// There was no answer.
    #[error("no answer from {provider} at {host}: {reason}")]
    Unreachable {
        /// The provider.
        provider: Provider,
        /// The host that was called.
        host: String,
        /// The cause.
        reason: String,
    },
    /// Onshape removed a new hook because its URL failed the trial.
    #[error(
        "onshape has cancelled the hook {id}: {url} did not answer its webhook.register with 200"
    )]
    Cancelled {
        /// The hook.
        id: String,
        /// The URL that it posted to.
        url: CallbackUrl,
    },
    /// A new hook could not be checked after its trial.
    #[error("the hook {id} was created, but could not be read back: {error}")]
    Unconfirmed {
        /// The hook.
        id: String,
        /// The reason.
        error: Box<Error>,
    },
    /// Only the first half of a replacement was done.
    #[error("the new hook was made, but the old one is still there: {0}")]
    OldRemains(Box<Error>),
}
