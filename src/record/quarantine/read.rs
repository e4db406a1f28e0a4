//! Reads a record of the quarantine topic: the body, and the reason for its being there.

use crate::event::id::EventId;
use crate::event::proof::Proofs;
use crate::event::time;
use crate::event::traceparent;
use crate::record::members;
use crate::record::quarantine::{
    self, DELIVERY_ID, EVENT, GROUP, REFUSED_BY, TRACEPARENT, VERIFIED,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A quarantined body with everything the record says of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Quarantined {
    /// The hash of the body, or the event's own id if Kafka refused its record.
    pub id: EventId,
    /// The source that it was posted to.
    pub source: String,
    /// The provider of that source at the time.
    pub provider: String,
    /// The reason for quarantine, as text: a later version may know more reasons.
    pub reason: String,
    /// The time at which it was received.
    pub received_at: Timestamp,
    /// The proofs that held; none if the record does not say.
    pub verified: Proofs,
    /// The delivery id of APS.
    pub delivery_id: Option<String>,
    /// The request's `traceparent`.
    pub traceparent: Option<String>,
    /// The topic that refused it, if Kafka did.
    pub refused_by: Option<String>,
    /// The event, if the body was understood.
    pub event: Option<Understood>,
    /// The body as posted.
    pub raw: Bytes,
}

/// The event that was read from the body before Kafka refused its record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Understood {
    /// Its name.
    pub name: String,
    /// Its group, as text.
    pub group: String,
}

/// The record does not have the form that the relay writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the record is not one of a relay's quarantine: {0}")]
pub struct NotOurs(&'static str);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Value<'a> {
    id: String,
    source: String,
    provider: String,
    reason: String,
    received_at: String,
    #[serde(borrow, default, deserialize_with = "members::present")]
    raw: Option<&'a RawValue>,
    raw_base64: Option<String>,
}

impl Quarantined {
    /// Reads a record's headers and value.
    pub fn read(headers: &BTreeMap<String, String>, bytes: &[u8]) -> Result<Self, NotOurs> {
        let value: Value<'_> =
            serde_json::from_slice(bytes).map_err(|_| NotOurs("its value has other fields"))?;
        let raw = match (value.raw, value.raw_base64) {
            (Some(raw), _) => Bytes::copy_from_slice(members::as_written(raw, bytes)),
            (None, Some(text)) => {
                BASE64.decode(text).map_err(|_| NotOurs("rawBase64 is not Base64"))?.into()
            }
            (None, None) => return Err(NotOurs("it has no body")),
        };
        let header = |name: &str| headers.get(name).cloned();
        let event =
            header(EVENT).map(|name| Understood { name, group: header(GROUP).unwrap_or_default() });
        let id = EventId::parse(value.id).map_err(|_| NotOurs("its id is empty"))?;
        // The id of an event is usually the sender's own, not a hash of the body.
        if event.is_none() && id != quarantine::id(&raw) {
            return Err(NotOurs("its id is not its body's hash"));
        }
        let verified = header(VERIFIED);
        let verified = verified.map_or(Some(Proofs::default()), |text| Proofs::read(&text));
        Ok(Self {
            id,
            source: value.source,
            provider: value.provider,
            reason: value.reason,
            received_at: time::read(&value.received_at).ok_or(NotOurs("receivedAt is no time"))?,
            verified: verified.ok_or(NotOurs("its proof has a name that is not known"))?,
            delivery_id: header(DELIVERY_ID),
            traceparent: header(TRACEPARENT).filter(|text| traceparent::is_valid(text)),
            refused_by: header(REFUSED_BY),
            event,
            raw,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::proof::Proof;
    use crate::event::provider::Provider;
    use crate::event::raw::Raw;
    use crate::event::reason::Reason;
    use crate::json;
    use crate::record::layout::Record;
    use crate::record::quarantine::refused;
    use crate::record::quarantine::write::{self, Kept};
    use proptest::collection::vec;
    use proptest::prelude::*;

    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn read(record: &Record) -> Result<Quarantined, NotOurs> {
        let parts = record.parts();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = parts.headers().map(|(name, value)| (name.to_owned(), text(value)));
        Quarantined::read(&headers.collect(), parts.value)
    }

    fn as_posted(body: &[u8]) -> Raw<'_> {
        let is_portable = json::parse(body).is_ok_and(|tree| tree.is_portable());
        Raw::new(body, is_portable)
    }

    #[test]
    fn every_body_that_was_put_there_is_had_back_byte_for_byte_with_what_was_proven() {
        let verified = Proofs::from_iter([Proof::Hmac, Proof::UrlToken]);
        let received_at = time::read("2026-11-25T20:00:00.123Z").unwrap();
        let kept = Kept {
            source: "plant",
            provider: Provider::Aps,
            received_at,
            verified,
            delivery_id: Some("d-1"),
            traceparent: Some(TRACE),
        };

        for raw in ["{}", " {\"a\" : 1}\r\n", "\u{feff}{}", "odd", "", "[ ]\t", "null"] {
            let found = read(&write::encode(
                Reason::NoHook,
                &quarantine::id(raw.as_bytes()),
                as_posted(raw.as_bytes()),
                kept,
            ))
            .unwrap();

            assert_eq!(found.raw, raw.as_bytes(), "{raw}");
            assert_eq!(found.id, quarantine::id(raw.as_bytes()));
            assert_eq!((&*found.source, &*found.provider), ("plant", "aps"));
            assert_eq!((&*found.reason, found.received_at), ("no_hook", received_at));
            assert_eq!(found.verified, verified);
            assert_eq!(found.delivery_id.as_deref(), kept.delivery_id);
            assert_eq!(found.traceparent.as_deref(), kept.traceparent);
            assert_eq!((found.event, found.refused_by), (None, None));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_that_were_put_there_are_had_back(
            raw in prop_oneof![
                vec(any::<u8>(), 0..200),
                "[ \t\r\n]{0,3}(\\{\"a\": ?[0-9]{1,30}\\}|\\[\\]|null|\"[a-z\"]{0,3}\")[ \t\r\n]{0,3}"
                    .prop_map(String::into_bytes),
            ],
        ) {
            let kept = Kept {
                source: "plant",
                provider: Provider::Aps,
                received_at: Timestamp::UNIX_EPOCH,
                verified: Proofs::NONE,
                delivery_id: None,
                traceparent: None,
            };

            let found = read(&write::encode(Reason::NotJson, &quarantine::id(&raw), as_posted(&raw), kept));

            prop_assert_eq!(found.map(|found| found.raw), Ok(Bytes::from(raw)));
        }
    }

    #[test]
    fn of_an_event_that_kafka_refused_the_id_the_event_and_the_topic_are_had_back() {
        let mut record = Record::builder("key", 64);
        let value = r#"{"id":"m-1","provider":"onshape","source":"acme","event":"onshape.x","group":"other","receivedAt":"2026-11-25T20:00:00.123Z","verified":"hmac","raw": {} }"#;
        record.header("ce_traceparent", TRACE).value().extend_from_slice(value.as_bytes());
        let refused = refused::encode(
            &record.finish().parts(),
            Reason::TooLargeForKafka,
            "cad.onshape.other",
        );

        let found = read(&refused).unwrap();

        assert_eq!((found.id.as_str(), &*found.raw), ("m-1", &b" {} "[..]));
        assert_eq!(found.verified, Proofs::NONE.with(Proof::Hmac));
        assert_eq!(found.refused_by.as_deref(), Some("cad.onshape.other"));
        let event = found.event.unwrap();
        assert_eq!((&*event.name, &*event.group), ("onshape.x", "other"));
        assert_eq!(found.traceparent.as_deref(), Some(TRACE));
    }

    #[test]
    fn what_is_not_as_a_relay_writes_it_is_refused() {
        let of = |value: &str| Quarantined::read(&BTreeMap::new(), value.as_bytes());
        let ours = |id: &str, at: &str, rest: &str| {
            format!(
                r#"{{"id":"{id}","source":"s","provider":"aps","reason":"no_hook","receivedAt":"{at}"{rest}}}"#
            )
        };
        let (id, at) = (quarantine::id(b"{}"), "2026-11-25T20:00:00.123Z");

        assert!(of(&ours(id.as_str(), at, r#","raw":{}"#)).is_ok());
        for (value, why) in [
            ("{}".to_owned(), "its value has other fields"),
            (ours(id.as_str(), at, ""), "it has no body"),
            (ours(id.as_str(), at, r#","rawBase64":"?""#), "rawBase64 is not Base64"),
            (ours("", at, r#","raw":{}"#), "its id is empty"),
            (ours(id.as_str(), at, r#","raw":{"a":1}"#), "its id is not its body's hash"),
            (ours(id.as_str(), "now", r#","raw":{}"#), "receivedAt is no time"),
        ] {
            assert_eq!(of(&value), Err(NotOurs(why)), "{value}");
        }
    }
}
