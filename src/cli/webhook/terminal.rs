//! Questions to a person: written to stderr, answered in one line.

use crate::cli::exit::Failure;
use std::io::{self, BufRead, Write};

/// Asks a question, and returns the answer without surrounding blanks.
///
/// # Errors
/// If the input ends before an answer.
pub fn ask(question: &str) -> Result<String, Failure> {
    let mut stderr = io::stderr();
    let mut line = String::new();
    let read = stderr
        .write_all(question.as_bytes())
        .and_then(|()| stderr.flush())
        .and_then(|()| io::stdin().lock().read_line(&mut line));
    match read {
        Ok(0) => Err(Failure::usage("the input ended; nothing was sent")),
        Ok(_) => Ok(line.trim().to_owned()),
        Err(error) => Err(Failure::usage(format!("the answer cannot be read: {error}"))),
    }
}

/// Asks until the answer can be read.
pub fn ask_for<T>(question: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<T, Failure> {
    loop {
        match read(&ask(question)?) {
            Ok(answer) => return Ok(answer),
            Err(problem) => crate::cli::output::note(&format!("  {problem}")),
        }
    }
}

/// Lets a person choose one row of a list, by its number or its first word. Enter chooses the
/// first.
pub fn choose<'a>(title: &str, rows: &[(&'a str, &str)]) -> Result<&'a str, Failure> {
    let mut text = format!("{title}\n");
    for (at, (name, meaning)) in rows.iter().enumerate() {
        let mark = if at == 0 { '>' } else { ' ' };
        text.push_str(&format!("{mark} {:>3}  {name} - {meaning}\n", at + 1));
    }
    crate::cli::output::note(text.trim_end());
    let first = rows.first().map(|(name, _)| *name).unwrap_or_default();
    ask_for(&format!("Number or name [{first}]: "), |answer| {
        if answer.is_empty() {
            return Ok(first);
        }
        let numbered =
            answer.parse().ok().and_then(|number: usize| rows.get(number.checked_sub(1)?));
        let named = || rows.iter().find(|(name, _)| *name == answer);
        let row = numbered.or_else(named);
        row.map(|(name, _)| *name).ok_or_else(|| format!("{answer} is not in the list"))
    })
}
