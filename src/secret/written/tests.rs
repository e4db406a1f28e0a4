use super::*;
use std::io::Write as _;

fn parse(json: &str) -> Result<Written, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

#[test]
fn a_secret_has_three_forms() {
    assert_eq!(parse(r#""s3cret""#), Ok(Written::Text("s3cret".into())));
    assert_eq!(parse(r#"{"env":"KEY"}"#), Ok(Written::Env("KEY".into())));
    assert_eq!(parse(r#"{"file":"/run/key"}"#), Ok(Written::File("/run/key".into())));
}

#[test]
fn any_other_form_is_refused_with_those_that_are_taken() {
    for (json, says) in [
        ("7", "put it in quotes"),
        ("[]", "expected a secret: text"),
        ("{}", "an empty table is no secret"),
        (r#"{"vault":"x"}"#, "unknown field `vault`, expected `env` or `file`"),
        (r#"{"env":"A","file":"b"}"#, "not in both"),
        (r#"{"env":"A","mode":"b"}"#, "unknown field `mode`"),
    ] {
        let error = parse(json).unwrap_err();

        assert!(error.contains(says), "{json}: {error}");
    }
}

#[test]
fn one_secret_is_a_list_of_one() {
    let parse = |json| serde_json::from_str::<List>(json).unwrap().0;

    assert_eq!(parse(r#""a""#), [Written::Text("a".into())]);
    assert_eq!(parse(r#"{"env":"A"}"#), [Written::Env("A".into())]);
    assert_eq!(parse(r#"["a",{"env":"A"}]"#).len(), 2);
}

#[test]
fn a_file_is_read_without_its_last_newline() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"s3 cret\r\n").unwrap();

    let resolved = Written::File(file.path().to_owned()).resolve().unwrap();

    assert_eq!(resolved.reveal(), "s3 cret");
}

#[test]
fn what_stands_around_a_secret_in_its_file_is_refused_with_the_reason() {
    for (written, reason) in [
        (" s3cret", "blanks"),
        ("s3cret \n", "blanks"),
        ("s3cret\n\n", "more than one newline"),
        ("\u{feff}s3cret", "byte order mark"),
        ("\"s3cret\"\n", "quotes"),
        ("'s3cret'", "quotes"),
    ] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), written).unwrap();

        let error = Written::File(file.path().to_owned()).resolve().unwrap_err().to_string();

        assert!(error.contains(reason) && !error.contains("s3cret\n"), "{written:?}: {error}");
    }
}

#[test]
fn a_secret_that_is_not_there_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let says = |secret: Written| secret.resolve().unwrap_err().to_string();

    assert!(says(Written::Text(String::new())).contains("is empty"));
    assert!(says(Written::Env("CADRELAY_NOT_SET".into())).contains("CADRELAY_NOT_SET is not set"));
    assert!(says(Written::File("/no/such/file".into())).contains("/no/such/file"));
    assert!(says(Written::File(file.path().to_owned())).ends_with("is empty"));
}

#[test]
fn a_variable_is_read() {
    let path = Written::Env("PATH".into()).resolve().unwrap();

    assert_eq!(Some(path.reveal()), std::env::var("PATH").ok().as_deref());
}

#[test]
fn a_secret_is_never_shown() {
    let secret = Written::Text("s3cret".into());

    assert_eq!(format!("{secret:?} {:?}", secret.resolve().unwrap()), "*** ***");
}
