//! The flags that `create` and `update` share.

use crate::cli::exit::Failure;
use crate::cli::webhook::secret;
use crate::event::provider::Provider;
use crate::secret::Secret;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// The options of an Onshape hook.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Onshape")]
pub struct Onshape {
    /// A name.
    #[arg(long)]
    pub name: Option<String>,
    /// A description.
    #[arg(long)]
    pub description: Option<String>,
    /// A text that each notification echoes.
    #[arg(long)]
    pub data: Option<String>,
    /// Send one notification for similar events.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub collapse: Option<bool>,
    /// Let Onshape remove the hook after some idle days (Onshape's own default; here a new hook is
    /// durable).
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub transient: Option<bool>,
}

/// The options of an APS hook.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "APS")]
pub struct Aps {
    /// The system that owns the event, if the catalog cannot tell.
    #[arg(short, long)]
    pub system: Option<String>,
    /// A JSON object that each callback repeats, under 1 KB.
    #[arg(long, value_name = "JSON", value_parser = super::attributes)]
    pub attributes: Option<Map<String, Value>>,
    /// Let APS try an inactive hook again after a week.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub auto_reactivate: Option<bool>,
    /// The time at which APS removes the hook: 2027-01-31T00:00:00Z.
    #[arg(long, value_name = "T", value_parser = super::expiry)]
    pub expires: Option<Timestamp>,
    /// Leave the hook out of callbacks. The source at the relay then needs `assume`.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub payload_only: Option<bool>,
    /// The secret that signs this hook's callbacks: 32 to 64 letters and digits.
    #[arg(long, value_name = "S", value_parser = secret::secret)]
    pub secret: Option<Secret>,
}

impl Onshape {
    /// Refuses each of them, and each of `more`, if the provider is APS.
    pub fn refuse(&self, more: &[(&str, bool)]) -> Result<(), Failure> {
        let given = [
            ("--name", self.name.is_some()),
            ("--description", self.description.is_some()),
            ("--data", self.data.is_some()),
            ("--collapse", self.collapse.is_some()),
            ("--transient", self.transient.is_some()),
        ];
        super::refuse(Provider::Aps, &given)?;
        super::refuse(Provider::Aps, more)
    }
}

impl Aps {
    /// Refuses each of them, and each of `more`, if the provider is Onshape.
    pub fn refuse(&self, more: &[(&str, bool)]) -> Result<(), Failure> {
        let given = [
            ("--system", self.system.is_some()),
            ("--attributes", self.attributes.is_some()),
            ("--auto-reactivate", self.auto_reactivate.is_some()),
            ("--expires", self.expires.is_some()),
            ("--payload-only", self.payload_only.is_some()),
            ("--secret", self.secret.is_some()),
        ];
        super::refuse(Provider::Onshape, &given)?;
        super::refuse(Provider::Onshape, more)
    }
}
