//! How a call proves to APS who makes it.

use crate::secret::Secret;
use crate::webhooks::error::Error;

/// How a call proves who makes it.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// An app, which signs in with its id and secret (2-legged). Its hooks belong to the app.
    App {
        /// The app's client id.
        id: Secret,
        /// The app's client secret.
        secret: Secret,
    },
    /// An access token that someone else got (3-legged, as a rule). It is used as it is.
    Token(Secret),
}

impl Credentials {
    /// Takes them from the variables of the environment: `APS_ACCESS_TOKEN`, or `APS_CLIENT_ID` and
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

    /// What must not be shown.
    pub fn secrets(&self) -> Vec<Secret> {
        match self {
            Self::App { id, secret } => vec![id.clone(), secret.clone()],
            Self::Token(token) => vec![token.clone()],
        }
    }
}
