//! The events of Onshape: those of its webhook guide, and those that only its API description lists
//! as callbacks of `createWebhook`.

use crate::event::group::Group::{Application, Document, Lifecycle, Plm, Workflow};
use crate::providers::catalog::entry::Standing::{Documented, Seen};
use crate::providers::catalog::entry::{Entry, Family, Known};

/// Every event string that Onshape has published.
pub const ENTRIES: &[Entry] = &[
    Entry::row(
        "onshape.model.lifecycle.changed",
        &DOCUMENTS,
        DOCUMENT,
        GUIDE.since("before 2020"),
        "A model was changed",
    ),
    Entry::row(
        "onshape.model.lifecycle.changed.externalreferences",
        &DOCUMENTS,
        DOCUMENT,
        GUIDE.since("before 2020"),
        "An external reference of a model changed",
    ),
    Entry::row(
        "onshape.model.lifecycle.changed.namedviews",
        &DOCUMENTS,
        DOCUMENT,
        DESCRIBED.since("by 2022-07"),
        "The named views of a model changed",
    ),
    Entry::row(
        "onshape.model.lifecycle.metadata",
        &DOCUMENTS,
        DOCUMENT,
        GUIDE.since("before 2020"),
        "Metadata of a part or an element was changed",
    ),
    Entry::row(
        "onshape.model.lifecycle.createversion",
        &DOCUMENTS,
        DOCUMENT,
        GUIDE.since("2019-09"),
        "A version of a document was created",
    ),
    Entry::row(
        "onshape.model.lifecycle.createworkspace",
        &WORKSPACES,
        DOCUMENT,
        GUIDE.since("before 2020"),
        "A workspace was created",
    ),
    Entry::row(
        "onshape.model.lifecycle.deleteworkspace",
        &WORKSPACES,
        DOCUMENT,
        DESCRIBED.since("2023-02"),
        "A workspace was deleted",
    ),
    Entry::row(
        "onshape.model.lifecycle.mergeworkspace",
        &WORKSPACES,
        DOCUMENT,
        DESCRIBED.since("2023-02"),
        "A workspace or version was merged into a workspace",
    ),
    Entry::row(
        "onshape.model.lifecycle.restoreworkspace",
        &WORKSPACES,
        DOCUMENT,
        DESCRIBED.since("2023-02"),
        "A workspace was restored to an earlier state",
    ),
    Entry::row(
        "onshape.model.lifecycle.updateworkspaceunits",
        &WORKSPACES,
        DOCUMENT,
        DESCRIBED.since("2023-02"),
        "The units of a workspace were changed",
    ),
    Entry::row(
        "onshape.model.lifecycle.createelement",
        &DOCUMENTS,
        DOCUMENT,
        GUIDE.since("before 2020"),
        "An element (tab) was created",
    ),
    Entry::row(
        "onshape.model.lifecycle.deleteelement",
        &DOCUMENTS,
        DOCUMENT,
        GUIDE.since("before 2020"),
        "An element (tab) was deleted",
    ),
    Entry::row(
        "onshape.model.translation.complete",
        &DOCUMENTS,
        DOCUMENT,
        GUIDE.since("before 2020"),
        "A translation request is complete",
    ),
    Entry::row(
        "onshape.document.lifecycle.created",
        &DOCUMENTS,
        DOCUMENT,
        GUIDE.since("before 2020"),
        "A document was created",
    ),
    Entry::row(
        "onshape.document.lifecycle.statechange",
        &DOCUMENTS,
        &["documentId"],
        GUIDE.since("before 2020"),
        "A document became active, went to the trash or was deleted",
    ),
    Entry::row(
        "onshape.document.lifecycle.shared",
        &DOCUMENTS,
        DOCUMENT,
        GUIDE.since("2025-08"),
        "A document's sharing was changed",
    ),
    Entry::row(
        "onshape.revision.created",
        &REVISIONS,
        DOCUMENT,
        GUIDE.since("2019-09"),
        "A revision was created by a release",
    ),
    Entry::row(
        "onshape.comment.create",
        &DOCUMENTS,
        DOCUMENT,
        GUIDE.since("2021-07"),
        "A comment was written",
    ),
    Entry::row(
        "onshape.comment.update",
        &DOCUMENTS,
        DOCUMENT,
        GUIDE.since("2021-07"),
        "A comment was changed",
    ),
    Entry::row(
        "onshape.comment.delete",
        &DOCUMENTS,
        DOCUMENT,
        GUIDE.since("2021-07"),
        "A comment was deleted",
    ),
    Entry::row(
        "onshape.workflow.transition",
        &WORKFLOWS,
        COMPANY,
        GUIDE.since("by 2020-05"),
        "A release package, revision or task moved in its workflow",
    ),
    Entry::row(
        "onshape.user.lifecycle.updateappsettings",
        &SETTINGS,
        &["clientId"],
        GUIDE.since("before 2020"),
        "A user's settings of an application were changed",
    ),
    // The guide has neither; that both need a company is our reading of their bodies.
    Entry::row(
        "onshape.plm.job.created",
        &JOBS,
        COMPANY,
        DESCRIBED.since("2025-11"),
        "A PLM synchronisation job was created",
    ),
    Entry::row(
        "onshape.plm.settings.changed",
        &JOBS,
        COMPANY,
        DESCRIBED.since("2025-11"),
        "The PLM settings were changed",
    ),
    Entry::row(
        "webhook.register",
        &WEBHOOKS,
        NOBODY,
        GUIDE.since("before 2020"),
        "A webhook was registered",
    ),
    Entry::row(
        "webhook.ping",
        &WEBHOOKS,
        NOBODY,
        GUIDE.since("before 2020"),
        "A webhook was asked to show that it works",
    ),
    Entry::row(
        "webhook.unregister",
        &WEBHOOKS,
        NOBODY,
        GUIDE.since("before 2020"),
        "A webhook was unregistered",
    ),
];

const DOCUMENTS: Family = Family {
    name: "document",
    group: Document,
    system: None,
    subject: "documentId, workspaceId, versionId, elementId",
    key: "documentId",
    time: "timestamp",
    actor: "userId, identityId",
};
const WORKSPACES: Family = Family { name: "workspace", ..DOCUMENTS };
const REVISIONS: Family = Family { name: "revision", ..DOCUMENTS };
const WORKFLOWS: Family = Family {
    name: "workflow",
    group: Workflow,
    subject: "objectType, objectId",
    key: "objectId",
    actor: "",
    ..DOCUMENTS
};
const SETTINGS: Family = Family {
    name: "application",
    group: Application,
    subject: "clientId",
    key: "clientId",
    ..DOCUMENTS
};
const JOBS: Family = Family {
    name: "PLM",
    group: Plm,
    subject: "documentId, jobId, webhookId",
    key: "documentId, jobId, webhookId",
    actor: "",
    ..DOCUMENTS
};
const WEBHOOKS: Family = Family {
    name: "lifecycle",
    group: Lifecycle,
    subject: "documentId, webhookId",
    key: "documentId, webhookId",
    actor: "",
    ..DOCUMENTS
};

const GUIDE: Known = Known { standing: Documented, since: None, source: "guide to webhooks" };
const DESCRIBED: Known = Known { standing: Seen, since: None, source: "API description" };

const DOCUMENT: &[&str] = &["documentId", "companyId"];
const COMPANY: &[&str] = &["companyId"];
/// Sent to every webhook without asking.
const NOBODY: &[&str] = &[];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_holds_the_seventeen_of_the_guide_and_all_that_are_published() {
        let of_the_guide = ENTRIES
            .iter()
            .filter(|entry| entry.known.standing == Documented && entry.group != Lifecycle)
            .count();

        // Fifteen of documents, the workflow's, the application's.
        assert_eq!(of_the_guide, 17);
        let sources = [GUIDE.source, DESCRIBED.source];
        let published = ENTRIES.iter().filter(|entry| sources.contains(&entry.known.source));
        assert_eq!(published.count(), 27);
    }
}
