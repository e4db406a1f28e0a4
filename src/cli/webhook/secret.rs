//! `webhook secret`: sets the secret that signs the callbacks of an APS app.

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::note;
use crate::cli::webhook::session::Session;
use crate::event::provider::Provider;
use crate::secret::Secret;
use crate::webhooks::aps::client::TokenSet;
use crate::webhooks::aps::region::Region;
use crate::webhooks::environment::variable;
use clap::Subcommand;
use serde::Serialize;

/// Manage the secret that signs the callbacks of the app, in one region. Without one APS signs
/// nothing, and a source with `proof = { hmac = … }` refuses everything.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Set the secret, or replace the one that is set.
    Set(Given),
    /// Delete the secret: callbacks are then unsigned.
    Delete,
}

/// A secret from the command line or, better, from the environment.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Given {
    /// The secret: 32 to 64 letters and digits. Others may see it in the list of processes.
    #[arg(long, value_name = "S", value_parser = secret)]
    secret: Option<Secret>,
    /// The name of the environment variable that holds the secret.
    #[arg(long, value_name = "NAME")]
    secret_env: Option<String>,
}

#[derive(Serialize)]
struct Done {
    region: Region,
    secret: &'static str,
}

impl Args {
    /// Sets or deletes the secret.
    pub async fn run(self, session: &Session) -> Result<Exit, Failure> {
        if session.required_provider()? == Provider::Onshape {
            return Err(Failure::usage(
                "onshape has no call for it: an administrator sets the signature keys in the \
                 company settings, under Webhooks",
            ));
        }
        let done = match self.command {
            Command::Set(given) => {
                let secret = given.secret()?;
                match session.aps(session.region)?.set_token(&secret).await? {
                    TokenSet::Created => "created",
                    TokenSet::Replaced => {
                        note("The old secret may sign for 10 minutes more: accept both meanwhile.");
                        "replaced"
                    }
                }
            }
            Command::Delete => {
                session.aps(session.region)?.delete_token().await?;
                "deleted"
            }
        };
        session.print(&["region", "secret"], &Done { region: session.region, secret: done })?;
        Ok(Exit::Done)
    }
}

impl Given {
    fn secret(self) -> Result<Secret, Failure> {
        let secret = match (self.secret, self.secret_env) {
            (Some(secret), _) => secret,
            (None, Some(name)) => from_variable(&name)?,
            (None, None) => return Err(Failure::usage("--secret or --secret-env is needed")),
        };
        check(secret)
    }
}

/// The secret in an environment variable.
pub fn from_variable(name: &str) -> Result<Secret, Failure> {
    let missing = || Failure::usage(format!("--secret-env: the variable {name} is not set"));
    variable(name).map(Secret::new).ok_or_else(missing)
}

/// Checks that APS accepts the secret.
pub fn check(secret: Secret) -> Result<Secret, Failure> {
    let text = secret.reveal();
    if (32..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        Ok(secret)
    } else {
        Err(Failure::usage("--secret: aps takes 32 to 64 letters and digits"))
    }
}

/// Accepts any text, so that no parser prints it in an error.
pub fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}
