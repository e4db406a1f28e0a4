//! The routes of Onshape: its API with and without a version, and the control routes of the simulator.

use crate::event::provider::Provider;
use crate::lock::lock;
use crate::providers::catalog;
use crate::providers::sample::ids::Ids;
use crate::simulator::Trial;
use crate::simulator::delivery::Fate;
use crate::simulator::onshape::Service;
use crate::simulator::onshape::hooks::{Hook, Wrong};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Adds the service's routes.
pub fn routes(routes: &mut web::ServiceConfig, service: Arc<Service>) {
    routes.app_data(web::Data::from(service));
    for path in ["/api/webhooks", "/api/v{version:[0-9]+}/webhooks"] {
        let hook = format!("{path}/{{id}}");
        routes
            .service(web::resource(path).route(web::get().to(list)).route(web::post().to(create)))
            .service(web::resource(format!("{hook}/ping")).route(web::post().to(ping)))
            .service(
                web::resource(hook)
                    .route(web::get().to(get))
                    .route(web::post().to(update))
                    .route(web::delete().to(delete)),
            );
    }
    routes
        .route("/simulator/events", web::post().to(happen))
        .route("/simulator/deliveries", web::get().to(deliveries))
        .default_service(web::to(|| async { failure(StatusCode::NOT_FOUND, "Not found.") }));
}

#[derive(Deserialize)]
struct Listing {
    company: Option<String>,
    offset: Option<usize>,
    limit: Option<usize>,
}

async fn list(
    service: web::Data<Service>,
    request: HttpRequest,
    query: web::Query<Listing>,
) -> HttpResponse {
    if let Err(refused) = service.gate.admit(&request, Timestamp::now()) {
        return failure(StatusCode::UNAUTHORIZED, refused);
    }
    let limit = query.limit.unwrap_or(PAGE_SIZE);
    if !(1..=PAGE_SIZE).contains(&limit) {
        return failure(StatusCode::BAD_REQUEST, "limit must be between 1 and 20");
    }
    let company = query.company.as_deref().filter(|company| !company.is_empty());
    let hooks = lock(&service.hooks);
    let chosen: Vec<_> =
        hooks.values().filter(|hook| company.is_none() || hook.company() == company).collect();
    let offset = query.offset.unwrap_or(0);
    let items: Vec<_> = chosen.iter().skip(offset).take(limit).map(|hook| hook.info()).collect();
    let page = |offset: usize| {
        let company = company.map(|company| format!("&company={company}")).unwrap_or_default();
        let (here, path) = (here(&request), request.path());
        format!("{here}{path}?offset={offset}&limit={limit}{company}")
    };
    let more = offset + items.len() < chosen.len();
    HttpResponse::Ok().json(json!({
        "href": page(offset),
        "next": more.then(|| page(offset + limit)),
        "previous": (offset > 0).then(|| page(offset.saturating_sub(limit))),
        "items": items,
    }))
}

async fn create(
    service: web::Data<Service>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    if let Err(refused) = service.gate.admit(&request, Timestamp::now()) {
        return failure(StatusCode::UNAUTHORIZED, refused);
    }
    let id = Ids::new(service.courier.next_seed()).hex(24);
    let hook = match Hook::register(id, &body, Timestamp::now()) {
        Ok(hook) => hook,
        Err(Wrong(reason)) => return failure(StatusCode::BAD_REQUEST, &reason),
    };
    let service = service.into_inner();
    let trial = service.parcel(&hook, "webhook.register", Map::new());
    match service.settings.trial {
        Trial::Before => {
            if service.courier.attempt(&trial, 1).await == Fate::GivenUp {
                return failure(StatusCode::BAD_REQUEST, "The URL did not answer 200.");
            }
            lock(&service.hooks).insert(hook.id.clone(), hook.clone());
        }
        Trial::After => {
            lock(&service.hooks).insert(hook.id.clone(), hook.clone());
            let keeper = service.clone();
            service.courier.spawn(async move {
                tokio::time::sleep(TRIAL_DELAY).await;
                if keeper.courier.attempt(&trial, 1).await == Fate::GivenUp {
                    lock(&keeper.hooks).remove(&trial.hook);
                }
            });
        }
    }
    HttpResponse::Ok().json(hook.info())
}

async fn get(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    on_hook(&service, &request, |hook| HttpResponse::Ok().json(hook.info()))
}

async fn update(
    service: web::Data<Service>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    on_hook(&service, &request, |hook| match hook.update(&body, Timestamp::now()) {
        Ok(()) => HttpResponse::Ok().json(hook.info()),
        Err(Wrong(reason)) => failure(StatusCode::BAD_REQUEST, &reason),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ending {
    #[serde(default)]
    block_notification: bool,
}

async fn delete(
    service: web::Data<Service>,
    request: HttpRequest,
    query: web::Query<Ending>,
) -> HttpResponse {
    let service = service.into_inner();
    let mut ended = None;
    let answer = on_hook(&service, &request, |hook| {
        ended = Some(hook.clone());
        HttpResponse::Ok().json(json!({}))
    });
    if let Some(hook) = ended {
        lock(&service.hooks).remove(&hook.id);
        if !query.block_notification {
            service.notify(&hook, "webhook.unregister", Map::new());
        }
    }
    answer
}

async fn ping(service: web::Data<Service>, request: HttpRequest) -> HttpResponse {
    let service = service.into_inner();
    let mut pinged = None;
    let answer = on_hook(&service, &request, |hook| {
        pinged = Some(hook.clone());
        HttpResponse::Ok().json(json!({}))
    });
    if let Some(hook) = pinged {
        service.notify(&hook, "webhook.ping", Map::new());
    }
    answer
}

async fn happen(service: web::Data<Service>, body: web::Bytes) -> HttpResponse {
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(&body) else {
        return failure(StatusCode::BAD_REQUEST, "a JSON object is needed: {\"event\": …}");
    };
    let Some(Value::String(event)) = fields.remove("event") else {
        return failure(StatusCode::BAD_REQUEST, "event is missing");
    };
    if catalog::find(Provider::Onshape, &event).is_none() {
        return failure(StatusCode::BAD_REQUEST, &format!("{event} is not an event of onshape"));
    }
    let hooks = service.into_inner().happen(&event, &fields);
    HttpResponse::Ok().json(json!({ "hooks": hooks }))
}

async fn deliveries(service: web::Data<Service>) -> HttpResponse {
    HttpResponse::Ok().json(service.courier.log())
}

/// Answers a call on one hook.
fn on_hook(
    service: &Service,
    request: &HttpRequest,
    answer: impl FnOnce(&mut Hook) -> HttpResponse,
) -> HttpResponse {
    if let Err(refused) = service.gate.admit(request, Timestamp::now()) {
        return failure(StatusCode::UNAUTHORIZED, refused);
    }
    let id = request.match_info().get("id").unwrap_or_default();
    match lock(&service.hooks).get_mut(id) {
        Some(hook) => answer(hook),
        None => failure(StatusCode::NOT_FOUND, "Webhook not found."),
    }
}

/// An error in Onshape's form.
fn failure(status: StatusCode, message: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({
        "code": 0, "status": status.as_u16(), "message": message, "moreInfoUrl": "",
    }))
}

fn here(request: &HttpRequest) -> String {
    let connection = request.connection_info();
    format!("{}://{}", connection.scheme(), connection.host())
}

/// Long enough for the answer to arrive first, as it usually does.
const TRIAL_DELAY: Duration = Duration::from_millis(20);
/// Onshape's largest page.
const PAGE_SIZE: usize = 20;
