//! The mark in our hooks, by which we recognise them.
//!
//! At Onshape it is the hook's `name`, which also holds the scope, because the API does not return
//! that: `cadrelay:acme-docs?documentId=0f9c…`. At APS it is the attribute `cadrelay`.

use crate::webhooks::scope::Scope;
use serde_json::{Map, Value};
use url::form_urlencoded;

/// The mark of one subscription.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mark(String);

impl Mark {
    /// The mark of the subscription with this name.
    pub fn of(subscription: &str) -> Self {
        Self(subscription.to_owned())
    }

    /// The name of the subscription.
    pub fn subscription(&self) -> &str {
        &self.0
    }

    /// The name of an Onshape hook with this scope.
    pub fn with_scope(&self, scope: &Scope) -> String {
        let name: String = form_urlencoded::byte_serialize(self.0.as_bytes()).collect();
        let scope =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(scope.iter()).finish();
        format!("{PREFIX}{name}?{scope}")
    }

    /// The mark and scope in the name of an Onshape hook, if it is ours.
    pub fn in_name(name: &str) -> Option<(Self, Scope)> {
        let (name, scope) = name.strip_prefix(PREFIX)?.split_once('?')?;
        let (name, _) = form_urlencoded::parse(name.as_bytes()).next()?;
        let scope = form_urlencoded::parse(scope.as_bytes()).into_owned().collect();
        Some((Self(name.into_owned()), scope))
    }

    /// The attributes of an APS hook: the wanted ones, and the mark.
    pub fn within(&self, attributes: &Map<String, Value>) -> Map<String, Value> {
        let mut marked = attributes.clone();
        marked.insert(ATTRIBUTE.into(), self.0.clone().into());
        marked
    }

    /// The mark in the attributes of an APS hook, if it is ours.
    pub fn in_attributes(attributes: &Map<String, Value>) -> Option<Self> {
        attributes.get(ATTRIBUTE)?.as_str().map(Self::of)
    }
}

const PREFIX: &str = "cadrelay:";
const ATTRIBUTE: &str = "cadrelay";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_and_scope_are_read_as_they_were_written() {
        let scope = Scope::default().with("documentId", "0f9c").with("folderId", "a&b=c");
        let mark = Mark::of("acme docs = ü");

        assert_eq!(Mark::in_name(&mark.with_scope(&scope)), Some((mark, scope)));
        assert_eq!(
            Mark::of("a").with_scope(&Scope::default().with("documentId", "0f")),
            "cadrelay:a?documentId=0f"
        );
        assert_eq!(Mark::in_name("somebody's hook"), None);
    }
}
