//! Turns outcomes into answers: one table, with every case written out.

use crate::ingest::claims::Unavailable;
use crate::ingest::{Receipt, Rejection};
use crate::providers::source::Refusal;
use crate::recent::decision;
use crate::spool;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpResponse, HttpResponseBuilder};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde::Serialize;

/// The metric that counts a notification.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Stored for the first time; the spool counts it.
    Accepted,
    /// Stored for the quarantine topic; the spool counts it.
    Quarantined,
    /// A redelivery.
    Duplicate,
    /// The proof did not hold.
    Unproven,
    /// Not JSON and not provable, or with a content-encoding.
    Malformed,
    /// Over the body limit.
    TooLarge,
    /// Could not be stored.
    Unavailable,
    /// It did not arrive whole, so it does not count as received.
    NotReceived,
}

impl Outcome {
    /// The decision that people see for a notification that was received and not stored.
    pub fn decision(self) -> Option<decision::Outcome> {
        match self {
            Self::Unproven => Some(decision::Outcome::Unproven),
            Self::Malformed => Some(decision::Outcome::Malformed),
            Self::TooLarge => Some(decision::Outcome::TooLarge),
            Self::Unavailable => Some(decision::Outcome::Unavailable),
            Self::Accepted | Self::Quarantined | Self::Duplicate | Self::NotReceived => None,
        }
    }

    /// The name in the metrics, of what was received.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Accepted => Some("accepted"),
            Self::Quarantined => Some("quarantined"),
            Self::Duplicate => Some("duplicate"),
            Self::Unproven | Self::Malformed | Self::TooLarge | Self::Unavailable => {
                self.decision().map(decision::Outcome::as_str)
            }
            Self::NotReceived => None,
        }
    }
}

/// The reason why a request is not answered 200.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Problem {
    /// There is no such source or path.
    NotFound,
    /// The proof did not hold: a signature or a token is required.
    Unproven,
    /// The proof did not hold: HTTP Basic credentials are required.
    NoCredentials,
    /// Not JSON, and nothing proves that it is authentic.
    Malformed,
    /// Over the body limit.
    TooLarge,
    /// A content-encoding that the relay does not decode.
    Encoded,
    /// The body did not arrive in time, or not whole.
    Incomplete,
    /// The chunks of the body are not valid, so it cannot arrive whole.
    Chunks,
    /// The spool is full, or its disk.
    Full,
    /// The store failed; the process is about to end.
    Failed,
    /// Another replica is storing it.
    Claimed,
    /// Other unfinished notifications take all the room there is.
    Crowded,
    /// The process is stopping.
    Stopping,
    /// A method that the path does not have.
    Method,
    /// Admin: there is no such path.
    NoPath,
    /// Admin: the path takes only reading methods.
    OnlyRead,
    /// Admin: the path takes only POST.
    OnlyPost,
    /// The bytes are not HTTP.
    NoHttp,
    /// The head did not arrive in time.
    SlowHead,
    /// The head is larger than any sender's.
    LargeHead,
    /// Admin: the token is missing or wrong.
    Token,
    /// Admin: the parameters of the query are not valid.
    Question,
    /// Admin: no event with this id came within the window.
    NotRemembered,
    /// Admin: the body was not understood, so it can only be replayed from quarantine.
    InQuarantine,
    /// Admin: the relay made the event itself, so there is no body to read again.
    NotPosted,
    /// Admin: nothing with this id is in quarantine.
    NotInQuarantine,
    /// Admin: without a token, only this machine may change something.
    Stranger,
    /// Admin: without a token, this is shown only under a loopback name.
    ForeignHost,
    /// Admin: a page of another site requests a change.
    CrossSite,
    /// Admin: the requested data is in Kafka, which does not answer.
    KafkaAway,
}

/// A row of the table: everything that follows from a problem.
#[derive(Clone, Copy, Debug)]
struct Row {
    status: StatusCode,
    /// The metric that counts it.
    outcome: Outcome,
    title: &'static str,
    /// The text for anyone who can send a request here.
    detail: &'static str,
    header: Header,
}

/// The header that belongs to a status.
#[derive(Clone, Copy, Debug)]
enum Header {
    None,
    /// Seconds.
    RetryAfter(&'static str),
    Allow(&'static str),
    Challenge(&'static str),
}

/// A body of RFC 9457. Anyone who can post here may read it.
#[derive(Debug, Serialize)]
struct ProblemJson {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'static str,
}

#[derive(Debug, Serialize)]
struct ReceiptJson<'a> {
    status: &'static str,
    id: &'a str,
}

impl Problem {
    /// The table.
    fn row(self) -> Row {
        match self {
            Self::NotFound => Row {
                status: StatusCode::NOT_FOUND,
                outcome: Outcome::NotReceived,
                title: "Not found",
                detail: "There is no such source. Check the URL of the webhook.",
                header: Header::None,
            },
            Self::Unproven => Row {
                status: StatusCode::UNAUTHORIZED,
                outcome: Outcome::Unproven,
                title: "Not proven",
                detail: "The signature, token or credentials are missing, wrong or too old. Check the secret.",
                header: Header::Challenge("Cadrelay"),
            },
            Self::NoCredentials => Row {
                status: StatusCode::UNAUTHORIZED,
                outcome: Outcome::Unproven,
                title: "Not proven",
                detail: "The signature, token or credentials are missing, wrong or too old. Check the secret.",
                header: Header::Challenge("Basic realm=\"cadrelay\""),
            },
            Self::Malformed => Row {
                status: StatusCode::BAD_REQUEST,
                outcome: Outcome::Malformed,
                title: "Not JSON",
                detail: "The body is not JSON.",
                header: Header::None,
            },
            Self::TooLarge => Row {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                outcome: Outcome::TooLarge,
                title: "Larger than the body limit",
                detail: "The body is larger than this source takes.",
                header: Header::None,
            },
            Self::Encoded => Row {
                status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
                outcome: Outcome::Malformed,
                title: "Sent with a content-encoding",
                detail: "The body must be sent without content-encoding.",
                header: Header::None,
            },
            Self::Incomplete => Row {
                status: StatusCode::REQUEST_TIMEOUT,
                outcome: Outcome::NotReceived,
                title: "Incomplete",
                detail: "The body did not arrive whole in time.",
                header: Header::None,
            },
            Self::Chunks => Row {
                status: StatusCode::BAD_REQUEST,
                outcome: Outcome::NotReceived,
                title: "Malformed chunk",
                detail: "A chunk of the body is malformed (RFC 9112, section 7.1).",
                header: Header::None,
            },
            Self::Full => Row {
                status: StatusCode::SERVICE_UNAVAILABLE,
                outcome: Outcome::Unavailable,
                title: "The spool is full",
                detail: "The spool is full. Send it again later.",
                header: Header::RetryAfter("30"),
            },
            Self::Failed => Row {
                status: StatusCode::SERVICE_UNAVAILABLE,
                outcome: Outcome::Unavailable,
                title: "Unavailable",
                detail: "It cannot be stored now. Send it again later.",
                header: Header::RetryAfter("5"),
            },
            Self::Claimed => Row {
                status: StatusCode::SERVICE_UNAVAILABLE,
                outcome: Outcome::Unavailable,
                title: "Another relay is storing it",
                detail: "Another replica is storing it. Send it again later.",
                header: Header::RetryAfter("5"),
            },
            Self::Crowded => Row {
                status: StatusCode::SERVICE_UNAVAILABLE,
                outcome: Outcome::Unavailable,
                title: "Too much is arriving",
                detail: "Too much arrives at the same time. Send it again later.",
                header: Header::RetryAfter("5"),
            },
            Self::Stopping => Row {
                status: StatusCode::SERVICE_UNAVAILABLE,
                outcome: Outcome::Unavailable,
                title: "The relay is stopping",
                detail: "The relay is stopping. Send it again later.",
                header: Header::RetryAfter("5"),
            },
            Self::Method => Row {
                status: StatusCode::METHOD_NOT_ALLOWED,
                outcome: Outcome::NotReceived,
                title: "Method not allowed",
                detail: "Notifications are sent here with POST.",
                header: Header::Allow("POST, GET, HEAD"),
            },
            Self::NoPath => Row {
                status: StatusCode::NOT_FOUND,
                outcome: Outcome::NotReceived,
                title: "Not found",
                detail: "There is no such path here. /api/openapi.json lists all of them.",
                header: Header::None,
            },
            Self::OnlyRead => Row {
                status: StatusCode::METHOD_NOT_ALLOWED,
                outcome: Outcome::NotReceived,
                title: "Method not allowed",
                detail: "This path can only be read, with GET.",
                header: Header::Allow("GET, HEAD"),
            },
            Self::OnlyPost => Row {
                status: StatusCode::METHOD_NOT_ALLOWED,
                outcome: Outcome::NotReceived,
                title: "Method not allowed",
                detail: "This path takes only POST.",
                header: Header::Allow("POST"),
            },
            Self::NoHttp => Row {
                status: StatusCode::BAD_REQUEST,
                outcome: Outcome::NotReceived,
                title: "Not HTTP",
                detail: "The request is not valid HTTP/1.1 (RFC 9112).",
                header: Header::None,
            },
            Self::SlowHead => Row {
                status: StatusCode::REQUEST_TIMEOUT,
                outcome: Outcome::NotReceived,
                title: "Too slow",
                detail: "The head of the request did not arrive in time.",
                header: Header::None,
            },
            Self::LargeHead => Row {
                status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                outcome: Outcome::NotReceived,
                title: "Head too large",
                detail: "The head of the request is larger than 16 KiB.",
                header: Header::None,
            },
            Self::Token => Row {
                status: StatusCode::UNAUTHORIZED,
                outcome: Outcome::NotReceived,
                title: "Not signed in",
                detail: "A bearer token is needed.",
                header: Header::Challenge("Bearer"),
            },
            Self::Question => Row {
                status: StatusCode::BAD_REQUEST,
                outcome: Outcome::NotReceived,
                title: "Not a question",
                detail: "A parameter is not known, or its value does not fit. /api/openapi.json has all of them.",
                header: Header::None,
            },
            Self::NotRemembered => Row {
                status: StatusCode::NOT_FOUND,
                outcome: Outcome::NotReceived,
                title: "Not remembered",
                detail: "No event of this id came within the window.",
                header: Header::None,
            },
            Self::InQuarantine => Row {
                status: StatusCode::CONFLICT,
                outcome: Outcome::NotReceived,
                title: "In quarantine",
                detail: "This body is not understood. Replay it from quarantine once the cause is mended.",
                header: Header::None,
            },
            Self::NotPosted => Row {
                status: StatusCode::CONFLICT,
                outcome: Outcome::NotReceived,
                title: "Not posted",
                detail: "The relay made this event itself; it has no body that could be read again.",
                header: Header::None,
            },
            Self::NotInQuarantine => Row {
                status: StatusCode::NOT_FOUND,
                outcome: Outcome::NotReceived,
                title: "Not in quarantine",
                detail: "No record of this id lies in the quarantine topic.",
                header: Header::None,
            },
            Self::Stranger => Row {
                status: StatusCode::FORBIDDEN,
                outcome: Outcome::NotReceived,
                title: "Not from here",
                detail: "Without admin.token, only this machine may change something.",
                header: Header::None,
            },
            Self::ForeignHost => Row {
                status: StatusCode::FORBIDDEN,
                outcome: Outcome::NotReceived,
                title: "Another name",
                detail: "Without admin.token, this is answered only under 127.0.0.1 or localhost.",
                header: Header::None,
            },
            Self::CrossSite => Row {
                status: StatusCode::FORBIDDEN,
                outcome: Outcome::NotReceived,
                title: "Another site",
                detail: "Changes are not taken from pages of other sites.",
                header: Header::None,
            },
            Self::KafkaAway => Row {
                status: StatusCode::SERVICE_UNAVAILABLE,
                outcome: Outcome::NotReceived,
                title: "Kafka does not answer",
                detail: "What is asked for is in Kafka, which does not answer. Ask again later.",
                header: Header::RetryAfter("5"),
            },
        }
    }

    /// A short reason, for people who look at decisions.
    pub fn reason(self) -> &'static str {
        self.row().title
    }

    /// The metric that counts it.
    pub fn outcome(self) -> Outcome {
        self.row().outcome
    }

    /// The answer. It closes the connection if the client is to blame or the relay stops.
    pub fn response(self) -> HttpResponse {
        let row = self.row();
        let mut response = HttpResponseBuilder::new(row.status);
        if let Some((name, value)) = row.header.pair() {
            response.insert_header((name, value));
        }
        if row.status.is_client_error() || self == Self::Stopping {
            response.force_close();
        }
        response.content_type(PROBLEM_JSON).body(row.json())
    }

    /// The answer as bytes, for a connection whose request was not understood. It is the last one
    /// there.
    pub fn wire(self, now: Timestamp) -> Vec<u8> {
        let row = self.row();
        let json = row.json();
        let mut text = format!(
            "HTTP/1.1 {} {}\r\ncontent-type: {PROBLEM_JSON}\r\ncontent-length: {}\r\nconnection: close\r\n",
            row.status.as_u16(),
            row.status.canonical_reason().unwrap_or_default(),
            json.len(),
        );
        if let Some((name, value)) = row.header.pair() {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        // A time before the year 1 has no such form, and does not occur.
        if let Ok(date) = DateTimePrinter::new().timestamp_to_rfc9110_string(&now) {
            text.push_str(&format!("date: {date}\r\n"));
        }
        text.push_str("\r\n");
        [text.into_bytes(), json].concat()
    }
}

impl Row {
    fn json(&self) -> Vec<u8> {
        let Self { status, title, detail, .. } = *self;
        let problem = ProblemJson { r#type: "about:blank", title, status: status.as_u16(), detail };
        serde_json::to_vec(&problem).expect("plain text is JSON")
    }
}

impl Header {
    fn pair(self) -> Option<(HeaderName, &'static str)> {
        match self {
            Self::None => None,
            Self::RetryAfter(seconds) => Some((header::RETRY_AFTER, seconds)),
            Self::Allow(methods) => Some((header::ALLOW, methods)),
            Self::Challenge(scheme) => Some((header::WWW_AUTHENTICATE, scheme)),
        }
    }
}

/// The content type of RFC 9457.
const PROBLEM_JSON: &str = "application/problem+json";

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Refused(Refusal::Unproven) => Self::Unproven,
            Rejection::Refused(Refusal::Malformed) => Self::Malformed,
            Rejection::Unavailable(Unavailable::Spool(error)) => match error {
                spool::Error::Full | spool::Error::DiskLow => Self::Full,
                spool::Error::Failed => Self::Failed,
                spool::Error::Closing => Self::Stopping,
            },
            Rejection::Unavailable(Unavailable::Claimed) => Self::Claimed,
        }
    }
}

/// The answer for a stored notification: exactly 200, because Onshape documents no other success.
pub fn receipt(receipt: &Receipt) -> (HttpResponse, Outcome) {
    let (status, id, outcome) = match receipt {
        Receipt::Accepted(id) => ("accepted", id, Outcome::Accepted),
        Receipt::Duplicate(id) => ("duplicate", id, Outcome::Duplicate),
        Receipt::Quarantined(id) => ("quarantined", id, Outcome::Quarantined),
    };
    let json = ReceiptJson { status, id: id.as_str() };
    let body = serde_json::to_vec(&json).expect("plain text is JSON");
    (HttpResponse::Ok().content_type("application/json").body(body), outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_a_status_that_tells_the_sender_what_to_do() {
        let status = |problem: Problem| problem.response().status().as_u16();

        assert_eq!(status(Problem::NotFound), 404);
        assert_eq!(status(Problem::Method), 405);
        assert_eq!(status(Problem::Unproven), 401);
        assert_eq!(status(Problem::Malformed), 400);
        assert_eq!(status(Problem::TooLarge), 413);
        assert_eq!(status(Problem::Encoded), 415);
        assert_eq!(status(Problem::Incomplete), 408);
        assert_eq!(status(Problem::Chunks), 400);
        assert_eq!(status(Problem::NotInQuarantine), 404);
        assert_eq!(status(Problem::NotPosted), 409);
        assert_eq!(status(Problem::Stranger), 403);
        assert_eq!(status(Problem::CrossSite), 403);
        let unavailable = [
            Problem::Full,
            Problem::Failed,
            Problem::Claimed,
            Problem::Crowded,
            Problem::Stopping,
            Problem::KafkaAway,
        ];
        for problem in unavailable {
            assert_eq!(status(problem), 503);
            assert!(problem.response().headers().contains_key(header::RETRY_AFTER));
        }
    }
}
