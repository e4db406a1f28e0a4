//! From outcomes to answers: one match, every case written out.

use crate::http::body;
use crate::ingest::{Receipt, Rejection};
use crate::providers::source::Refusal;
use crate::recent::decision;
use crate::spool;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

/// What the metrics count of one notification.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Stored for the first time; the spool counts it.
    Stored,
    /// A redelivery.
    Duplicate,
    /// Not believed.
    Unproven,
    /// Not JSON and not provable, or encoded.
    Malformed,
    /// Over the body limit.
    TooLarge,
    /// Could not be stored.
    Unavailable,
    /// It never arrived whole, so it was not received.
    NotReceived,
}

impl Outcome {
    /// The decision that people look at, of what was received and not stored.
    pub fn decision(self) -> Option<decision::Outcome> {
        match self {
            Self::Unproven => Some(decision::Outcome::Unproven),
            Self::Malformed => Some(decision::Outcome::Malformed),
            Self::TooLarge => Some(decision::Outcome::TooLarge),
            Self::Unavailable => Some(decision::Outcome::Unavailable),
            Self::Stored | Self::Duplicate | Self::NotReceived => None,
        }
    }
}

/// Why a notification is not answered 200.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Problem {
    /// No such source or path.
    NotFound,
    /// Not believed.
    Unproven,
    /// Not JSON, and nothing proves that it is authentic.
    Malformed,
    /// Over the body limit.
    TooLarge,
    /// A content-encoding that we do not undo.
    Encoded,
    /// The request did not arrive in time, or not whole.
    Incomplete,
    /// The spool is full, or its disk.
    Full,
    /// The store failed; the process is about to end.
    Failed,
    /// Too much of other notifications arrives at the same time.
    Crowded,
    /// The process is stopping.
    Stopping,
    /// A method that the path does not have.
    Method,
    /// Admin: the token is missing or wrong.
    Token,
    /// Admin: the question's parameters do not fit.
    Question,
    /// Admin: no event of this id came within the window.
    NotRemembered,
    /// Admin: the body is not understood, so it can be replayed from quarantine alone.
    InQuarantine,
    /// Admin: nothing with this id lies in quarantine.
    NotInQuarantine,
    /// Admin: without a token only this machine may change something.
    Stranger,
    /// Admin: a page of another site asks for a change.
    CrossSite,
    /// Admin: what is asked for is in Kafka, which does not answer.
    KafkaAway,
}

/// RFC 9457. What it says may be read by anyone who can post here.
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
    /// The status, what is counted, and what the sender may read.
    fn facts(self) -> (StatusCode, Outcome, &'static str, &'static str) {
        match self {
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                Outcome::NotReceived,
                "Not found",
                "There is no such source. Check the URL of the webhook.",
            ),
            Self::Unproven => (
                StatusCode::UNAUTHORIZED,
                Outcome::Unproven,
                "Not proven",
                "The signature, token or credentials are missing, wrong or too old. Check the secret.",
            ),
            Self::Malformed => {
                (StatusCode::BAD_REQUEST, Outcome::Malformed, "Not JSON", "The body is not JSON.")
            }
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                Outcome::TooLarge,
                "Too large",
                "The body is larger than this source takes.",
            ),
            Self::Encoded => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                Outcome::Malformed,
                "Encoded",
                "The body must be sent without content-encoding.",
            ),
            Self::Incomplete => (
                StatusCode::REQUEST_TIMEOUT,
                Outcome::NotReceived,
                "Incomplete",
                "The body did not arrive whole in time.",
            ),
            Self::Full => (
                StatusCode::SERVICE_UNAVAILABLE,
                Outcome::Unavailable,
                "Full",
                "As much waits as may wait. Send it again later.",
            ),
            Self::Failed => (
                StatusCode::SERVICE_UNAVAILABLE,
                Outcome::Unavailable,
                "Unavailable",
                "It cannot be stored now. Send it again later.",
            ),
            Self::Crowded => (
                StatusCode::SERVICE_UNAVAILABLE,
                Outcome::Unavailable,
                "Crowded",
                "Too much arrives at the same time. Send it again later.",
            ),
            Self::Stopping => (
                StatusCode::SERVICE_UNAVAILABLE,
                Outcome::Unavailable,
                "Stopping",
                "The relay is stopping. Send it again later.",
            ),
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                Outcome::NotReceived,
                "Method not allowed",
                "Notifications are posted here.",
            ),
            Self::Token => (
                StatusCode::UNAUTHORIZED,
                Outcome::NotReceived,
                "Not signed in",
                "A bearer token is needed.",
            ),
            Self::Question => (
                StatusCode::BAD_REQUEST,
                Outcome::NotReceived,
                "Not a question",
                "A parameter is not known, or its value does not fit. /api/openapi.json has all of them.",
            ),
            Self::NotRemembered => (
                StatusCode::NOT_FOUND,
                Outcome::NotReceived,
                "Not remembered",
                "No event of this id came within the window.",
            ),
            Self::InQuarantine => (
                StatusCode::CONFLICT,
                Outcome::NotReceived,
                "In quarantine",
                "This body is not understood. Replay it from quarantine once the cause is mended.",
            ),
            Self::NotInQuarantine => (
                StatusCode::NOT_FOUND,
                Outcome::NotReceived,
                "Not in quarantine",
                "No record of this id lies in the quarantine topic.",
            ),
            Self::Stranger => (
                StatusCode::FORBIDDEN,
                Outcome::NotReceived,
                "Not from here",
                "Without admin.token, changes are taken from this machine alone.",
            ),
            Self::CrossSite => (
                StatusCode::FORBIDDEN,
                Outcome::NotReceived,
                "Another site",
                "Changes are not taken from pages of other sites.",
            ),
            Self::KafkaAway => (
                StatusCode::SERVICE_UNAVAILABLE,
                Outcome::NotReceived,
                "Kafka does not answer",
                "What is asked for is in Kafka, which does not answer. Ask again later.",
            ),
        }
    }

    /// Why, in a word or two, for people who look at decisions.
    pub fn reason(self) -> &'static str {
        self.facts().2
    }

    /// What the metrics count.
    pub fn outcome(self) -> Outcome {
        self.facts().1
    }

    /// The answer. It is a stranger's last on its connection: actix times the first head of a
    /// connection and none after it, so with half a second one a stranger could stay for good.
    pub fn response(self) -> HttpResponse {
        let (status, _, title, detail) = self.facts();
        let mut response = HttpResponseBuilder::new(status);
        match self {
            Self::Full => drop(response.insert_header((header::RETRY_AFTER, "30"))),
            Self::Failed | Self::Crowded | Self::Stopping | Self::KafkaAway => {
                response.insert_header((header::RETRY_AFTER, "5"));
            }
            Self::Method => drop(response.insert_header((header::ALLOW, "POST, GET, HEAD"))),
            Self::Token => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
            }
            Self::NotFound
            | Self::Unproven
            | Self::Malformed
            | Self::TooLarge
            | Self::Encoded
            | Self::Incomplete
            | Self::Question
            | Self::NotRemembered
            | Self::InQuarantine
            | Self::NotInQuarantine
            | Self::Stranger
            | Self::CrossSite => {}
        }
        if status.is_client_error() {
            response.force_close();
        }
        let problem = ProblemJson { r#type: "about:blank", title, status: status.as_u16(), detail };
        response
            .content_type("application/problem+json")
            .body(serde_json::to_vec(&problem).expect("plain text is JSON"))
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Refused(Refusal::Unproven) => Self::Unproven,
            Rejection::Refused(Refusal::Malformed) => Self::Malformed,
            Rejection::Unavailable(spool::Error::Full | spool::Error::DiskLow) => Self::Full,
            Rejection::Unavailable(spool::Error::Failed) => Self::Failed,
            Rejection::Unavailable(spool::Error::Closing) => Self::Stopping,
        }
    }
}

impl From<body::Error> for Problem {
    fn from(error: body::Error) -> Self {
        match error {
            body::Error::TooLarge => Self::TooLarge,
            body::Error::Encoded => Self::Encoded,
            body::Error::Slow | body::Error::Broken => Self::Incomplete,
            body::Error::NoRoom => Self::Crowded,
        }
    }
}

/// The answer to what is durable: exactly 200, because Onshape documents no other success.
pub fn receipt(receipt: &Receipt) -> (HttpResponse, Outcome) {
    let (status, id, outcome) = match receipt {
        Receipt::Accepted(id) => ("accepted", id, Outcome::Stored),
        Receipt::Duplicate(id) => ("duplicate", id, Outcome::Duplicate),
        Receipt::Quarantined(id) => ("quarantined", id, Outcome::Stored),
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
        assert_eq!(status(Problem::NotInQuarantine), 404);
        assert_eq!(status(Problem::Stranger), 403);
        assert_eq!(status(Problem::CrossSite), 403);
        let unavailable = [
            Problem::Full,
            Problem::Failed,
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
