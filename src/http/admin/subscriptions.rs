//! `/api/subscriptions`: the health of the subscriptions that are kept here.

use crate::http::admin::Admin;
use crate::webhooks::keeper::Health;
use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
struct SubscriptionsJson {
    subscriptions: Vec<Health>,
}

/// Answers with what the keeper knows; without a keeper, with an empty list.
pub async fn subscriptions(admin: web::Data<Admin>) -> HttpResponse {
    let keeper = admin.keeper.as_ref();
    let subscriptions = keeper.map(|keeper| keeper.health(Timestamp::now())).unwrap_or_default();
    HttpResponse::Ok().json(SubscriptionsJson { subscriptions })
}
