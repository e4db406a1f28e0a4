//! The result of a notification, as people look at it later.

use crate::ingest::claims::Unavailable;
use crate::providers::reading::Reading;
use crate::recent::decision::{Decision, Outcome};
use crate::spool::Appended;
use jiff::Timestamp;

/// The decision on a notification that was proven.
pub(super) fn of<'a>(
    source: &'a str,
    reading: &'a Reading<'_>,
    appended: &Result<Appended, Unavailable>,
    at: Timestamp,
) -> Decision<'a> {
    let stored = match reading {
        Reading::Event(_) => Outcome::Accepted,
        Reading::Quarantine { .. } => Outcome::Quarantined,
    };
    let (outcome, sequence) = match appended {
        Ok(Appended::New { sequence }) => (stored, Some(*sequence)),
        Ok(Appended::Duplicate) => (Outcome::Duplicate, None),
        Err(_) => (Outcome::Unavailable, None),
    };
    let bare = Decision {
        id: Some(reading.id().as_str().into()),
        sequence,
        reason: appended.as_ref().err().map(|error| error.to_string().into()),
        ..Decision::bare(at, source, outcome, reading.body().len() as u64)
    };
    match reading {
        Reading::Event(event) => Decision {
            event: Some((&*event.name).into()),
            group: Some(event.group.as_str().into()),
            subject: event.about.as_deref().map(Into::into),
            document: event.subject.as_ref().map(|subject| subject.as_str().into()),
            webhook_id: event.webhook_id.as_deref().map(Into::into),
            verified: Some(event.verified.text()),
            occurred_at: event.occurred_at,
            ..bare
        },
        Reading::Quarantine { reason, verified, .. } => Decision {
            reason: bare.reason.or_else(|| Some(reason.as_str().into())),
            verified: Some(verified.text()),
            ..bare
        },
    }
}
