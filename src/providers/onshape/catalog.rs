//! The events of Onshape: those of its webhook guide, and those that only its API description lists
//! as callbacks of `createWebhook`.

use crate::event::group::Group::{self, Application, Document, Lifecycle, Plm, Workflow};
use crate::providers::catalog::Entry;
use crate::providers::catalog::Standing::{self, Documented, Seen};

/// Every event string that Onshape has published.
pub const ENTRIES: &[Entry] = &[
    row("onshape.model.lifecycle.changed", Document, DOCUMENT, Documented, "A model was changed"),
    row(
        "onshape.model.lifecycle.changed.externalreferences",
        Document,
        DOCUMENT,
        Documented,
        "An external reference of a model changed",
    ),
    row(
        "onshape.model.lifecycle.changed.namedviews",
        Document,
        DOCUMENT,
        Seen,
        "The named views of a model changed",
    ),
    row(
        "onshape.model.lifecycle.metadata",
        Document,
        DOCUMENT,
        Documented,
        "Metadata of a part or an element was changed",
    ),
    row(
        "onshape.model.lifecycle.createversion",
        Document,
        DOCUMENT,
        Documented,
        "A version of a document was created",
    ),
    row(
        "onshape.model.lifecycle.createworkspace",
        Document,
        DOCUMENT,
        Documented,
        "A workspace was created",
    ),
    row(
        "onshape.model.lifecycle.deleteworkspace",
        Document,
        DOCUMENT,
        Seen,
        "A workspace was deleted",
    ),
    row(
        "onshape.model.lifecycle.mergeworkspace",
        Document,
        DOCUMENT,
        Seen,
        "A workspace or version was merged into a workspace",
    ),
    row(
        "onshape.model.lifecycle.restoreworkspace",
        Document,
        DOCUMENT,
        Seen,
        "A workspace was restored to an earlier state",
    ),
    row(
        "onshape.model.lifecycle.updateworkspaceunits",
        Document,
        DOCUMENT,
        Seen,
        "The units of a workspace were changed",
    ),
    row(
        "onshape.model.lifecycle.createelement",
        Document,
        DOCUMENT,
        Documented,
        "An element (tab) was created",
    ),
    row(
        "onshape.model.lifecycle.deleteelement",
        Document,
        DOCUMENT,
        Documented,
        "An element (tab) was deleted",
    ),
    row(
        "onshape.model.translation.complete",
        Document,
        DOCUMENT,
        Documented,
        "A translation request is complete",
    ),
    row(
        "onshape.document.lifecycle.created",
        Document,
        DOCUMENT,
        Documented,
        "A document was created",
    ),
    row(
        "onshape.document.lifecycle.statechange",
        Document,
        &["documentId"],
        Documented,
        "A document became active, went to the trash or was deleted",
    ),
    row(
        "onshape.document.lifecycle.shared",
        Document,
        DOCUMENT,
        Documented,
        "A document's sharing was changed",
    ),
    row(
        "onshape.revision.created",
        Document,
        DOCUMENT,
        Documented,
        "A revision was created by a release",
    ),
    row("onshape.comment.create", Document, DOCUMENT, Documented, "A comment was written"),
    row("onshape.comment.update", Document, DOCUMENT, Documented, "A comment was changed"),
    row("onshape.comment.delete", Document, DOCUMENT, Documented, "A comment was deleted"),
    row(
        "onshape.workflow.transition",
        Workflow,
        COMPANY,
        Documented,
        "A release package, revision or task moved in its workflow",
    ),
    row(
        "onshape.user.lifecycle.updateappsettings",
        Application,
        &["clientId"],
        Documented,
        "A user's settings of an application were changed",
    ),
    // The guide lacks both; that a company is what they need is our reading of their bodies.
    row("onshape.plm.job.created", Plm, COMPANY, Seen, "A PLM synchronisation job was created"),
    row("onshape.plm.settings.changed", Plm, COMPANY, Seen, "The PLM settings were changed"),
    row("webhook.register", Lifecycle, NOBODY, Documented, "A webhook was registered"),
    row("webhook.ping", Lifecycle, NOBODY, Documented, "A webhook was asked to show that it works"),
    row("webhook.unregister", Lifecycle, NOBODY, Documented, "A webhook was unregistered"),
];

const DOCUMENT: &[&str] = &["documentId", "companyId"];
const COMPANY: &[&str] = &["companyId"];
/// Sent to every webhook without asking.
const NOBODY: &[&str] = &[];

const fn row(
    event: &'static str,
    group: Group,
    scope: &'static [&'static str],
    standing: Standing,
    meaning: &'static str,
) -> Entry {
    Entry { event, group, system: None, scope, standing, meaning }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_holds_the_seventeen_of_the_guide_and_all_that_are_published() {
        let of_the_guide = ENTRIES
            .iter()
            .filter(|entry| entry.standing == Documented && entry.group != Lifecycle)
            .count();

        // Fifteen of documents, the workflow's, the application's.
        assert_eq!(of_the_guide, 17);
        assert_eq!(ENTRIES.len(), 27);
    }
}
