use super::*;
use crate::webhooks::scope::Scope;

fn scope(key: &str) -> Scope {
    Scope::default().with(key, "x")
}

fn events(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn each_onshape_event_needs_one_of_its_own_keys() {
    for (names, key, fits) in [
        (&["onshape.model.lifecycle.changed"][..], "documentId", true),
        (&["onshape.model.lifecycle.changed"], "companyId", true),
        (&["onshape.model.lifecycle.changed"], "clientId", false),
        (&["onshape.document.lifecycle.statechange"], "companyId", false),
        (&["onshape.workflow.transition"], "documentId", false),
        (&["onshape.user.lifecycle.updateappsettings"], "clientId", true),
        (&["onshape.new.event"], "folderId", true),
        (&["onshape.new.event"], "nonsense", false),
    ] {
        let verdict = onshape_scope(&events(names), &scope(key));

        assert_eq!(verdict.is_ok(), fits, "{names:?} {key}: {verdict:?}");
    }
}

#[test]
fn an_unknown_event_is_refused_with_the_nearest_names_or_sent_with_a_warning() {
    let typo = aps_event(None, "dm.version.aded").unwrap_err();
    let unknown = onshape_events(&events(&["onshape.model.new"])).unwrap();

    assert!(typo.to_string().contains("near it: dm.version.added"), "{typo}");
    assert!(onshape_events(&events(&["model.changed"])).is_err());
    assert!(unknown[0].contains("not in the catalog"), "{unknown:?}");
    assert_eq!(
        onshape_events(&events(&["webhook.ping"])),
        Err(Objection::Automatic("webhook.ping".into()))
    );
}

#[test]
fn the_system_of_an_aps_event_or_pattern_is_found_where_only_one_has_it() {
    let system = |given, event| aps_event(given, event).map(|target| target.system);

    assert_eq!(system(None, "dm.version.added").unwrap(), "data");
    assert_eq!(system(None, "extraction.*").unwrap(), "derivative");
    assert_eq!(system(None, "issue.created").unwrap(), "autodesk.construction.issues");
    assert_eq!(system(None, "*"), Err(Objection::NoSystem("*".into())));
    assert_eq!(system(Some("adsk.new"), "new.event").unwrap(), "adsk.new");
    assert!(aps_event(Some("adsk.new"), "new.event").unwrap().warning.is_some());
}

#[test]
fn an_aps_scope_is_one_key_that_fits() {
    let check = |event, scope: &Scope| aps_scope("data", event, scope);
    let workflow = |text: &str| {
        aps_scope("derivative", "extraction.*", &Scope::default().with("workflow", text))
    };

    let issue = |project| {
        let scope = Scope::default().with("project", project);
        aps_scope("autodesk.construction.issues", "issue.created-1.0", &scope)
    };

    assert_eq!(check("dm.*", &scope("folder")), Ok(None));
    assert!(matches!(check("dm.*", &scope("project")), Err(Objection::WrongScope { .. })));
    assert!(matches!(check("dm.*", &Scope::default()), Err(Objection::NoScope { .. })));
    assert_eq!(check("dm.*", &scope("folder").with("project", "x")), Err(Objection::ManyScopes(2)));
    assert_eq!(workflow("my-flow.1"), Ok(None));
    assert_eq!(issue("4f1c"), Ok(None));
    assert!(issue("b.4f1c").unwrap().is_some());
    assert_eq!(workflow("my flow"), Err(Objection::BadWorkflow));
    assert_eq!(workflow(&"x".repeat(36)), Err(Objection::BadWorkflow));
}
