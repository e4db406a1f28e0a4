//! A change of a hook at APS. Its URL and scope cannot be changed.

use crate::secret::Secret;
use crate::webhooks::aps::hook::written_filter;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// A change of a hook: only the given fields are sent.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    /// `active` or `inactive`.
    pub status: Option<Status>,
    /// JSON paths that a payload must match.
    pub filter: Change<Vec<String>>,
    /// The attributes that each callback repeats.
    pub attributes: Change<Map<String, Value>>,
    /// True if APS tries it again a week after it became inactive.
    pub auto_reactivate: Option<bool>,
    /// The time at which APS removes it.
    pub expires: Change<Timestamp>,
    /// True if callbacks come without the hook.
    pub payload_only: Option<bool>,
    /// The secret that signs this hook's callbacks.
    pub secret: Option<Secret>,
}

/// A status that a hook can be given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// It posts callbacks.
    Active,
    /// It is silent, and events are lost meanwhile.
    Inactive,
}

/// A change of an optional value.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Change<T> {
    /// Keep it.
    #[default]
    Keep,
    /// Remove it.
    Remove,
    /// Set it to this.
    Set(T),
}

impl Patch {
    /// True if nothing is changed.
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
    /// APS removes a field that is null.
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
