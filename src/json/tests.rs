use super::*;
use proptest::prelude::*;

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn a_hundred_and_twenty_eight_levels_are_read_and_no_more() {
    assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(parse(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err(), Fault::TooDeep);
    assert_eq!(parse(nested(500_000).as_bytes()).unwrap_err(), Fault::TooDeep);
    assert_eq!(parse("[".repeat(500_000).as_bytes()).unwrap_err(), Fault::NotJson);
}

#[test]
fn a_scalar_below_the_last_level_is_read() {
    let text = format!("{}7{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));

    assert!(parse(text.as_bytes()).is_ok());
}

#[test]
fn the_last_of_repeated_keys_wins_however_it_is_spelt() {
    let body = parse(br#"{"a":1,"b":2,"\u0061":3}"#).unwrap();
    let object = body.object().unwrap();

    assert_eq!(object.get("a").unwrap().raw(), "3");
    assert_eq!(object.iter().count(), 2);
}

#[test]
fn of_many_repeats_the_last_is_left() {
    for count in [3, FEW, FEW + 1] {
        let members: Vec<_> = (0..count).map(|at| format!(r#""k":{at}"#)).collect();
        let text = format!("{{{}}}", members.join(","));

        let body = parse(text.as_bytes()).unwrap();

        let raws: Vec<_> =
            body.object().unwrap().iter().map(|(_, value)| value.raw().to_owned()).collect();
        assert_eq!(raws, [(count - 1).to_string()]);
    }
}

#[test]
fn a_hundred_thousand_keys_are_read_each_once() {
    let members: Vec<_> = (0..100_000).map(|at| format!(r#""k{}":{at}"#, at % 50_000)).collect();
    let text = format!("{{{}}}", members.join(","));

    let body = parse(text.as_bytes()).unwrap();

    let object = body.object().unwrap();
    assert_eq!(object.iter().count(), 50_000);
    assert_eq!(object.get("k7").unwrap().raw(), "50007");
}

#[test]
fn what_says_nothing_is_absent() {
    let body = parse(
        br#"{"null":null,"empty":"","zeros":"000000000000000000000000","no":false,"zero":0}"#,
    )
    .unwrap();
    let object = body.object().unwrap();

    assert!(["null", "empty", "zeros"].iter().all(|key| object.get(key).is_none()));
    assert!(["no", "zero"].iter().all(|key| object.get(key).is_some()));
}

#[test]
fn text_that_cannot_be_a_name_is_none() {
    let body = parse(br#"["\ud800","a\nb","\ud83d\ude00","plain",7]"#).unwrap();
    let Kind::Array(items) = body.kind() else { panic!("an array") };

    let texts: Vec<_> = items.iter().map(|item| item.text().map(Cow::into_owned)).collect();

    assert_eq!(texts, [None, None, Some("😀".into()), Some("plain".into()), None]);
}

#[test]
fn what_is_no_json_is_refused_wherever_it_stands() {
    for text in [
        "",
        " ",
        "{",
        "[",
        "\"",
        "{]",
        "[}",
        "[1",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\" 1}",
        "{a:1}",
        "{1:1}",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[,]",
        "{,}",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "1 2",
        "nul",
        "nulll",
        "True",
        "01",
        "-",
        "-a",
        "+1",
        "1.",
        ".5",
        "1.e5",
        "1e",
        "1e+",
        "0x1",
        "--1",
        "1-",
        "00",
        "-01",
        "Infinity",
        "NaN",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\\"",
        "\"\\",
        "\"\\u\"",
        "\"a\nb\"",
        "\"\t\"",
        "\"\u{0}\"",
        "\u{b}1",
        "\u{a0}1",
        "\u{feff}1",
        "'a'",
        "[1]]",
        "/**/1",
        "// a\n1",
    ] {
        assert_eq!(parse(text.as_bytes()).unwrap_err(), Fault::NotJson, "{text:?}");
        let within = format!("{{\"a\":[{text}]}}");
        let is_json = serde_json::from_str::<IgnoredAny>(&within).is_ok();
        assert_eq!(parse(within.as_bytes()).is_ok(), is_json, "{within:?}");
    }
    for text in [
        "0",
        "-0",
        "0.0",
        "1E5",
        "1e-5",
        "0e0",
        "-10.25e+3",
        "\"\\u12aF\\/\\b\"",
        "[ ]",
        "{ }",
        "\r\n\t [\n1 ,\t2\r] ",
    ] {
        assert!(parse(text.as_bytes()).is_ok(), "{text:?}");
    }
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(199));
    assert_eq!(parse(deep.as_bytes()).unwrap_err(), Fault::NotJson);
}

/// JSON with one place changed, or none, and what parsers have stumbled over.
fn nearly_json() -> impl Strategy<Value = String> {
    let sound = prop_oneof![
        Just(r#"{"event":"x","n":-12.50e+3,"list":[1, true,null,"\\u00e9\\n"],"o":{ "a" : {} }}"#),
        Just("{\"a\":[[],{},\"\",0],\n\t\"\\ud800\":false}"),
        Just(r#"[1e5,-0,0.1,"é😀\\\\","\\/"]"#),
    ];
    let pieces = prop_oneof![
        Just(""),
        Just("\""),
        Just("\\"),
        Just(","),
        Just(":"),
        Just("["),
        Just("}"),
        Just("0"),
        Just("-"),
        Just("."),
        Just("e"),
        Just(" "),
        Just("\n"),
        Just("\u{1}"),
        Just("u"),
        Just("n"),
        Just("é"),
        Just("\\u"),
    ];
    (sound, any::<prop::sample::Index>(), 0..3_usize, pieces).prop_map(|(sound, at, cut, piece)| {
        let chars: Vec<char> = sound.chars().collect();
        let at = at.index(chars.len());
        let end = (at + cut).min(chars.len());
        chars[..at]
            .iter()
            .copied()
            .chain(piece.chars())
            .chain(chars[end..].iter().copied())
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]
    #[test]
    fn arbitrary_text_is_read_as_serde_json_reads_it(
        text in prop_oneof![".{0,60}", "[\\[\\]{}\",:0-9a-z\\\\ .\\-+eEu\n\t]{0,60}", nearly_json()],
    ) {
        let valid = serde_json::from_str::<IgnoredAny>(&text).is_ok();

        prop_assert_eq!(parse(text.as_bytes()).is_ok(), valid);
    }
}
