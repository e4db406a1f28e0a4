//! `webhook update`: change a hook.

use crate::cli::exit::{Exit, Failure};
use crate::cli::webhook::session::Session;
use crate::cli::webhook::{Whereabouts, rows, secret};
use crate::event::provider::Provider;
use crate::secret::Secret;
use crate::webhooks::aps::patch::{Change, Patch, Status};
use crate::webhooks::onshape::hook::{Options, Params};
use crate::webhooks::url::CallbackUrl;
use crate::webhooks::{aps, checks, onshape};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// Change a hook. What is not mentioned stays as it is.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id of the hook.
    id: String,
    /// Onshape: where it shall post.
    #[arg(short, long, value_name = "URL")]
    url: Option<String>,
    /// Onshape: the events that it shall listen to. APS: the event of the hook, to find it.
    #[arg(short, long = "event", value_name = "EVENT")]
    events: Vec<String>,
    /// Cannot be changed at either provider; delete and create.
    #[arg(long, value_name = "KEY=VALUE", hide = true)]
    scope: Vec<String>,
    /// Narrow it: an expression for onshape, JSON paths for aps, of which all must match.
    #[arg(long, value_name = "FILTER", num_args = 1..)]
    filter: Vec<String>,
    #[command(flatten)]
    onshape: Onshape,
    #[command(flatten)]
    aps: Aps,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Onshape")]
struct Onshape {
    /// A name.
    #[arg(long)]
    name: Option<String>,
    /// A description.
    #[arg(long)]
    description: Option<String>,
    /// A text that each notification echoes.
    #[arg(long)]
    data: Option<String>,
    /// One notification for similar events.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    collapse: Option<bool>,
    /// Let Onshape remove it after some idle days.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    transient: Option<bool>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "APS")]
struct Aps {
    /// The system of the hook, to find it.
    #[arg(short, long)]
    system: Option<String>,
    /// `active` wakes a hook that went inactive.
    #[arg(long, value_enum)]
    status: Option<StatusArg>,
    /// Without a filter.
    #[arg(long, conflicts_with = "filter")]
    no_filter: bool,
    /// A JSON object that each callback repeats, under 1 KB.
    #[arg(long, value_name = "JSON", value_parser = super::attributes)]
    attributes: Option<Map<String, Value>>,
    /// Without attributes.
    #[arg(long, conflicts_with = "attributes")]
    no_attributes: bool,
    /// Let APS try an inactive hook again after a week.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    auto_reactivate: Option<bool>,
    /// When APS shall remove it: 2027-01-31T00:00:00Z.
    #[arg(long, value_name = "T", value_parser = super::expiry)]
    expires: Option<Timestamp>,
    /// Without an end.
    #[arg(long, conflicts_with = "expires")]
    no_expiry: bool,
    /// Callbacks without the hook.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    payload_only: Option<bool>,
    /// What this hook's callbacks are signed with: 32 to 64 letters and digits.
    #[arg(long, value_name = "S", value_parser = secret::secret)]
    secret: Option<Secret>,
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
        // These two are always sent, so they must be as they were.
        let hook = client.get(&self.id).await?;
        params.is_transient = self.onshape.transient.unwrap_or(hook.transient);
        let collapse_events = self.onshape.collapse.unwrap_or(hook.collapse);
        params.options = Options { collapse_events };
        let changed = client.update(&self.id, &params).await?;
        session.print(rows::ONSHAPE.keys, &changed)?;
        Ok(Exit::Done)
    }

    async fn at_aps(self, session: &Session) -> Result<Exit, Failure> {
        self.onshape.refuse()?;
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
        let whereabouts = Whereabouts { system: self.aps.system.clone(), event };
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

impl Onshape {
    fn refuse(&self) -> Result<(), Failure> {
        super::refuse(
            Provider::Aps,
            &[
                ("--name", self.name.is_some()),
                ("--description", self.description.is_some()),
                ("--data", self.data.is_some()),
                ("--collapse", self.collapse.is_some()),
                ("--transient", self.transient.is_some()),
            ],
        )
    }
}

impl Aps {
    fn refuse(&self) -> Result<(), Failure> {
        super::refuse(
            Provider::Onshape,
            &[
                ("--system", self.system.is_some()),
                ("--status", self.status.is_some()),
                ("--no-filter", self.no_filter),
                ("--attributes", self.attributes.is_some()),
                ("--no-attributes", self.no_attributes),
                ("--auto-reactivate", self.auto_reactivate.is_some()),
                ("--expires", self.expires.is_some()),
                ("--no-expiry", self.no_expiry),
                ("--payload-only", self.payload_only.is_some()),
                ("--secret", self.secret.is_some()),
            ],
        )
    }

    fn patch(self, filter: Vec<String>) -> Result<Patch, Failure> {
        Ok(Patch {
            status: self.status.map(|status| match status {
                StatusArg::Active => Status::Active,
                StatusArg::Inactive => Status::Inactive,
            }),
            filter: change(self.no_filter, (!filter.is_empty()).then_some(filter)),
            attributes: change(self.no_attributes, self.attributes),
            auto_reactivate: self.auto_reactivate,
            expires: change(self.no_expiry, self.expires),
            payload_only: self.payload_only,
            secret: self.secret.map(secret::check).transpose()?,
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
