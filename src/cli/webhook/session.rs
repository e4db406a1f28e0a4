//! The common part of all webhook commands: the provider, its client, the form of output, the
//! terminal.

use crate::cli::exit::Failure;
use crate::cli::output::{Format, Layout};
use crate::cli::webhook::Common;
use crate::event::provider::Provider;
use crate::webhooks::aps::region::Region;
use crate::webhooks::environment::{self, variable};
use crate::webhooks::{aps, onshape};
use serde::Serialize;
use std::io::{self, IsTerminal};
use std::time::Duration;

/// The options that are common to all commands.
#[derive(Debug)]
pub struct Session {
    /// The form of the result.
    pub format: Format,
    /// The time that one call may take.
    pub timeout: Duration,
    /// The region of APS hooks.
    pub region: Region,
    provider: Option<Provider>,
    yes: bool,
    terminal: bool,
}

/// A client of the chosen provider.
#[derive(Debug)]
pub enum Client {
    /// Of Onshape.
    Onshape(onshape::client::Client),
    /// Of APS.
    Aps(aps::client::Client),
}

/// The answer to a question that needs consent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Consent {
    /// Yes.
    Given,
    /// No.
    Refused,
    /// There is nobody to ask.
    NobodyToAsk,
}

impl Session {
    pub(super) fn new(common: Common) -> Result<Self, Failure> {
        let stdout = io::stdout();
        // If either end is no terminal, nobody can be asked.
        let terminal = io::stdin().is_terminal() && stdout.is_terminal();
        let region = match (common.region, variable("APS_REGION")) {
            (Some(region), _) => region,
            // A wrong value does not concern commands for Onshape.
            (None, Some(text)) if common.provider != Some(Provider::Onshape) => {
                text.parse().map_err(|error| Failure::usage(format!("APS_REGION: {error}")))?
            }
            (None, _) => Region::default(),
        };
        Ok(Self {
            format: common.output.unwrap_or_else(|| Format::default_of(&stdout)),
            timeout: common.timeout,
            region,
            provider: common.provider,
            yes: common.yes,
            terminal: terminal && !common.non_interactive,
        })
    }

    /// The provider, if one was given.
    pub fn provider(&self) -> Option<Provider> {
        self.provider
    }

    /// The provider, required by this command.
    pub fn required_provider(&self) -> Result<Provider, Failure> {
        self.provider
            .ok_or_else(|| Failure::usage("--provider onshape or --provider aps is needed"))
    }

    /// A client of the provider, required by this command.
    pub fn client(&self) -> Result<Client, Failure> {
        Ok(match self.required_provider()? {
            Provider::Onshape => Client::Onshape(self.onshape()?),
            Provider::Aps => Client::Aps(self.aps(self.region)?),
        })
    }

    /// A client of Onshape.
    pub fn onshape(&self) -> Result<onshape::client::Client, Failure> {
        Ok(environment::onshape(self.timeout)?)
    }

    /// A client of APS in a region.
    pub fn aps(&self, region: Region) -> Result<aps::client::Client, Failure> {
        Ok(environment::aps(region, self.timeout)?)
    }

    /// True if somebody can be asked.
    pub fn is_interactive(&self) -> bool {
        self.terminal
    }

    /// Asks for consent; `--yes` gives it.
    pub fn consent(&self, question: &str) -> Result<Consent, Failure> {
        if self.yes {
            return Ok(Consent::Given);
        }
        if !self.terminal {
            return Ok(Consent::NobodyToAsk);
        }
        let answer = super::terminal::ask(&format!("{question} [y/N] "))?;
        let yes = matches!(answer.to_lowercase().as_str(), "y" | "yes");
        Ok(if yes { Consent::Given } else { Consent::Refused })
    }

    /// True if the provider runs on this machine, so that private URLs are no concern.
    pub fn is_simulated(&self) -> bool {
        let base = self.provider.and_then(|provider| environment::base(provider).ok());
        base.is_some_and(|base| crate::outbound::is_loopback(&base))
    }

    /// Prints a text for people.
    pub fn print_text(&self, text: &str) -> Result<(), Failure> {
        crate::cli::output::print(text).map_err(unwritable)
    }

    /// Prints a list.
    pub fn print_list<T: Serialize>(&self, layout: Layout, rows: &[T]) -> Result<(), Failure> {
        self.format.list(layout, rows).map_err(unwritable)
    }

    /// Prints one object.
    pub fn print<T: Serialize>(&self, keys: &[&str], object: &T) -> Result<(), Failure> {
        self.format.object(keys, object).map_err(unwritable)
    }
}

fn unwritable(error: io::Error) -> Failure {
    Failure::failed(format!("the result cannot be written: {error}"))
}
