//! A hook at Onshape: in the form of its API, and in ours.

use crate::event::provider::Provider;
use crate::webhooks::scope::Scope;
use crate::webhooks::url::CallbackUrl;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A hook that exists at Onshape.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hook {
    /// Its id at Onshape.
    pub id: String,
    /// Always Onshape.
    pub provider: Provider,
    /// An existing hook is active: Onshape removes the others without a trace.
    pub status: &'static str,
    /// The URL that it posts to.
    pub url: CallbackUrl,
    /// The events that it listens to.
    pub events: Vec<String>,
    /// The part of its scope that the API returns: company, project, folder.
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
    /// True if similar events become one notification.
    pub collapse: bool,
    /// True if Onshape removes it after some idle days.
    pub transient: bool,
    /// The older way to narrow its scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The number of notifications that Onshape gave up on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped_events: Option<u64>,
    /// The time of its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// The time of its last change.
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

/// The parameters of a new hook, or the changes of an existing one, where absent ones stay as they
/// are.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Params {
    /// The hook to be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The URL that it posts to.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "revealed")]
    pub url: Option<CallbackUrl>,
    /// The events that it listens to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// Its scope, whose keys stand beside the others.
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
    /// Always sent: Onshape requires it.
    pub options: Options,
}

impl Params {
    /// True if nothing is set beside the parameters that are always sent.
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
    /// True if similar events become one notification.
    pub collapse_events: bool,
}

/// A hook in the form of the API. Unknown fields are ignored; null means absent.
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
            // Onshape's default.
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, json};

    #[test]
    fn the_keys_are_those_of_a_hook_with_everything_in_it() {
        let info: Info = serde_json::from_value(json!({
            "id": "1", "url": "https://relay.example", "events": ["onshape.comment.create"],
            "name": "n", "description": "d", "data": "e", "filter": "f", "isTransient": true,
            "options": { "collapseEvents": true }, "droppedEventCount": 2, "companyId": "c",
            "projectId": "p", "folderId": "f", "createdAt": "2024-05-06T04:45:10.611Z",
            "modifiedAt": "2024-05-06T04:45:10.611Z"
        }))
        .expect("a hook of the API");

        let written = serde_json::to_value(Hook::from(info)).expect("JSON");

        let mut keys = Hook::KEYS.to_vec();
        keys.sort_unstable();
        let mut found: Vec<_> = written.as_object().into_iter().flat_map(Map::keys).collect();
        found.sort_unstable();
        assert_eq!(found, keys);
    }
}
