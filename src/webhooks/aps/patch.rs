//! What is changed of a hook at APS. Its URL and scope cannot be.

use crate::secret::Secret;
use crate::webhooks::aps::hook::written_filter;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// What is changed of a hook: only this is sent.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    /// `active` or `inactive`.
    pub status: Option<Status>,
    /// JSON paths that a payload must match.
    pub filter: Change<Vec<String>>,
    /// What each callback repeats.
    pub attributes: Change<Map<String, Value>>,
    /// Whether APS tries it again a week after it went inactive.
    pub auto_reactivate: Option<bool>,
    /// When APS removes it.
    pub expires: Change<Timestamp>,
    /// Whether callbacks come without the hook.
    pub payload_only: Option<bool>,
    /// What this hook's callbacks are signed with.
    pub secret: Option<Secret>,
}

/// A status that a hook can be given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// It calls back.
    Active,
    /// It is silent, and what happens meanwhile is lost.
    Inactive,
}

/// What becomes of something that may be absent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Change<T> {
    /// It stays.
    #[default]
    Keep,
    /// It goes.
    Remove,
    /// It is this from now on.
    Set(T),
}

impl Patch {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.body().as_object().is_none_or(Map::is_empty)
    }

    /// The body of the call.
    pub(super) fn body(&self) -> Value {
        let status = self.status.map(|status| match status {
            Status::Active => "active",
            Status::Inactive => "inactive",
        });
        let fields = [
            ("status", status.map(Value::from)),
            ("filter", self.filter.written(|paths| written_filter(paths).unwrap_or_default())),
            ("hookAttribute", self.attributes.written(|attributes| json!(attributes))),
            ("autoReactivateHook", self.auto_reactivate.map(Value::from)),
            ("hookExpiry", self.expires.written(|time| json!(time))),
            ("callbackWithEventPayloadOnly", self.payload_only.map(Value::from)),
            ("token", self.secret.as_ref().map(|secret| secret.reveal().into())),
        ];
        let asked = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        Value::Object(asked.collect())
    }
}

impl<T> Change<T> {
    /// APS removes what is null.
    fn written(&self, write: impl Fn(&T) -> Value) -> Option<Value> {
        match self {
            Self::Keep => None,
            Self::Remove => Some(Value::Null),
            Self::Set(value) => Some(write(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_asked_for_is_sent_and_null_removes() {
        let patch = Patch {
            status: Some(Status::Active),
            filter: Change::Remove,
            attributes: Change::Set(Map::new()),
            ..Patch::default()
        };

        assert_eq!(
            patch.body(),
            json!({ "status": "active", "filter": null, "hookAttribute": {} })
        );
        assert!(Patch::default().is_empty());
    }
}
