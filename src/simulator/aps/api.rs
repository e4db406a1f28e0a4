//! The routes of APS: sign-in, hooks, tokens, and the control routes of the simulator.

use crate::event::provider::Provider;
use crate::lock::lock;
use crate::providers::catalog;
use crate::providers::sample::ids::Ids;
use crate::secret::Secret;
use crate::simulator::aps::access::Caller;
use crate::simulator::aps::hooks::{BAD_TOKEN, Hook, Place, is_token};
use crate::simulator::aps::{Happening, Service};
use crate::webhooks::aps::region::Region;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// Adds the service's routes.
pub fn routes(routes: &mut web::ServiceConfig, service: Arc<Service>) {
    let hooks = "/webhooks/v1/systems/{system}/events/{event}/hooks";
    routes
        .app_data(web::Data::from(service))
        .route("/authentication/v2/token", web::post().to(sign_in))
        // Older clients still sign in here.
        .route("/authentication/v1/authenticate", web::post().to(sign_in))
        .route("/webhooks/v1/hooks", web::get().to(list_all))
        .route("/webhooks/v1/app/hooks", web::get().to(list_of_app))
        .service(
            web::resource("/webhooks/v1/systems/{system}/hooks")
                .route(web::get().to(list))
                .route(web::post().to(create_all)),
        )
        .service(web::resource(hooks).route(web::get().to(list)).route(web::post().to(create)))
        .service(
            web::resource(format!("{hooks}/{{id}}"))
                .route(web::get().to(get))
                .route(web::patch().to(patch))
                .route(web::delete().to(delete)),
        )
        .route("/webhooks/v1/tokens", web::post().to(set_token))
        .service(
            web::resource("/webhooks/v1/tokens/@me")
                .route(web::put().to(replace_token))
                .route(web::delete().to(delete_token)),
        )
        .route("/simulator/events", web::post().to(happen))
        .route("/simulator/deliveries", web::get().to(deliveries))
        .default_service(web::to(|| async {
            Answer::Err(refused(StatusCode::NOT_FOUND, "no such route"))
        }));
}

async fn sign_in(service: web::Data<Service>, request: HttpRequest, form: web::Bytes) -> Answer {
    match service.gate.sign_in(&request, &form) {
        Some(token) => Ok(HttpResponse::Ok()
            .json(json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3599 }))),
        None => {
            Err(refused(StatusCode::UNAUTHORIZED, "The client_id or client_secret is not valid"))
        }
    }
}

/// Why a call is refused, in one of APS's forms.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
struct Refused {
    status: StatusCode,
    reason: String,
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status)
            .json(json!({ "developerMessage": self.reason, "status": self.status.as_u16() }))
    }
}

fn refused(status: StatusCode, reason: impl Into<String>) -> Refused {
    Refused { status, reason: reason.into() }
}

type Answer = Result<HttpResponse, Refused>;

/// Whose call it is and which region it names.
fn admit(service: &Service, request: &HttpRequest) -> Result<(Caller, Region), Refused> {
    let caller = service
        .gate
        .admit(request)
        .ok_or_else(|| refused(StatusCode::UNAUTHORIZED, "Token is not provided or not valid"))?;
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let query = url::form_urlencoded::parse(request.query_string().as_bytes())
        .find(|(key, _)| key == "region")
        .map(|(_, region)| region.into_owned());
    let region = header("x-ads-region").or(header("region")).map(str::to_owned).or(query);
    let region = region.map(|region| region.parse()).transpose();
    let region = region.map_err(|_| refused(StatusCode::BAD_REQUEST, "unknown region"))?;
    Ok((caller, region.unwrap_or_default()))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    status: Option<String>,
    page_state: Option<String>,
    scope_name: Option<String>,
    scope_value: Option<String>,
}

async fn list_all(
    service: web::Data<Service>,
    request: HttpRequest,
    query: web::Query<Listing>,
) -> Answer {
    page(&service, &request, &query, |_| true)
}

/// Of an app's hooks only the active ones are listed, unless others are asked for: so says the older
/// reference, and a client must cope with it.
async fn list_of_app(
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

async fn list(
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
        // This path, whatever was asked: as in the reference.
        format!("/hooks?pageState={query}")
    });
    Ok(HttpResponse::Ok().json(json!({ "links": { "next": next }, "data": page })))
}

/// Where a page begins.
fn offset_of(page_state: Option<&str>) -> Option<usize> {
    let Some(state) = page_state else { return Some(0) };
    String::from_utf8(STANDARD.decode(state).ok()?).ok()?.parse().ok()
}

async fn create(
    service: web::Data<Service>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Bytes,
) -> Answer {
    let (system, event) = path.into_inner();
    let hook = make(&service, &request, &system, &event, &body)?;
    let location = format!("{}/{}", request.uri().path(), hook.id);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).finish())
}

async fn create_all(
    service: web::Data<Service>,
    request: HttpRequest,
    system: web::Path<String>,
    body: web::Bytes,
) -> Answer {
    let events = catalog::entries(Provider::Aps)
        .iter()
        .filter(|entry| entry.system == Some(&system))
        .map(|entry| entry.event);
    let made = events
        .map(|event| make(&service, &request, &system, event, &body))
        .collect::<Result<Vec<_>, _>>()?;
    if made.is_empty() {
        return Err(refused(StatusCode::NOT_FOUND, "unknown system"));
    }
    let hooks: Vec<_> = made.iter().map(Hook::details).collect();
    Ok(HttpResponse::Created().json(json!({ "hooks": hooks })))
}

fn make(
    service: &Service,
    request: &HttpRequest,
    system: &str,
    event: &str,
    body: &[u8],
) -> Result<Hook, Refused> {
    let (creator, region) = admit(service, request)?;
    if creator == Caller::App && OF_USERS.contains(&system) {
        return Err(refused(StatusCode::FORBIDDEN, "a 3-legged token is needed"));
    }
    let id = Ids::new(service.courier.next_seed()).uuid();
    let place = Place { region, system, event, creator };
    let hook = Hook::create(id, place, body, Timestamp::now())
        .map_err(|reason| refused(StatusCode::BAD_REQUEST, reason))?;
    let mut hooks = lock(&service.hooks);
    if hooks.iter().any(|other| other.is_same(&hook)) {
        let reason = "a hook with this callbackUrl, event and scope exists";
        return Err(refused(StatusCode::CONFLICT, reason));
    }
    hooks.push(hook.clone());
    Ok(hook)
}

async fn get(
    service: web::Data<Service>,
    request: HttpRequest,
    path: web::Path<(String, String, String)>,
) -> Answer {
    on_hook(&service, &request, &path, |hooks, at| Ok(HttpResponse::Ok().json(hooks[at].details())))
}

async fn patch(
    service: web::Data<Service>,
    request: HttpRequest,
    path: web::Path<(String, String, String)>,
    body: web::Bytes,
) -> Answer {
    on_hook(&service, &request, &path, |hooks, at| match hooks[at].patch(&body, Timestamp::now()) {
        Ok(()) => Ok(HttpResponse::Ok().finish()),
        Err(reason) => Err(refused(StatusCode::BAD_REQUEST, reason)),
    })
}

async fn delete(
    service: web::Data<Service>,
    request: HttpRequest,
    path: web::Path<(String, String, String)>,
) -> Answer {
    on_hook(&service, &request, &path, |hooks, at| {
        hooks.remove(at);
        Ok(HttpResponse::NoContent().finish())
    })
}

/// Answers a call that is about one hook.
fn on_hook(
    service: &Service,
    request: &HttpRequest,
    (system, event, id): &(String, String, String),
    answer: impl FnOnce(&mut Vec<Hook>, usize) -> Answer,
) -> Answer {
    let (_, region) = admit(service, request)?;
    let mut hooks = lock(&service.hooks);
    let here = |hook: &Hook| {
        hook.region == region && hook.system == *system && hook.event == *event && hook.id == *id
    };
    match hooks.iter().position(here) {
        Some(at) => answer(&mut hooks, at),
        None => Err(refused(StatusCode::NOT_FOUND, "the hook does not exist")),
    }
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

async fn set_token(
    service: web::Data<Service>,
    request: HttpRequest,
    token: web::Json<Token>,
) -> Answer {
    let (_, region) = admit(&service, &request)?;
    if !is_token(&token.token) {
        return Err(refused(StatusCode::BAD_REQUEST, BAD_TOKEN));
    }
    match lock(&service.tokens).entry(region) {
        Entry::Occupied(_) => Err(refused(StatusCode::BAD_REQUEST, "duplicate token")),
        Entry::Vacant(place) => {
            place.insert(Secret::new(&token.token));
            Ok(HttpResponse::Ok().json(json!({ "status": 200, "detail": ["token created"] })))
        }
    }
}

async fn replace_token(
    service: web::Data<Service>,
    request: HttpRequest,
    token: web::Json<Token>,
) -> Answer {
    let (_, region) = admit(&service, &request)?;
    if !is_token(&token.token) {
        return Err(refused(StatusCode::BAD_REQUEST, BAD_TOKEN));
    }
    match lock(&service.tokens).get_mut(&region) {
        None => Err(refused(StatusCode::NOT_FOUND, "there is no token")),
        Some(known) => {
            *known = Secret::new(&token.token);
            Ok(HttpResponse::NoContent().finish())
        }
    }
}

async fn delete_token(service: web::Data<Service>, request: HttpRequest) -> Answer {
    let (_, region) = admit(&service, &request)?;
    match lock(&service.tokens).remove(&region) {
        None => Err(refused(StatusCode::NOT_FOUND, "there is no token")),
        Some(_) => Ok(HttpResponse::NoContent().finish()),
    }
}

async fn happen(service: web::Data<Service>, body: web::Bytes) -> Answer {
    match Happening::read(&body) {
        Ok(happening) => {
            let hooks = service.into_inner().happen(&happening);
            Ok(HttpResponse::Ok().json(json!({ "hooks": hooks })))
        }
        Err(reason) => Err(refused(StatusCode::BAD_REQUEST, reason)),
    }
}

async fn deliveries(service: web::Data<Service>) -> Answer {
    Ok(HttpResponse::Ok().json(service.courier.log()))
}

const PAGE_SIZE: usize = 200;
/// Systems whose hooks need a user.
const OF_USERS: [&str; 3] =
    ["autodesk.construction.bc", "autodesk.construction.issues", "autodesk.construction.reviews"];
