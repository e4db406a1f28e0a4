//! The routes of APS: sign-in, hooks, tokens, and the control routes of the simulator.

mod answer;
mod lists;
mod tokens;

use crate::event::provider::Provider;
use crate::lock::lock;
use crate::providers::catalog;
use crate::providers::sample::ids::Ids;
use crate::simulator::aps::access::Caller;
use crate::simulator::aps::api::answer::{Answer, Refused, admit, refused};
use crate::simulator::aps::api::lists::{list, list_all, list_of_app};
use crate::simulator::aps::api::tokens::{delete_token, replace_token, set_token};
use crate::simulator::aps::hooks::{Hook, Place};
use crate::simulator::aps::{Happening, Service};
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use serde_json::json;
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

/// Answers a call on one hook.
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

/// Systems whose hooks need a user.
const OF_USERS: [&str; 3] =
    ["autodesk.construction.bc", "autodesk.construction.issues", "autodesk.construction.reviews"];
