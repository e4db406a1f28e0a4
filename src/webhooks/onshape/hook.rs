//! A hook at Onshape: as its API writes it, and as we show it.

use crate::event::provider::Provider;
use crate::webhooks::scope::Scope;
use crate::webhooks::url::CallbackUrl;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A hook as it exists at Onshape.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hook {
    /// Onshape's id of it.
    pub id: String,
    /// Onshape.
    pub provider: Provider,
    /// A hook that exists is active: Onshape removes the others without a trace.
    pub status: &'static str,
    /// Where it posts.
    pub url: CallbackUrl,
    /// What it listens to.
    pub events: Vec<String>,
    /// As much of its scope as the API returns: company, project, folder.
    pub scope: Scope,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The text that each notification echoes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Whether similar events become one notification.
    pub collapse: bool,
    /// Whether Onshape removes it after some idle days.
    pub transient: bool,
    /// The older way to narrow its scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Notifications that Onshape gave up on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped_events: Option<u64>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// When it was changed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<Timestamp>,
}

impl Hook {
    /// The keys of its serialised form, in order.
    pub const KEYS: &'static [&'static str] = &[
        "id",
        "provider",
        "status",
        "url",
        "events",
        "scope",
        "name",
        "description",
        "data",
        "collapse",
        "transient",
        "filter",
        "droppedEvents",
        "createdAt",
        "modifiedAt",
    ];
}

/// What a hook is made of, or what is changed of one: what is absent stays as it is.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Params {
    /// The hook that is changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Where it posts.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "revealed")]
    pub url: Option<CallbackUrl>,
    /// What it listens to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// Its scope: keys of their own beside the others.
    #[serde(flatten)]
    pub scope: Scope,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The text that each notification echoes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The older way to narrow its scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Always sent: Onshape's own default is a transient hook.
    pub is_transient: bool,
    /// Always sent: Onshape demands it.
    pub options: Options,
}

impl Params {
    /// Whether nothing is said beside what is always sent.
    pub fn is_empty(&self) -> bool {
        self.url.is_none()
            && self.events.is_none()
            && self.scope.is_empty()
            && self.name.is_none()
            && self.description.is_none()
            && self.data.is_none()
            && self.filter.is_none()
    }
}

/// Options of a hook.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// Whether similar events become one notification.
    pub collapse_events: bool,
}

/// A hook as the API writes it. Unknown fields are of no interest; null means absent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Info {
    id: String,
    url: Option<String>,
    events: Option<Vec<String>>,
    name: Option<String>,
    description: Option<String>,
    data: Option<String>,
    filter: Option<String>,
    is_transient: Option<bool>,
    options: Option<Options>,
    dropped_event_count: Option<u64>,
    company_id: Option<String>,
    project_id: Option<String>,
    folder_id: Option<String>,
    created_at: Option<String>,
    modified_at: Option<String>,
}

/// One page of hooks.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub(super) next: Option<String>,
    pub(super) items: Vec<Info>,
}

impl From<Info> for Hook {
    fn from(info: Info) -> Self {
        let present = |text: Option<String>| text.filter(|text| !text.is_empty());
        let time = |text: Option<String>| text.and_then(|text| text.parse().ok());
        let scope = [
            ("companyId", info.company_id),
            ("projectId", info.project_id),
            ("folderId", info.folder_id),
        ];
        Self {
            id: info.id,
            provider: Provider::Onshape,
            status: "active",
            url: CallbackUrl::stored(info.url.unwrap_or_default()),
            events: info.events.unwrap_or_default(),
            scope: scope
                .into_iter()
                .filter_map(|(key, id)| Some((key.to_owned(), present(id)?)))
                .collect(),
            name: present(info.name),
            description: present(info.description),
            data: present(info.data),
            collapse: info.options.unwrap_or_default().collapse_events,
            // What Onshape takes if nothing is said.
            transient: info.is_transient.unwrap_or(true),
            filter: present(info.filter),
            dropped_events: info.dropped_event_count,
            created_at: time(info.created_at),
            modified_at: time(info.modified_at),
        }
    }
}

fn revealed<S: serde::Serializer>(url: &Option<CallbackUrl>, s: S) -> Result<S::Ok, S::Error> {
    url.as_ref().map(CallbackUrl::reveal).serialize(s)
}
