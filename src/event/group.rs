//! Event groups: the families that become topics.

use crate::event::provider::Provider;

/// A family of events of one provider. Each has a topic of its own.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Group {
    /// Onshape: documents, models, revisions, comments.
    Document,
    /// Onshape: release management.
    Workflow,
    /// Onshape: application settings.
    Application,
    /// Onshape: the registrations themselves (register, ping, unregister).
    Lifecycle,
    /// Onshape: PLM jobs and settings.
    Plm,
    /// APS: files and folders of Data Management.
    Data,
    /// APS: Model Derivative.
    Derivative,
    /// APS: Revit Cloud Worksharing.
    C4r,
    /// APS: Fusion Manage.
    Flc,
    /// APS: construction cost.
    Cost,
    /// APS: BuildingConnected.
    Bc,
    /// APS: construction issues.
    Issues,
    /// APS: construction reviews.
    Reviews,
    /// APS: Tandem.
    Tandem,
    /// Any proven event whose family is not known.
    Other,
}

impl Group {
    /// The groups of a provider, in the order in which people see them.
    pub fn of(provider: Provider) -> &'static [Self] {
        match provider {
            Provider::Onshape => &[
                Self::Document,
                Self::Workflow,
                Self::Application,
                Self::Lifecycle,
                Self::Plm,
                Self::Other,
            ],
            Provider::Aps => &[
                Self::Data,
                Self::Derivative,
                Self::C4r,
                Self::Flc,
                Self::Cost,
                Self::Bc,
                Self::Issues,
                Self::Reviews,
                Self::Tandem,
                Self::Other,
            ],
        }
    }

    /// The name in topics, labels and values.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Workflow => "workflow",
            Self::Application => "application",
            Self::Lifecycle => "lifecycle",
            Self::Plm => "plm",
            Self::Data => "data",
            Self::Derivative => "derivative",
            Self::C4r => "c4r",
            Self::Flc => "flc",
            Self::Cost => "cost",
            Self::Bc => "bc",
            Self::Issues => "issues",
            Self::Reviews => "reviews",
            Self::Tandem => "tandem",
            Self::Other => "other",
        }
    }
}

impl std::fmt::Display for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
