//! `/console`: the page, its files, and the sign-in.
//!
//! Everything is in the binary and nothing is loaded from elsewhere: the policy of each answer
//! allows only this listener.

use crate::http::admin::Admin;
use crate::http::admin::session::{self, Session};
use crate::http::error::Problem;
use actix_web::http::header;
use actix_web::{FromRequest as _, HttpRequest, HttpResponse, HttpResponseBuilder, web};
use serde::Deserialize;
use std::time::Duration;

/// A file of the page.
struct File {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

/// The token, as sent by the form.
#[derive(Deserialize)]
pub struct SignIn {
    token: String,
}

/// Answers with the page, or the form that asks for the token.
pub async fn page(admin: web::Data<Admin>, request: HttpRequest) -> HttpResponse {
    match session::of(&request, &admin) {
        Session::Open => html(HttpResponse::Ok(), PAGE),
        Session::SignedOut => html(HttpResponse::Unauthorized(), SIGN_IN),
    }
}

/// Answers with a file of the page. None of them contains data of this relay.
pub async fn file(name: web::Path<String>) -> HttpResponse {
    match FILES.iter().find(|file| file.name == *name) {
        None => Problem::NoPath.response(),
        Some(file) => safe(HttpResponse::Ok())
            .content_type(file.kind)
            .insert_header((header::CACHE_CONTROL, "no-cache"))
            .body(file.text),
    }
}

/// Signs in a person who knows the token.
pub async fn sign_in(
    admin: web::Data<Admin>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let mut payload = payload.into_inner();
    let reading = web::Form::<SignIn>::from_request(&request, &mut payload);
    let form = match tokio::time::timeout(PATIENCE, reading).await {
        Err(_) => return Problem::Incomplete.response(),
        Ok(Err(_)) => return Problem::Question.response(),
        Ok(Ok(form)) => form,
    };
    match session::cookie(&admin, &form.token) {
        None => html(HttpResponse::Unauthorized(), SIGN_IN),
        Some(cookie) => safe(HttpResponse::SeeOther())
            .insert_header((header::LOCATION, "/console"))
            .insert_header((header::SET_COOKIE, cookie))
            .finish(),
    }
}

fn html(response: HttpResponseBuilder, text: &'static str) -> HttpResponse {
    safe(response)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(text)
}

/// The headers that isolate the page.
fn safe(mut response: HttpResponseBuilder) -> HttpResponseBuilder {
    response
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"));
    response
}

/// The time that the form's body may take; browsers send it with its head.
const PATIENCE: Duration = Duration::from_secs(10);

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

const PAGE: &str = include_str!("../../console/console.html");
const SIGN_IN: &str = include_str!("../../console/signin.html");

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The files of the page.
const FILES: [File; 12] = [
    File {
        name: "console.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("../../console/console.css"),
    },
    File { name: "icon.svg", kind: "image/svg+xml", text: include_str!("../../console/icon.svg") },
    File { name: "console.js", kind: SCRIPT, text: include_str!("../../console/console.js") },
    File { name: "api.js", kind: SCRIPT, text: include_str!("../../console/api.js") },
    File { name: "dom.js", kind: SCRIPT, text: include_str!("../../console/dom.js") },
    File { name: "events.js", kind: SCRIPT, text: include_str!("../../console/events.js") },
    File { name: "gaps.js", kind: SCRIPT, text: include_str!("../../console/gaps.js") },
    File { name: "life.js", kind: SCRIPT, text: include_str!("../../console/life.js") },
    File { name: "empty.js", kind: SCRIPT, text: include_str!("../../console/empty.js") },
    File { name: "overview.js", kind: SCRIPT, text: include_str!("../../console/overview.js") },
    File { name: "lists.js", kind: SCRIPT, text: include_str!("../../console/lists.js") },
    File { name: "format.js", kind: SCRIPT, text: include_str!("../../console/format.js") },
];
