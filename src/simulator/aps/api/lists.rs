//! The lists of hooks, page by page.

use crate::lock::lock;
use crate::simulator::aps::Service;
use crate::simulator::aps::access::Caller;
use crate::simulator::aps::api::answer::{Answer, admit, refused};
use crate::simulator::aps::hooks::Hook;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listing {
    status: Option<String>,
    page_state: Option<String>,
    scope_name: Option<String>,
    scope_value: Option<String>,
}

pub(super) async fn list_all(
    service: web::Data<Service>,
    request: HttpRequest,
    query: web::Query<Listing>,
) -> Answer {
    page(&service, &request, &query, |_| true)
}

/// Lists only the active hooks of an app, unless others are asked for: the older reference says so,
/// and a client must cope with it.
pub(super) async fn list_of_app(
    service: web::Data<Service>,
    request: HttpRequest,
    query: web::Query<Listing>,
) -> Answer {
    if service.gate.admit(&request) == Some(Caller::User) {
        return Err(refused(StatusCode::FORBIDDEN, "this call takes a 2-legged token only"));
    }
    let any = query.status.is_some();
    page(&service, &request, &query, |hook| any || hook.status() == "active")
}

pub(super) async fn list(
    service: web::Data<Service>,
    request: HttpRequest,
    query: web::Query<Listing>,
) -> Answer {
    let path = request.match_info();
    page(&service, &request, &query, |hook| {
        path.get("system").is_none_or(|system| hook.system == system)
            && path.get("event").is_none_or(|event| hook.event == event)
    })
}

fn page(
    service: &Service,
    request: &HttpRequest,
    query: &Listing,
    chosen: impl Fn(&Hook) -> bool,
) -> Answer {
    let (_, region) = admit(service, request)?;
    let Some(offset) = offset_of(query.page_state.as_deref()) else {
        return Err(refused(StatusCode::BAD_REQUEST, "unknown pageState"));
    };
    let mut hooks = lock(&service.hooks);
    hooks.retain(|hook| !hook.is_expired(Timestamp::now()));
    let scoped = |hook: &Hook| match (&query.scope_name, &query.scope_value) {
        (Some(name), Some(value)) => hook.scope().get(name) == Some(value),
        _ => true,
    };
    let all: Vec<_> = hooks
        .iter()
        .filter(|hook| hook.region == region && chosen(hook) && scoped(hook))
        .filter(|hook| query.status.as_deref().is_none_or(|status| hook.status() == status))
        .collect();
    let page: Vec<_> = all.iter().skip(offset).take(PAGE_SIZE).map(|hook| hook.details()).collect();
    if page.is_empty() {
        return Ok(HttpResponse::NoContent().finish());
    }
    let end = offset + page.len();
    let next = (end < all.len()).then(|| {
        let state = STANDARD.encode(end.to_string());
        let query: String = url::form_urlencoded::byte_serialize(state.as_bytes()).collect();
        // The path is always this one, as in the reference.
        format!("/hooks?pageState={query}")
    });
    Ok(HttpResponse::Ok().json(json!({ "links": { "next": next }, "data": page })))
}

/// The beginning of a page.
fn offset_of(page_state: Option<&str>) -> Option<usize> {
    let Some(state) = page_state else { return Some(0) };
    String::from_utf8(STANDARD.decode(state).ok()?).ok()?.parse().ok()
}

const PAGE_SIZE: usize = 200;
