//! `/webhooks/{source}`: the route of the providers.

mod inlets;
pub mod unknown_source;

use crate::event::traceparent::Traceparent;
use crate::http::connections;
use crate::http::connections::connection::Connection;
use crate::http::error::{Outcome, Problem, receipt};
use crate::http::{body, unread_body};
use crate::ingest::Rejection;
use crate::providers::flaw::Flaw;
use crate::providers::notification::{Headers, Notification};
use crate::recent::decision::Decision;
use crate::telemetry::traces::walk::{Answered, Walk};
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::http::{ConnectionType, Method};
use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use serde::Serialize;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tracing::Instrument;

pub use crate::http::ingest::inlets::{Inlet, Inlets, Sources};

/// Answers every request. The path is matched here, because there is only one pattern, and the
/// framework's matching costs more than proving a notification.
pub async fn route(
    inlets: web::Data<Inlets>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let connection = connections::of(&request);
    connection.begin();
    let response = answer(&inlets, &connection, &request, payload).await;
    let is_last = response.head().connection_type() == ConnectionType::Close;
    connection.answered(is_last);
    response
}

async fn answer(
    inlets: &Inlets,
    connection: &Connection,
    request: &HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let name = request.path().strip_prefix("/webhooks/");
    // A URL with a slash at its end is registered sooner or later.
    let name = name.map(|name| name.strip_suffix('/').unwrap_or(name));
    let Some(inlet) = name.and_then(|name| inlets.source(name)) else {
        if request.method() == Method::POST {
            inlets.unknown_source.posted_to(request.path());
        }
        return unread_body::hold(Problem::NotFound.response(), payload);
    };
    match *request.method() {
        Method::POST => post(inlets, &inlet, connection, request, payload).await,
        Method::GET | Method::HEAD => unread_body::hold(look(&inlet), payload),
        _ => unread_body::hold(Problem::Method.response(), payload),
    }
}

async fn post(
    inlets: &Inlets,
    inlet: &Inlet,
    connection: &Connection,
    request: &HttpRequest,
    mut payload: web::Payload,
) -> HttpResponse {
    let number = inlets.requests.fetch_add(1, Ordering::Relaxed);
    let source = inlet.ingest.source().name();
    let span = tracing::debug_span!(
        "request",
        request.id = number,
        source,
        trace_id = tracing::field::Empty,
        span_id = tracing::field::Empty
    );
    if !span.is_disabled()
        && let Some(trace) = trace_of(request)
    {
        span.record("trace_id", trace.trace_id).record("span_id", trace.span_id);
    }
    let Taken { response, outcome, arrived, walk } =
        take(inlets, inlet, connection, request, &mut payload).instrument(span).await;
    if outcome != Outcome::NotReceived {
        inlet.meters.duration.observe(arrived.elapsed().as_secs_f64());
    }
    if let Some(outcome) = outcome.name() {
        let status = response.status().as_u16();
        inlets.traces.walked(walk, Answered { source, outcome, status });
    }
    count(inlet, outcome);
    match response.status().is_success() {
        true => response,
        false => unread_body::hold(response, payload),
    }
}

/// An answer that is due.
struct Taken {
    response: HttpResponse,
    outcome: Outcome,
    /// The time at which the notification had arrived, as far as it was read.
    arrived: Instant,
    walk: Walk,
}

async fn take(
    inlets: &Inlets,
    inlet: &Inlet,
    connection: &Connection,
    request: &HttpRequest,
    payload: &mut web::Payload,
) -> Taken {
    let (limit, timeout) = (inlets.body_limit, inlets.read_timeout);
    let read = body::read(request, payload, limit, &inlets.connections, connection, timeout);
    let unread = |problem, bytes| {
        // The connection is in its body since its head was whole.
        let took = connection.since().elapsed();
        let (response, outcome) = refuse_unread(inlet, request, problem, bytes, took);
        let walk = inlets.traces.walk(|| trace_of(request));
        Taken { response, outcome, arrived: Instant::now(), walk }
    };
    let body = match read.await {
        Ok(body) => body,
        Err(error) => return unread(error.into(), body::announced(request).unwrap_or(0)),
    };
    if inlets.stopping.load(Ordering::Relaxed) {
        return unread(Problem::Stopping, body.len() as u64);
    }
    let bytes = body.len();
    let is_announced = request.headers().contains_key(CONTENT_LENGTH);
    connection.whole(is_announced.then_some(bytes));
    let notification =
        Notification { body, headers: headers_of(request), query: request.query_string() };
    let now = inlets.clock.now();
    let mut walk = inlets.traces.walk(|| trace_of(request));
    let (response, outcome) = match inlet.ingest.accept(notification, now, &mut walk).await {
        Ok(accepted) => receipt(&accepted),
        Err(rejection @ Rejection::Refused(_)) => {
            let took = now.instant.elapsed();
            refuse_unread(inlet, request, problem(inlet, rejection), bytes as u64, took)
        }
        Err(rejection @ Rejection::Unavailable(_)) => refuse(rejection.into()),
    };
    Taken { response, outcome, arrived: now.instant, walk }
}

/// The headers that a provider may look at.
fn headers_of(request: &HttpRequest) -> Headers<'_> {
    let pairs = request.headers().iter();
    Headers::new(pairs.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))))
}

/// The trace that a request belongs to, if it has exactly one valid `traceparent`.
fn trace_of(request: &HttpRequest) -> Option<Traceparent<'_>> {
    let mut given = request.headers().get_all("traceparent");
    let (Some(only), None) = (given.next(), given.next()) else { return None };
    Traceparent::parse(only.to_str().ok()?)
}

/// Refuses a notification whose content is not known: only its size, at least as its head declares
/// it, and the time that the refusal took.
fn refuse_unread(
    inlet: &Inlet,
    request: &HttpRequest,
    problem: Problem,
    bytes: u64,
    took: Duration,
) -> (HttpResponse, Outcome) {
    if let Some(outcome) = problem.outcome().decision() {
        let source = inlet.ingest.source().name();
        let is_unproven = problem.outcome() == Outcome::Unproven;
        let reason =
            if is_unproven { told_flaw(inlet, request).in_words() } else { problem.reason() };
        let decision = Decision::bare(Timestamp::now(), source, outcome, bytes);
        let decision = Decision { reason: Some(reason.into()), ..decision };
        inlet.ingest.recent().note(&decision.after(took), None);
    }
    refuse(problem)
}

fn problem(inlet: &Inlet, rejection: Rejection) -> Problem {
    match Problem::from(rejection) {
        Problem::Unproven if inlet.ingest.source().asks_basic() => Problem::NoCredentials,
        problem => problem,
    }
}

fn refuse(problem: Problem) -> (HttpResponse, Outcome) {
    tracing::debug!(?problem, "refused");
    (problem.response(), problem.outcome())
}

/// The apparent flaw of a notification that did not prove its source. The log tells of some.
fn told_flaw(inlet: &Inlet, request: &HttpRequest) -> Flaw {
    let source = inlet.ingest.source();
    let flaw = source.flaw(&headers_of(request), request.query_string(), Timestamp::now());
    if let Some(unsaid) = inlet.refusals.pass() {
        let trace = trace_of(request);
        tracing::warn!(
            event = "notification_refused",
            source = source.name(),
            trace_id = trace.map(|trace| trace.trace_id),
            span_id = trace.map(|trace| trace.span_id),
            reason = flaw.as_str(),
            unsaid,
            "a notification does not prove where it comes from"
        );
    }
    flaw
}

fn count(inlet: &Inlet, outcome: Outcome) {
    let answers = &inlet.meters.answers;
    let counter = match outcome {
        Outcome::Accepted | Outcome::Quarantined => None,
        Outcome::Duplicate => Some(&answers.duplicate),
        Outcome::Unproven => Some(&answers.unproven),
        Outcome::Malformed => Some(&answers.malformed),
        Outcome::TooLarge => Some(&answers.too_large),
        Outcome::Unavailable => Some(&answers.unavailable),
        Outcome::NotReceived => return,
    };
    if let Some(counter) = counter {
        counter.fetch_add(1, Ordering::Relaxed);
    }
    match outcome {
        Outcome::Accepted | Outcome::Quarantined | Outcome::Duplicate => {
            let now = Timestamp::now();
            inlet.meters.last_notification.set(now.as_millisecond() as f64 / 1000.0);
            inlet.vitals.accepted(now);
        }
        Outcome::Unavailable => inlet.vitals.refused(Timestamp::now()),
        Outcome::Unproven | Outcome::Malformed | Outcome::TooLarge | Outcome::NotReceived => {}
    }
}

#[derive(Serialize)]
struct Look<'a> {
    source: &'a str,
    provider: &'static str,
}

/// Answers a GET, so that a person can try the URL in a browser.
fn look(inlet: &Inlet) -> HttpResponse {
    let source = inlet.ingest.source();
    HttpResponse::Ok()
        .force_close()
        .json(Look { source: source.name(), provider: source.provider().as_str() })
}
