//! The token that signs callbacks.

use crate::lock::lock;
use crate::secret::Secret;
use crate::simulator::aps::Service;
use crate::simulator::aps::api::answer::{Answer, Refused, admit, refused};
use crate::simulator::aps::hooks::{BAD_TOKEN, is_token};
use crate::webhooks::aps::region::Region;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use std::collections::btree_map::Entry;

#[derive(Deserialize)]
pub(super) struct Token {
    token: String,
}

/// Returns the region and the token of a call, if both may be.
fn read(
    service: &Service,
    request: &HttpRequest,
    token: &Token,
) -> Result<(Region, Secret), Refused> {
    let (_, region) = admit(service, request)?;
    match is_token(&token.token) {
        true => Ok((region, Secret::new(&token.token))),
        false => Err(refused(StatusCode::BAD_REQUEST, BAD_TOKEN)),
    }
}

pub(super) async fn set_token(
    service: web::Data<Service>,
    request: HttpRequest,
    token: web::Json<Token>,
) -> Answer {
    let (region, token) = read(&service, &request, &token)?;
    match lock(&service.tokens).entry(region) {
        Entry::Occupied(_) => Err(refused(StatusCode::BAD_REQUEST, "duplicate token")),
        Entry::Vacant(place) => {
            place.insert(token);
            Ok(HttpResponse::Ok().json(json!({ "status": 200, "detail": ["token created"] })))
        }
    }
}

pub(super) async fn replace_token(
    service: web::Data<Service>,
    request: HttpRequest,
    token: web::Json<Token>,
) -> Answer {
    let (region, token) = read(&service, &request, &token)?;
    match lock(&service.tokens).get_mut(&region) {
        None => Err(refused(StatusCode::NOT_FOUND, "there is no token")),
        Some(known) => {
            *known = token;
            Ok(HttpResponse::NoContent().finish())
        }
    }
}

pub(super) async fn delete_token(service: web::Data<Service>, request: HttpRequest) -> Answer {
    let (_, region) = admit(&service, &request)?;
    match lock(&service.tokens).remove(&region) {
        None => Err(refused(StatusCode::NOT_FOUND, "there is no token")),
        Some(_) => Ok(HttpResponse::NoContent().finish()),
    }
}
