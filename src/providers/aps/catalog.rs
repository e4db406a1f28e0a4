//! The events of Autodesk Platform Services: the 89 of eight systems in its API description, and those
//! of its other pages and samples.
//!
//! Names of the construction systems end in `-1.0` where a callback carries them; the API description
//! leaves it off for BuildingConnected. [`crate::providers::catalog::find`] takes both.

use crate::event::group::Group::{
    self, Bc, C4r, Cost, Data, Derivative, Flc, Issues, Other, Reviews, Tandem,
};
use crate::providers::catalog::Entry;
use crate::providers::catalog::Standing::{self, Documented, Seen};

/// Every event of APS that we know of.
pub const ENTRIES: &[Entry] = &[
    row("dm.version.added", Data, DATA, FOLDER, Documented, "A version of a file was added"),
    row(
        "dm.version.modified",
        Data,
        DATA,
        FOLDER,
        Documented,
        "A version was changed, also each step of its processing",
    ),
    row("dm.version.deleted", Data, DATA, FOLDER, Documented, "A version was deleted"),
    row("dm.version.moved", Data, DATA, FOLDER, Documented, "A version was moved into the scope"),
    row(
        "dm.version.moved.out",
        Data,
        DATA,
        FOLDER,
        Documented,
        "A version was moved out of the scope",
    ),
    row("dm.version.copied", Data, DATA, FOLDER, Documented, "A version was copied into the scope"),
    row(
        "dm.version.copied.out",
        Data,
        DATA,
        FOLDER,
        Documented,
        "A version was copied out of the scope",
    ),
    row("dm.lineage.reserved", Data, DATA, FOLDER, Documented, "A file was reserved by a user"),
    row("dm.lineage.unreserved", Data, DATA, FOLDER, Documented, "A file was released by its user"),
    row(
        "dm.lineage.updated",
        Data,
        DATA,
        FOLDER,
        Documented,
        "A file was changed as a whole, not one version",
    ),
    row("dm.folder.added", Data, DATA, FOLDER, Documented, "A folder was added"),
    row("dm.folder.modified", Data, DATA, FOLDER, Documented, "A folder was changed"),
    row("dm.folder.deleted", Data, DATA, FOLDER, Documented, "A folder was deleted"),
    row("dm.folder.purged", Data, DATA, FOLDER, Documented, "A folder was removed for good"),
    row("dm.folder.moved", Data, DATA, FOLDER, Documented, "A folder was moved into the scope"),
    row(
        "dm.folder.moved.out",
        Data,
        DATA,
        FOLDER,
        Documented,
        "A folder was moved out of the scope",
    ),
    row("dm.folder.copied", Data, DATA, FOLDER, Documented, "A folder was copied into the scope"),
    row(
        "dm.folder.copied.out",
        Data,
        DATA,
        FOLDER,
        Documented,
        "A folder was copied out of the scope",
    ),
    row(
        "dm.operation.started",
        Data,
        DATA,
        FOLDER,
        Documented,
        "A long operation on files or folders began",
    ),
    row(
        "dm.operation.completed",
        Data,
        DATA,
        FOLDER,
        Documented,
        "A long operation on files or folders ended",
    ),
    row(
        "extraction.finished",
        Derivative,
        DERIVATIVE,
        WORKFLOW,
        Documented,
        "A translation ended, well or not: see its status",
    ),
    row(
        "extraction.updated",
        Derivative,
        DERIVATIVE,
        WORKFLOW,
        Documented,
        "A translation made progress",
    ),
    row("model.sync", C4r, C4R, FOLDER, Documented, "A Revit cloud model was synchronised"),
    row(
        "model.publish",
        C4r,
        C4R,
        FOLDER,
        Documented,
        "Publishing a Revit cloud model was queued or began",
    ),
    row("item.clone", Flc, FLC, WORKSPACE, Documented, "An item was cloned"),
    row("item.create", Flc, FLC, WORKSPACE, Documented, "An item was created"),
    row("item.lock", Flc, FLC, WORKSPACE, Documented, "An item was locked"),
    row("item.release", Flc, FLC, WORKSPACE, Documented, "An item was released"),
    row("item.unlock", Flc, FLC, WORKSPACE, Documented, "An item was unlocked"),
    row("item.update", Flc, FLC, WORKSPACE, Documented, "An item was changed"),
    row("workflow.transition", Flc, FLC, TRANSITION, Documented, "An item moved in its workflow"),
    row("budget.created-1.0", Cost, COST, PROJECT, Documented, "A budget was created"),
    row("budget.updated-1.0", Cost, COST, PROJECT, Documented, "A budget was changed"),
    row("budget.deleted-1.0", Cost, COST, PROJECT, Documented, "A budget was deleted"),
    row(
        "budgetPayment.created-1.0",
        Cost,
        COST,
        PROJECT,
        Documented,
        "A budget payment application was created",
    ),
    row(
        "budgetPayment.updated-1.0",
        Cost,
        COST,
        PROJECT,
        Documented,
        "A budget payment application was changed",
    ),
    row(
        "budgetPayment.deleted-1.0",
        Cost,
        COST,
        PROJECT,
        Documented,
        "A budget payment application was deleted",
    ),
    row("contract.created-1.0", Cost, COST, PROJECT, Documented, "A contract was created"),
    row("contract.updated-1.0", Cost, COST, PROJECT, Documented, "A contract was changed"),
    row("contract.deleted-1.0", Cost, COST, PROJECT, Documented, "A contract was deleted"),
    row("cor.created-1.0", Cost, COST, PROJECT, Documented, "A change order request was created"),
    row("cor.updated-1.0", Cost, COST, PROJECT, Documented, "A change order request was changed"),
    row("cor.deleted-1.0", Cost, COST, PROJECT, Documented, "A change order request was deleted"),
    row(
        "costPayment.created-1.0",
        Cost,
        COST,
        PROJECT,
        Documented,
        "A cost payment application was created",
    ),
    row(
        "costPayment.updated-1.0",
        Cost,
        COST,
        PROJECT,
        Documented,
        "A cost payment application was changed",
    ),
    row(
        "costPayment.deleted-1.0",
        Cost,
        COST,
        PROJECT,
        Documented,
        "A cost payment application was deleted",
    ),
    row("expense.created-1.0", Cost, COST, PROJECT, Documented, "An expense was created"),
    row("expense.updated-1.0", Cost, COST, PROJECT, Documented, "An expense was changed"),
    row("expense.deleted-1.0", Cost, COST, PROJECT, Documented, "An expense was deleted"),
    row(
        "expenseItem.created-1.0",
        Cost,
        COST,
        PROJECT,
        Documented,
        "An item of an expense was created",
    ),
    row(
        "expenseItem.updated-1.0",
        Cost,
        COST,
        PROJECT,
        Documented,
        "An item of an expense was changed",
    ),
    row(
        "expenseItem.deleted-1.0",
        Cost,
        COST,
        PROJECT,
        Documented,
        "An item of an expense was deleted",
    ),
    row("mainContract.created-1.0", Cost, COST, PROJECT, Documented, "A main contract was created"),
    row("mainContract.updated-1.0", Cost, COST, PROJECT, Documented, "A main contract was changed"),
    row("mainContract.deleted-1.0", Cost, COST, PROJECT, Documented, "A main contract was deleted"),
    row(
        "mainContractItem.created-1.0",
        Cost,
        COST,
        PROJECT,
        Documented,
        "An item of a main contract was created",
    ),
    row(
        "mainContractItem.updated-1.0",
        Cost,
        COST,
        PROJECT,
        Documented,
        "An item of a main contract was changed",
    ),
    row(
        "mainContractItem.deleted-1.0",
        Cost,
        COST,
        PROJECT,
        Documented,
        "An item of a main contract was deleted",
    ),
    row("oco.created-1.0", Cost, COST, PROJECT, Documented, "An owner change order was created"),
    row("oco.updated-1.0", Cost, COST, PROJECT, Documented, "An owner change order was changed"),
    row("oco.deleted-1.0", Cost, COST, PROJECT, Documented, "An owner change order was deleted"),
    row("pco.created-1.0", Cost, COST, PROJECT, Documented, "A potential change order was created"),
    row("pco.updated-1.0", Cost, COST, PROJECT, Documented, "A potential change order was changed"),
    row("pco.deleted-1.0", Cost, COST, PROJECT, Documented, "A potential change order was deleted"),
    row("rfq.created-1.0", Cost, COST, PROJECT, Documented, "A request for quotation was created"),
    row("rfq.updated-1.0", Cost, COST, PROJECT, Documented, "A request for quotation was changed"),
    row("rfq.deleted-1.0", Cost, COST, PROJECT, Documented, "A request for quotation was deleted"),
    row(
        "scheduleOfValue.created-1.0",
        Cost,
        COST,
        PROJECT,
        Documented,
        "A schedule of values was created",
    ),
    row(
        "scheduleOfValue.updated-1.0",
        Cost,
        COST,
        PROJECT,
        Documented,
        "A schedule of values was changed",
    ),
    row(
        "scheduleOfValue.deleted-1.0",
        Cost,
        COST,
        PROJECT,
        Documented,
        "A schedule of values was deleted",
    ),
    row("sco.created-1.0", Cost, COST, PROJECT, Documented, "A supplier change order was created"),
    row("sco.updated-1.0", Cost, COST, PROJECT, Documented, "A supplier change order was changed"),
    row("sco.deleted-1.0", Cost, COST, PROJECT, Documented, "A supplier change order was deleted"),
    row(
        "project.initialized-1.0",
        Cost,
        COST,
        ACCOUNT,
        Documented,
        "Cost management was set up for a project",
    ),
    row(
        "segmentValue.created-1.0",
        Cost,
        COST,
        PROJECT,
        Seen,
        "A value of a budget code segment was created",
    ),
    row(
        "segmentValue.updated-1.0",
        Cost,
        COST,
        PROJECT,
        Seen,
        "A value of a budget code segment was changed",
    ),
    row(
        "segmentValue.deleted-1.0",
        Cost,
        COST,
        PROJECT,
        Seen,
        "A value of a budget code segment was deleted",
    ),
    row("bid.created-1.0", Bc, BC, COMPANY, Documented, "A bid was submitted"),
    row("opportunity.created-1.0", Bc, BC, COMPANY, Documented, "An opportunity was created"),
    row(
        "opportunity.status.updated-1.0",
        Bc,
        BC,
        COMPANY,
        Documented,
        "The status of an opportunity changed",
    ),
    row(
        "opportunity.comment.created-1.0",
        Bc,
        BC,
        COMPANY,
        Documented,
        "A comment on an opportunity was written",
    ),
    row(
        "opportunity.comment.updated-1.0",
        Bc,
        BC,
        COMPANY,
        Documented,
        "A comment on an opportunity was changed",
    ),
    row(
        "opportunity.comment.deleted-1.0",
        Bc,
        BC,
        COMPANY,
        Documented,
        "A comment on an opportunity was deleted",
    ),
    row("issue.created-1.0", Issues, ISSUES, PROJECT, Documented, "An issue was created"),
    row("issue.updated-1.0", Issues, ISSUES, PROJECT, Documented, "An issue was changed"),
    row("issue.deleted-1.0", Issues, ISSUES, PROJECT, Documented, "An issue was deleted"),
    row("issue.restored-1.0", Issues, ISSUES, PROJECT, Documented, "A deleted issue was restored"),
    row(
        "issue.unlinked-1.0",
        Issues,
        ISSUES,
        PROJECT,
        Documented,
        "An issue lost its place in a drawing or model",
    ),
    row("comment.created-1.0", Issues, ISSUES, PROJECT, Seen, "A comment on an issue was written"),
    row(
        "review.created-1.0",
        Reviews,
        REVIEWS,
        PROJECT,
        Seen,
        "A review was created, or failed to be: see its status",
    ),
    row("review.closed-1.0", Reviews, REVIEWS, PROJECT, Seen, "A review was closed"),
    row("dt.applyTemplate", Tandem, TANDEM, TWIN, Documented, "A facility template was applied"),
    row("dt.removeTemplate", Tandem, TANDEM, TWIN, Documented, "A facility template was removed"),
    row("dt.alert", Tandem, TANDEM, TWIN, Documented, "An alert of a facility was raised"),
    row("dt.mutation", Tandem, TANDEM, TWIN, Documented, "Elements of a facility were changed"),
    row("cr.created", Other, UPCHAIN, UNPUBLISHED, Seen, "Upchain: a change request was created"),
    row("item.created", Other, UPCHAIN, UNPUBLISHED, Seen, "Upchain: an item was created"),
];

const DATA: &str = "data";
const DERIVATIVE: &str = "derivative";
const C4R: &str = "adsk.c4r";
const FLC: &str = "adsk.flc.production";
const COST: &str = "autodesk.construction.cost";
const BC: &str = "autodesk.construction.bc";
const ISSUES: &str = "autodesk.construction.issues";
const REVIEWS: &str = "autodesk.construction.reviews";
const TANDEM: &str = "adsk.tandem";
const UPCHAIN: &str = "adsk.upchain.live";

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
        ISSUES => Issues,
        REVIEWS => Reviews,
        TANDEM => Tandem,
        _ => return None,
    };
    Some(group)
}

const fn row(
    event: &'static str,
    group: Group,
    system: &'static str,
    scope: &'static [&'static str],
    standing: Standing,
    meaning: &'static str,
) -> Entry {
    Entry { event, group, system: Some(system), scope, standing, meaning }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_catalog_holds_the_eighty_nine_events_of_the_eight_documented_systems() {
        let documented: Vec<_> =
            ENTRIES.iter().filter(|entry| entry.standing == Documented).collect();
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
