//! The admin token: who may see more than the probes.

use crate::http::admin::Admin;
use crate::http::admin::session::{self, Session};
use crate::http::error::Problem;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web;

/// Lets only those pass who have the token, if there is one. The probes need none.
pub async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let open = is_open(request.path());
    let admin = request.app_data::<web::Data<Admin>>();
    let passes = admin.is_some_and(|admin| {
        session::of_headers(request.headers(), admin.token.as_ref().map(|token| token.reveal()))
            == Session::Open
    });
    if open || passes {
        Ok(next.call(request).await?.map_into_left_body())
    } else {
        Ok(request.into_response(Problem::Token.response()).map_into_right_body())
    }
}

/// The probes say nothing that a stranger may not know, and the console asks for the token itself.
fn is_open(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz" | "/console") || path.starts_with("/console/")
}
