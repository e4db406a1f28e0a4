//! The admin token, required for everything but the probes.

use crate::http::admin::Admin;
use crate::http::admin::origin_guard;
use crate::http::admin::session::{self, Session};
use crate::http::error::Problem;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web;

/// Lets only requests with the token pass, if there is one. The probes need none.
pub async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let open = is_open(request.path());
    let admin = request.app_data::<web::Data<Admin>>();
    let token = admin.and_then(|admin| admin.token.load_full());
    let token = token.as_ref().map(|token| token.reveal());
    let passes = session::of_headers(request.headers(), token) == Session::Open;
    let is_foreign = token.is_none() && tells_much(request.path()) && !is_from_here(&request);
    let denied = match (open || passes, is_foreign) {
        (false, _) => Problem::Token,
        (true, true) => Problem::ForeignHost,
        (true, false) => return Ok(next.call(request).await?.map_into_left_body()),
    };
    Ok(request.into_response(denied.response()).map_into_right_body())
}

/// The probes say nothing that a stranger may not know, and the console asks for the token itself.
fn is_open(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz" | "/" | "/console") || path.starts_with("/console/")
}

/// True for paths that a page of another site must not read by pointing its own name to our
/// address.
fn tells_much(path: &str) -> bool {
    path.starts_with("/api") || path.starts_with("/console")
}

/// True if the request names us by a loopback name. A request sent here through another name does
/// not.
fn is_from_here(request: &ServiceRequest) -> bool {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(origin_guard::is_loopback_name)
}
