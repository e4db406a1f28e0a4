//! The credentials of a call to APS.

use crate::secret::Secret;
use crate::webhooks::error::Error;

/// The credentials of a call.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// An app, which signs in with its id and secret (2-legged). Its hooks belong to the app.
    App {
        /// The app's client id.
        id: Secret,
        /// The app's client secret.
        secret: Secret,
    },
    /// An access token from elsewhere, usually 3-legged. It is used as it is.
    Token(Secret),
}

impl Credentials {
    /// Reads them from the environment: `APS_ACCESS_TOKEN`, or `APS_CLIENT_ID` and
    /// `APS_CLIENT_SECRET`.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        if let Some(token) = variable("APS_ACCESS_TOKEN") {
            return Ok(Self::Token(Secret::new(token)));
        }
        let required = |name: &'static str| {
            let missing = Error::MissingCredentials {
                variable: name,
                purpose: "the id and secret of an app are needed, from its page at aps.autodesk.com",
            };
            variable(name).map(Secret::new).ok_or(missing)
        };
        Ok(Self::App { id: required("APS_CLIENT_ID")?, secret: required("APS_CLIENT_SECRET")? })
    }

    /// The parts that must not be shown.
    pub fn secrets(&self) -> Vec<Secret> {
        match self {
            Self::App { id, secret } => vec![id.clone(), secret.clone()],
            Self::Token(token) => vec![token.clone()],
        }
    }
}
