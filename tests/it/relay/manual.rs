//! The manual and the completions are written by the program, for every command that it has.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use support::relay::cadrelay;
use support::tools::succeed;

#[test]
fn every_command_and_flag_of_the_help_is_in_the_manual() {
    let dir = tempfile::tempdir().expect("a folder");

    let told = succeed(cadrelay().args(["man", "--dir"]).arg(dir.path().join("man1")));

    let files: BTreeSet<_> = told.lines().map(str::to_owned).collect();
    let commands = commands(&[]);
    assert!(commands.len() > 25, "{commands:?}");
    assert_eq!(files.len(), commands.len());
    for words in commands {
        let name = words.iter().fold("cadrelay".to_owned(), |name, word| format!("{name}-{word}"));
        let file = dir.path().join("man1").join(format!("{name}.1"));
        assert!(files.contains(&file.display().to_string()), "{name}");
        let page = fs::read_to_string(file).expect("a page").replace("\\-", "-");
        assert!(page.contains("EXIT STATUS") && page.contains(".TH"), "{page}");
        for flag in flags(&help(&words)) {
            assert!(page.contains(&flag), "{flag} is not in {name}");
        }
    }
}

#[test]
fn a_shell_takes_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = succeed(cadrelay().args(["completions", shell]));

        for word in ["quarantine", "--no-color", "topics"] {
            assert!(script.contains(word.trim_start_matches('-')), "{word} in {shell}");
        }
    }
    let script = succeed(cadrelay().args(["completions", "bash"]));
    let mut bash =
        Command::new("bash").arg("-s").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let bash = bash.as_mut().expect("bash starts");
    let asks = "COMP_WORDS=(cadrelay spool ver); COMP_CWORD=2; _cadrelay cadrelay ver spool; echo ${COMPREPLY[*]}";
    let mut input = bash.stdin.take().expect("its input");
    write!(input, "{script}\n{asks}\n").expect("bash reads");
    drop(input);
    let mut said = String::new();
    std::io::Read::read_to_string(&mut bash.stdout.take().expect("its output"), &mut said)
        .expect("text");
    bash.wait().expect("bash ends");

    assert_eq!(said.trim(), "verify");
}

/// All commands that the help shows, each as its words; the program itself has none.
fn commands(above: &[String]) -> Vec<Vec<String>> {
    let help = help(above);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = listed
        .take_while(|line| !line.is_empty())
        // A long description goes on in the next line, further to the right.
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help");
    let mut commands = vec![above.to_vec()];
    for name in names {
        commands.extend(self::commands(&[above, &[name.to_owned()]].concat()));
    }
    commands
}

fn help(words: &[String]) -> String {
    succeed(cadrelay().args(words).arg("--help"))
}

/// `--config` and the like, where a line of the help begins with one.
fn flags(help: &str) -> impl Iterator<Item = String> {
    help.lines().filter_map(|line| {
        let line = line.trim_start();
        let flag = line
            .strip_prefix("-")
            .filter(|_| line.starts_with("--"))
            .or_else(|| line.split_once(", -").map(|(_, rest)| rest))?;
        let name: String =
            flag.chars().skip(1).take_while(|c| c.is_ascii_alphabetic() || *c == '-').collect();
        (line.starts_with('-') && !name.is_empty()).then(|| format!("--{name}"))
    })
}
