//! The events of Autodesk Platform Services: the 89 of eight systems in its API description, and those
//! of its other pages and samples.
//!
//! Names of the construction systems end in `-1.0` where a callback carries them; the API description
//! leaves it off for BuildingConnected. [`crate::providers::catalog::find`] takes both.

use crate::event::group::Group::{
    self, Bc, C4r, Cost, Data, Derivative, Flc, Issues, Other, Reviews, Tandem,
};
use crate::providers::catalog::entry::Standing::{self, Documented, Seen};
use crate::providers::catalog::entry::{Entry, Family, Known};

/// Every event of APS that we know of.
pub const ENTRIES: &[Entry] = &[
    Entry::row("dm.version.added", &VERSIONS, FOLDER, DESCRIBED, "A version of a file was added"),
    Entry::row(
        "dm.version.modified",
        &VERSIONS,
        FOLDER,
        DESCRIBED,
        "A version was changed, also each step of its processing",
    ),
    Entry::row("dm.version.deleted", &VERSIONS, FOLDER, DESCRIBED, "A version was deleted"),
    Entry::row(
        "dm.version.moved",
        &VERSIONS,
        FOLDER,
        DESCRIBED,
        "A version was moved into the scope",
    ),
    Entry::row(
        "dm.version.moved.out",
        &VERSIONS,
        FOLDER,
        DESCRIBED,
        "A version was moved out of the scope",
    ),
    Entry::row(
        "dm.version.copied",
        &VERSIONS,
        FOLDER,
        DESCRIBED,
        "A version was copied into the scope",
    ),
    Entry::row(
        "dm.version.copied.out",
        &VERSIONS,
        FOLDER,
        DESCRIBED,
        "A version was copied out of the scope",
    ),
    Entry::row(
        "dm.lineage.reserved",
        &VERSIONS,
        FOLDER,
        DESCRIBED,
        "A file was reserved by a user",
    ),
    Entry::row(
        "dm.lineage.unreserved",
        &VERSIONS,
        FOLDER,
        DESCRIBED,
        "A file was released by its user",
    ),
    Entry::row(
        "dm.lineage.updated",
        &VERSIONS,
        FOLDER,
        DESCRIBED,
        "A file was changed as a whole, not one version",
    ),
    Entry::row("dm.folder.added", &FOLDERS, FOLDER, DESCRIBED, "A folder was added"),
    Entry::row("dm.folder.modified", &FOLDERS, FOLDER, DESCRIBED, "A folder was changed"),
    Entry::row("dm.folder.deleted", &FOLDERS, FOLDER, DESCRIBED, "A folder was deleted"),
    Entry::row("dm.folder.purged", &FOLDERS, FOLDER, DESCRIBED, "A folder was removed for good"),
    Entry::row("dm.folder.moved", &FOLDERS, FOLDER, DESCRIBED, "A folder was moved into the scope"),
    Entry::row(
        "dm.folder.moved.out",
        &FOLDERS,
        FOLDER,
        DESCRIBED,
        "A folder was moved out of the scope",
    ),
    Entry::row(
        "dm.folder.copied",
        &FOLDERS,
        FOLDER,
        DESCRIBED,
        "A folder was copied into the scope",
    ),
    Entry::row(
        "dm.folder.copied.out",
        &FOLDERS,
        FOLDER,
        DESCRIBED,
        "A folder was copied out of the scope",
    ),
    Entry::row(
        "dm.operation.started",
        &OPERATIONS,
        FOLDER,
        DESCRIBED,
        "A long operation on files or folders began",
    ),
    Entry::row(
        "dm.operation.completed",
        &OPERATIONS,
        FOLDER,
        DESCRIBED,
        "A long operation on files or folders ended",
    ),
    Entry::row(
        "extraction.finished",
        &EXTRACTIONS,
        WORKFLOW,
        DESCRIBED,
        "A translation ended, well or not: see its status",
    ),
    Entry::row(
        "extraction.updated",
        &EXTRACTIONS,
        WORKFLOW,
        DESCRIBED,
        "A translation made progress",
    ),
    Entry::row("model.sync", &REVIT, FOLDER, DESCRIBED, "A Revit cloud model was synchronised"),
    Entry::row(
        "model.publish",
        &REVIT,
        FOLDER,
        DESCRIBED,
        "Publishing a Revit cloud model was queued or began",
    ),
    Entry::row("item.clone", &ITEMS, WORKSPACE, DESCRIBED, "An item was cloned"),
    Entry::row("item.create", &ITEMS, WORKSPACE, DESCRIBED, "An item was created"),
    Entry::row("item.lock", &ITEMS, WORKSPACE, DESCRIBED, "An item was locked"),
    Entry::row("item.release", &ITEMS, WORKSPACE, DESCRIBED, "An item was released"),
    Entry::row("item.unlock", &ITEMS, WORKSPACE, DESCRIBED, "An item was unlocked"),
    Entry::row("item.update", &ITEMS, WORKSPACE, DESCRIBED, "An item was changed"),
    Entry::row(
        "workflow.transition",
        &ITEMS,
        TRANSITION,
        DESCRIBED,
        "An item moved in its workflow",
    ),
    Entry::row("budget.created-1.0", &COSTS, PROJECT, DESCRIBED, "A budget was created"),
    Entry::row("budget.updated-1.0", &COSTS, PROJECT, DESCRIBED, "A budget was changed"),
    Entry::row("budget.deleted-1.0", &COSTS, PROJECT, DESCRIBED, "A budget was deleted"),
    Entry::row(
        "budgetPayment.created-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A budget payment application was created",
    ),
    Entry::row(
        "budgetPayment.updated-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A budget payment application was changed",
    ),
    Entry::row(
        "budgetPayment.deleted-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A budget payment application was deleted",
    ),
    Entry::row("contract.created-1.0", &COSTS, PROJECT, DESCRIBED, "A contract was created"),
    Entry::row("contract.updated-1.0", &COSTS, PROJECT, DESCRIBED, "A contract was changed"),
    Entry::row("contract.deleted-1.0", &COSTS, PROJECT, DESCRIBED, "A contract was deleted"),
    Entry::row("cor.created-1.0", &COSTS, PROJECT, DESCRIBED, "A change order request was created"),
    Entry::row("cor.updated-1.0", &COSTS, PROJECT, DESCRIBED, "A change order request was changed"),
    Entry::row("cor.deleted-1.0", &COSTS, PROJECT, DESCRIBED, "A change order request was deleted"),
    Entry::row(
        "costPayment.created-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A cost payment application was created",
    ),
    Entry::row(
        "costPayment.updated-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A cost payment application was changed",
    ),
    Entry::row(
        "costPayment.deleted-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A cost payment application was deleted",
    ),
    Entry::row("expense.created-1.0", &COSTS, PROJECT, DESCRIBED, "An expense was created"),
    Entry::row("expense.updated-1.0", &COSTS, PROJECT, DESCRIBED, "An expense was changed"),
    Entry::row("expense.deleted-1.0", &COSTS, PROJECT, DESCRIBED, "An expense was deleted"),
    Entry::row(
        "expenseItem.created-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "An item of an expense was created",
    ),
    Entry::row(
        "expenseItem.updated-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "An item of an expense was changed",
    ),
    Entry::row(
        "expenseItem.deleted-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "An item of an expense was deleted",
    ),
    Entry::row(
        "mainContract.created-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A main contract was created",
    ),
    Entry::row(
        "mainContract.updated-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A main contract was changed",
    ),
    Entry::row(
        "mainContract.deleted-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A main contract was deleted",
    ),
    Entry::row(
        "mainContractItem.created-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "An item of a main contract was created",
    ),
    Entry::row(
        "mainContractItem.updated-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "An item of a main contract was changed",
    ),
    Entry::row(
        "mainContractItem.deleted-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "An item of a main contract was deleted",
    ),
    Entry::row("oco.created-1.0", &COSTS, PROJECT, DESCRIBED, "An owner change order was created"),
    Entry::row("oco.updated-1.0", &COSTS, PROJECT, DESCRIBED, "An owner change order was changed"),
    Entry::row("oco.deleted-1.0", &COSTS, PROJECT, DESCRIBED, "An owner change order was deleted"),
    Entry::row(
        "pco.created-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A potential change order was created",
    ),
    Entry::row(
        "pco.updated-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A potential change order was changed",
    ),
    Entry::row(
        "pco.deleted-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A potential change order was deleted",
    ),
    Entry::row(
        "rfq.created-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A request for quotation was created",
    ),
    Entry::row(
        "rfq.updated-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A request for quotation was changed",
    ),
    Entry::row(
        "rfq.deleted-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A request for quotation was deleted",
    ),
    Entry::row(
        "scheduleOfValue.created-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A schedule of values was created",
    ),
    Entry::row(
        "scheduleOfValue.updated-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A schedule of values was changed",
    ),
    Entry::row(
        "scheduleOfValue.deleted-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A schedule of values was deleted",
    ),
    Entry::row(
        "sco.created-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A supplier change order was created",
    ),
    Entry::row(
        "sco.updated-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A supplier change order was changed",
    ),
    Entry::row(
        "sco.deleted-1.0",
        &COSTS,
        PROJECT,
        DESCRIBED,
        "A supplier change order was deleted",
    ),
    Entry::row(
        "project.initialized-1.0",
        &COSTS,
        ACCOUNT,
        DESCRIBED,
        "Cost management was set up for a project",
    ),
    Entry::row(
        "segmentValue.created-1.0",
        &COSTS,
        PROJECT,
        EMULATED,
        "A value of a budget code segment was created",
    ),
    Entry::row(
        "segmentValue.updated-1.0",
        &COSTS,
        PROJECT,
        EMULATED,
        "A value of a budget code segment was changed",
    ),
    Entry::row(
        "segmentValue.deleted-1.0",
        &COSTS,
        PROJECT,
        EMULATED,
        "A value of a budget code segment was deleted",
    ),
    Entry::row(
        "bid.created-1.0",
        &BIDS,
        COMPANY,
        DESCRIBED.since("by 2024-07"),
        "A bid was submitted",
    ),
    Entry::row(
        "opportunity.created-1.0",
        &BIDS,
        COMPANY,
        DESCRIBED.since("by 2024-07"),
        "An opportunity was created",
    ),
    Entry::row(
        "opportunity.status.updated-1.0",
        &BIDS,
        COMPANY,
        DESCRIBED.since("by 2024-07"),
        "The status of an opportunity changed",
    ),
    Entry::row(
        "opportunity.comment.created-1.0",
        &BIDS,
        COMPANY,
        DESCRIBED.since("by 2024-07"),
        "A comment on an opportunity was written",
    ),
    Entry::row(
        "opportunity.comment.updated-1.0",
        &BIDS,
        COMPANY,
        DESCRIBED.since("by 2024-07"),
        "A comment on an opportunity was changed",
    ),
    Entry::row(
        "opportunity.comment.deleted-1.0",
        &BIDS,
        COMPANY,
        DESCRIBED.since("by 2024-07"),
        "A comment on an opportunity was deleted",
    ),
    Entry::row("issue.created-1.0", &ISSUES, PROJECT, DESCRIBED, "An issue was created"),
    Entry::row("issue.updated-1.0", &ISSUES, PROJECT, DESCRIBED, "An issue was changed"),
    Entry::row("issue.deleted-1.0", &ISSUES, PROJECT, DESCRIBED, "An issue was deleted"),
    Entry::row("issue.restored-1.0", &ISSUES, PROJECT, DESCRIBED, "A deleted issue was restored"),
    Entry::row(
        "issue.unlinked-1.0",
        &ISSUES,
        PROJECT,
        DESCRIBED,
        "An issue lost its place in a drawing or model",
    ),
    Entry::row(
        "comment.created-1.0",
        &ISSUES,
        PROJECT,
        LISTED.since("by 2026-10"),
        "A comment on an issue was written",
    ),
    Entry::row(
        "review.created-1.0",
        &REVIEWS,
        PROJECT,
        TOLD_BY_BLOG,
        "A review was created, or failed to be: see its status",
    ),
    Entry::row("review.closed-1.0", &REVIEWS, PROJECT, TOLD_BY_BLOG, "A review was closed"),
    Entry::row("dt.applyTemplate", &TWINS, TWIN, DESCRIBED, "A facility template was applied"),
    Entry::row("dt.removeTemplate", &TWINS, TWIN, DESCRIBED, "A facility template was removed"),
    Entry::row("dt.alert", &TWINS, TWIN, DESCRIBED, "An alert of a facility was raised"),
    Entry::row("dt.mutation", &TWINS, TWIN, DESCRIBED, "Elements of a facility were changed"),
    Entry::row("cr.created", &UPCHAIN, UNPUBLISHED, HELP, "Upchain: a change request was created"),
    Entry::row("item.created", &UPCHAIN, UNPUBLISHED, HELP, "Upchain: an item was created"),
];

const VERSIONS: Family = Family {
    key: "payload.lineageUrn, resourceUrn without its version",
    time: "payload.modifiedTime, payload.createdTime",
    actor: "payload.user_info.id, payload.modifiedBy",
    ..family("version or lineage", Data, DATA)
};
const FOLDERS: Family = Family {
    time: "payload.modifiedTime, payload.createdTime",
    actor: "payload.user_info.id, payload.modifiedBy",
    ..family("folder", Data, DATA)
};
const OPERATIONS: Family =
    Family { actor: "payload.userInfo.id", ..family("operation", Data, DATA) };
const EXTRACTIONS: Family =
    Family { time: "payload.TimeStamp", ..family("extraction", Derivative, DERIVATIVE) };
const REVIT: Family = family("Revit model", C4r, C4R);
const ITEMS: Family = family("item", Flc, FLC);
const COSTS: Family = Family { time: "payload.updatedAt", ..family("cost", Cost, COST) };
const BIDS: Family = family("bid", Bc, BC);
const ISSUES: Family =
    Family { time: "payload.updatedAt", ..family("issue", Issues, ISSUES_SYSTEM) };
const REVIEWS: Family = family("review", Reviews, REVIEWS_SYSTEM);
const TWINS: Family = family("twin", Tandem, TANDEM);
const UPCHAIN: Family = family("Upchain", Other, UPCHAIN_SYSTEM);

const DATA: &str = "data";
const DERIVATIVE: &str = "derivative";
const C4R: &str = "adsk.c4r";
const FLC: &str = "adsk.flc.production";
const COST: &str = "autodesk.construction.cost";
const BC: &str = "autodesk.construction.bc";
const ISSUES_SYSTEM: &str = "autodesk.construction.issues";
const REVIEWS_SYSTEM: &str = "autodesk.construction.reviews";
const TANDEM: &str = "adsk.tandem";
const UPCHAIN_SYSTEM: &str = "adsk.upchain.live";

const DESCRIBED: Known = known(Documented, "API description");
const LISTED: Known = known(Seen, "page of events");
const TOLD_BY_BLOG: Known = known(Seen, "blog and reference");
const EMULATED: Known = known(Seen, "an emulator of others");
const HELP: Known = known(Seen, "help of Upchain");

const FOLDER: &[&str] = &["folder"];
const WORKFLOW: &[&str] = &["workflow"];
const WORKSPACE: &[&str] = &["workspace"];
/// One key, with a dot in it.
const TRANSITION: &[&str] = &["workflow.transition"];
const PROJECT: &[&str] = &["project"];
const ACCOUNT: &[&str] = &["account"];
const COMPANY: &[&str] = &["companyId"];
const TWIN: &[&str] = &["twinUrn"];
const UNPUBLISHED: &[&str] = &[];

/// The group of a system, which owns it even where the event is new to us.
pub fn group_of_system(system: &str) -> Option<Group> {
    // Upchain's live and early-access systems have no topic of their own.
    let group = match system {
        DATA => Data,
        DERIVATIVE => Derivative,
        C4R => C4r,
        FLC => Flc,
        COST => Cost,
        BC => Bc,
        ISSUES_SYSTEM => Issues,
        REVIEWS_SYSTEM => Reviews,
        TANDEM => Tandem,
        _ => return None,
    };
    Some(group)
}

/// The usual family: about its resource, and nothing is known of time and actor.
const fn family(name: &'static str, group: Group, system: &'static str) -> Family {
    Family {
        name,
        group,
        system: Some(system),
        subject: "resourceUrn",
        key: "resourceUrn without its version",
        time: "",
        actor: "",
    }
}

const fn known(standing: Standing, source: &'static str) -> Known {
    Known { standing, since: None, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_catalog_holds_the_eighty_nine_events_of_the_eight_documented_systems() {
        let documented: Vec<_> =
            ENTRIES.iter().filter(|entry| entry.known.standing == Documented).collect();
        let systems: BTreeSet<_> = documented.iter().map(|entry| entry.system).collect();

        assert_eq!(documented.len(), 89);
        assert_eq!(systems.len(), 8);
    }

    #[test]
    fn the_group_of_a_row_is_that_of_its_system() {
        for entry in ENTRIES {
            let of_system = entry.system.and_then(group_of_system).unwrap_or(Other);

            assert_eq!(entry.group, of_system, "{}", entry.event);
        }
    }
}
