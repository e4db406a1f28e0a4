//! `/api/openapi.json`: the description of this API. A test compares it with real answers.

use actix_web::HttpResponse;

/// Answers with the description.
pub async fn openapi() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(DESCRIPTION)
}

const DESCRIPTION: &str = include_str!("../../../schemas/openapi.json");
