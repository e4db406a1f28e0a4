//! The admin token: who may see more than the probes.

use crate::http::admin::Admin;
use crate::http::error::Problem;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web;

/// Lets only those pass who have the token, if there is one. The probes need none.
pub async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let open = matches!(request.path(), "/livez" | "/readyz");
    let admin = request.app_data::<web::Data<Admin>>();
    let token = admin.and_then(|admin| admin.token.as_ref());
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    let passes = match token {
        None => true,
        Some(token) => given.is_some_and(|given| is_equal(given, token.reveal().as_bytes())),
    };
    if open || passes {
        Ok(next.call(request).await?.map_into_left_body())
    } else {
        Ok(request.into_response(Problem::Token.response()).map_into_right_body())
    }
}

/// In a time that does not tell how much of it is right.
fn is_equal(given: &[u8], token: &[u8]) -> bool {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, token);
    let tag = ring::hmac::sign(&key, token);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, given);
    ring::hmac::verify(&key, token, tag.as_ref()).is_ok()
}
