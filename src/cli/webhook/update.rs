//! `webhook update`: changes a hook.

use crate::cli::exit::{Exit, Failure};
use crate::cli::webhook::session::Session;
use crate::cli::webhook::{Whereabouts, flags, rows, secret};
use crate::event::provider::Provider;
use crate::webhooks::aps::patch::{Change, Patch, Status};
use crate::webhooks::onshape::hook::{Options, Params};
use crate::webhooks::url::CallbackUrl;
use crate::webhooks::{aps, checks, onshape};

/// Change a hook. Everything that is not given stays as it is.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id of the hook.
    id: String,
    /// Onshape: the new URL.
    #[arg(short, long, value_name = "URL")]
    url: Option<String>,
    /// Onshape: the new events. APS: the event of the hook, to find it.
    #[arg(short, long = "event", value_name = "EVENT")]
    events: Vec<String>,
    /// Cannot be changed at either provider; delete the hook and create another.
    #[arg(long, value_name = "KEY=VALUE", hide = true)]
    scope: Vec<String>,
    /// A filter: an expression for onshape, JSON paths for aps, all of which must match.
    #[arg(long, value_name = "FILTER", num_args = 1..)]
    filter: Vec<String>,
    #[command(flatten)]
    onshape: flags::Onshape,
    #[command(flatten)]
    aps: Aps,
}

/// The properties of an APS hook that can be changed beside the options of `create`.
#[derive(Debug, clap::Args)]
// The group would get the name of the type, which the shared flags have as well.
#[command(next_help_heading = "APS")]
#[group(skip)]
struct Aps {
    #[command(flatten)]
    given: flags::Aps,
    /// `active` wakes a hook that became inactive.
    #[arg(long, value_enum)]
    status: Option<StatusArg>,
    /// Remove the filter.
    #[arg(long, conflicts_with = "filter")]
    no_filter: bool,
    /// Remove the attributes.
    #[arg(long, conflicts_with = "attributes")]
    no_attributes: bool,
    /// Remove the expiry.
    #[arg(long, conflicts_with = "expires")]
    no_expiry: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum StatusArg {
    Active,
    Inactive,
}

impl Args {
    /// Changes the hook and prints it.
    pub async fn run(self, session: &Session) -> Result<Exit, Failure> {
        if !self.scope.is_empty() {
            return Err(Failure::usage(
                "--scope cannot be changed: delete the hook and create one",
            ));
        }
        match session.required_provider()? {
            Provider::Onshape => self.at_onshape(session).await,
            Provider::Aps => self.at_aps(session).await,
        }
    }

    async fn at_onshape(self, session: &Session) -> Result<Exit, Failure> {
        self.aps.refuse()?;
        if self.filter.len() > 1 {
            return Err(Failure::usage("--filter: onshape takes one"));
        }
        let url = self.url.as_deref().map(CallbackUrl::parse).transpose();
        let url = url.map_err(|error| Failure::usage(format!("--url: {error}")))?;
        if !self.events.is_empty() {
            let warnings = checks::onshape_events(&self.events)
                .map_err(|objection| Failure::usage(format!("--event: {objection}")))?;
            warnings
                .iter()
                .for_each(|warning| crate::cli::output::note(&format!("warning: {warning}")));
        }
        let mut params = Params {
            url,
            events: (!self.events.is_empty()).then_some(self.events),
            name: self.onshape.name,
            description: self.onshape.description,
            data: self.onshape.data,
            filter: self.filter.into_iter().next(),
            ..Params::default()
        };
        let options = self.onshape.collapse.is_some() || self.onshape.transient.is_some();
        if !options && params.is_empty() {
            return Err(nothing());
        }
        let client: onshape::client::Client = session.onshape()?;
        // These two are always sent, so they must keep their value.
        let hook = client.get(&self.id).await?;
        params.is_transient = self.onshape.transient.unwrap_or(hook.transient);
        let collapse_events = self.onshape.collapse.unwrap_or(hook.collapse);
        params.options = Options { collapse_events };
        let changed = client.update(&self.id, &params).await?;
        session.print(rows::ONSHAPE.keys, &changed)?;
        Ok(Exit::Done)
    }

    async fn at_aps(self, session: &Session) -> Result<Exit, Failure> {
        self.onshape.refuse(&[])?;
        if self.url.is_some() {
            return Err(Failure::usage(
                "--url: aps cannot change the URL of a hook; create a new one, then delete this",
            ));
        }
        let mut events = self.events;
        let event = events.pop();
        if !events.is_empty() {
            return Err(Failure::usage("--event: a hook of aps has one"));
        }
        let whereabouts = Whereabouts { system: self.aps.given.system.clone(), event };
        let patch = self.aps.patch(self.filter)?;
        if patch.is_empty() {
            return Err(nothing());
        }
        let client: aps::client::Client = session.aps(session.region)?;
        let address = whereabouts.locate(&client, &self.id).await?;
        client.update(&address, &patch).await?;
        session.print(rows::APS.keys, &client.get(&address).await?)?;
        Ok(Exit::Done)
    }
}

impl Aps {
    fn refuse(&self) -> Result<(), Failure> {
        self.given.refuse(&[
            ("--status", self.status.is_some()),
            ("--no-filter", self.no_filter),
            ("--no-attributes", self.no_attributes),
            ("--no-expiry", self.no_expiry),
        ])
    }

    fn patch(self, filter: Vec<String>) -> Result<Patch, Failure> {
        Ok(Patch {
            status: self.status.map(|status| match status {
                StatusArg::Active => Status::Active,
                StatusArg::Inactive => Status::Inactive,
            }),
            filter: change(self.no_filter, (!filter.is_empty()).then_some(filter)),
            attributes: change(self.no_attributes, self.given.attributes),
            auto_reactivate: self.given.auto_reactivate,
            expires: change(self.no_expiry, self.given.expires),
            payload_only: self.given.payload_only,
            secret: self.given.secret.map(secret::check).transpose()?,
        })
    }
}

fn change<T>(removed: bool, set: Option<T>) -> Change<T> {
    match (removed, set) {
        (true, _) => Change::Remove,
        (false, Some(value)) => Change::Set(value),
        (false, None) => Change::Keep,
    }
}

fn nothing() -> Failure {
    Failure::usage("nothing to change: see `cadrelay webhook update --help`")
}
