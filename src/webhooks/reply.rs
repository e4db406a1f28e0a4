//! A provider's reply, parsed.
//!
//! # Promises
//! - A body of another form is described by place, never by its own text: any value may be a token.

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::time::Duration;

/// Status, headers and body of a reply.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Reply {
    /// Parses the body as JSON. The error describes the place of the fault.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        let mut reader = serde_json::Deserializer::from_slice(&self.body);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            misfit(&path, error.inner())
        })?;
        reader.end().map_err(|error| misfit(".", &error))?;
        Ok(value)
    }

    /// The text for people in an error reply, as the provider wrote it.
    pub fn said(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        let mut text = message(&self.body).unwrap_or_else(|| body.trim().to_owned());
        if text.is_empty() {
            text = self.status.canonical_reason().unwrap_or("no explanation").to_owned();
        }
        match self.retry_after() {
            Some(wait) => format!("{text} (it asks to wait {} s)", wait.as_secs()),
            None => text,
        }
    }

    /// The pause that the provider asks for before the next try.
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }
}

/// Describes the place of a fault. The library's own text repeats the value, which must not be
/// shown.
fn misfit(path: &str, error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    match (error.classify(), path) {
        (Category::Data, "." | "?") => "it is of another form".into(),
        (Category::Data, path) => format!("{path} is of another form, at column {column}"),
        (Category::Io | Category::Syntax | Category::Eof, _) => {
            format!("it is not JSON, at line {line} column {column}")
        }
    }
}

/// The text for people in an error body of either provider.
fn message(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let names =
        ["message", "developerMessage", "detail", "errorMessage", "error_description", "title"];
    names.iter().find_map(|name| match body.get(name)? {
        serde_json::Value::String(text) if !text.is_empty() => Some(text.clone()),
        serde_json::Value::Array(texts) => {
            let texts: Vec<_> = texts.iter().filter_map(|text| text.as_str()).collect();
            (!texts.is_empty()).then(|| texts.join("; "))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its form matters")]
    struct Page {
        items: Vec<bool>,
    }

    fn reply(body: &'static str) -> Reply {
        let (status, headers) = (StatusCode::OK, HeaderMap::new());
        Reply { status, headers, body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn a_body_of_another_form_is_told_by_place_and_without_its_values() {
        let token = r#"{"items":[true,"https://r.example/w?token=s3cret"]}"#;
        let told = |body| reply(body).json::<Page>().unwrap_err();

        assert_eq!(told(token), "items[1] is of another form, at column 49");
        assert_eq!(told("{}"), "it is of another form");
        assert_eq!(told(r#"{"items":[s3cret"#), "it is not JSON, at line 1 column 11");
        assert_eq!(told(r#"{"items":[]}s3cret"#), "it is not JSON, at line 1 column 13");
    }
}
