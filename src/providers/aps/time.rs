//! Reads the time of an APS event: which field of the payload has it, and in which form.
//!
//! The dates of the hook are not used: they tell when the hook changed.

use crate::event::time;
use crate::json::{Kind, Node, Object};
use jiff::Timestamp;

/// The time that a payload carries.
#[derive(Clone, Debug, Default)]
pub(super) struct EventTime<'n, 'b> {
    /// The time of the event, if a field of the payload can be read.
    pub occurred_at: Option<Timestamp>,
    /// Otherwise the first field with a time that cannot be read, unless it is out of range.
    pub unreadable: Option<&'n Node<'b>>,
}

impl<'n, 'b> EventTime<'n, 'b> {
    /// Reads the time of a payload.
    pub fn of(payload: &'n Object<'b>) -> Self {
        let fields = FIELDS.map(|key| payload.get(key).map(|value| (key, value)));
        let mut fields = fields.iter().flatten();
        let occurred_at = fields.clone().find_map(|(key, value)| match value.kind() {
            Kind::Text(_) => time::read(&value.text()?),
            Kind::Number if *key == IN_MILLISECONDS => {
                time::from_epoch_milliseconds(value.raw().parse().ok()?)
            }
            _ => None,
        });
        let unreadable = fields.next().map(|(_, value)| *value);
        let unreadable =
            unreadable.filter(|value| occurred_at.is_none() && !is_out_of_range(value));
        Self { occurred_at, unreadable }
    }
}

fn is_out_of_range(value: &Node<'_>) -> bool {
    match value.kind() {
        Kind::Text(_) => value.text().is_some_and(|text| time::is_out_of_range(&text)),
        Kind::Number => {
            value.raw().parse().is_ok_and(|number| time::from_epoch_milliseconds(number).is_none())
        }
        Kind::Null | Kind::Bool | Kind::Array(_) | Kind::Object(_) => false,
    }
}

/// The fields that can have the time, in order of preference.
const FIELDS: [&str; 4] = ["modifiedTime", "updatedAt", IN_MILLISECONDS, "createdTime"];
/// The field that can also be a number: milliseconds since 1970.
const IN_MILLISECONDS: &str = "TimeStamp";
