//! A filter for decisions.

use crate::recent::decision::{Decision, Outcome};
use memchr::memmem::Finder;

/// Takes the decisions that match every given field.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The source.
    pub source: Option<String>,
    /// The answer.
    pub outcome: Option<Outcome>,
    /// The event's name; a `*` at its end stands for any rest.
    pub event: Option<String>,
    /// The group.
    pub group: Option<String>,
    /// The beginning of the subject.
    pub subject: Option<String>,
    /// The document or item: the Kafka key, a part of the subject, or in the text of a body that
    /// was not understood.
    pub document: Option<String>,
    /// The event's id.
    pub id: Option<String>,
    /// A text in the id, name, subject, document, hook, reason or source, or in the text of a body
    /// that was not understood.
    pub text: Option<String>,
}

impl Filter {
    /// Decisions of one event.
    pub fn of_id(id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..Self::default() }
    }

    /// True if it takes the decision.
    pub fn takes(&self, decision: &Decision<'_>) -> bool {
        let is = |wanted: &Option<String>, field: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| field == Some(wanted))
        };
        is(&self.source, Some(&decision.source))
            && self.outcome.is_none_or(|outcome| outcome == decision.outcome)
            && is(&self.group, decision.group.as_deref())
            && is(&self.id, decision.id.as_deref())
            && self.takes_event(decision.event.as_deref())
            && self.takes_subject(decision.subject.as_deref())
            && self.takes_document(decision)
            && self.takes_text(decision)
    }

    /// The longest text that a matching decision's line must contain unescaped: a line without it
    /// need not be parsed.
    pub(super) fn needle(&self) -> Option<Finder<'_>> {
        let is_plain = |text: &&String| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte))
        };
        [&self.id, &self.document, &self.subject, &self.source]
            .into_iter()
            .flatten()
            .filter(is_plain)
            .max_by_key(|text| text.len())
            .map(|text| Finder::new(text.as_bytes()))
    }

    fn takes_event(&self, event: Option<&str>) -> bool {
        let Some(wanted) = &self.event else { return true };
        match wanted.strip_suffix('*') {
            Some(beginning) => event.is_some_and(|event| event.starts_with(beginning)),
            None => event == Some(wanted),
        }
    }

    fn takes_subject(&self, subject: Option<&str>) -> bool {
        let Some(wanted) = self.subject.as_deref() else { return true };
        subject.is_some_and(|subject| subject.starts_with(wanted))
    }

    fn takes_document(&self, decision: &Decision<'_>) -> bool {
        let Some(wanted) = self.document.as_deref() else { return true };
        let in_subject = || {
            decision.subject.as_deref().is_some_and(|it| it.split('/').any(|part| part == wanted))
        };
        decision.document.as_deref() == Some(wanted)
            || in_subject()
            || not_understood(decision).is_some_and(|body| body.contains(wanted))
    }

    fn takes_text(&self, decision: &Decision<'_>) -> bool {
        let Some(text) = self.text.as_deref() else { return true };
        [
            decision.id.as_deref(),
            decision.event.as_deref(),
            decision.subject.as_deref(),
            decision.document.as_deref(),
            decision.webhook_id.as_deref(),
            decision.reason.as_deref(),
            Some(&decision.source),
            not_understood(decision),
        ]
        .into_iter()
        .flatten()
        .any(|field| contains_ignoring_case(field, text))
    }
}

/// The text of a body that was not understood. Of others the fields say what is in it.
fn not_understood<'d>(decision: &'d Decision<'_>) -> Option<&'d str> {
    decision.event.is_none().then_some(decision.raw.as_deref()).flatten()
}

fn contains_ignoring_case(field: &str, text: &str) -> bool {
    let (field, text) = (field.as_bytes(), text.as_bytes());
    text.is_empty() || field.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text))
}
