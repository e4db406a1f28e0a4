//! `/api/subscriptions`: the health of the subscriptions that this relay keeps, and the last gaps.

use crate::event::provider::Provider;
use crate::gaps::listed::Listed;
use crate::http::admin::Admin;
use crate::webhooks::keeper::{Duty, SubscriptionHealth};
use actix_web::{HttpResponse, web};
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
struct SubscriptionsJson {
    /// Which replica looks after the subscriptions.
    keeper: Duty,
    subscriptions: Vec<SubscriptionJson>,
    /// All gaps, including those that belong to no subscription.
    gaps: Vec<GapJson>,
}

#[derive(Serialize)]
struct SubscriptionJson {
    #[serde(flatten)]
    health: SubscriptionHealth,
    /// Its own gaps, and those of the source that it feeds.
    gaps: Vec<GapJson>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct GapJson {
    #[serde(flatten)]
    gap: Listed,
    what_to_do: &'static str,
}

/// Answers with the keeper's knowledge, and with the last gaps.
pub async fn subscriptions(admin: web::Data<Admin>) -> HttpResponse {
    let keeper = admin.keeper.duty();
    let health = match keeper {
        Duty::Here => admin.keeper.health(Timestamp::now()),
        // This replica's own memory of the subscriptions is out of date.
        Duty::Elsewhere | Duty::Unknown | Duty::Off => Vec::new(),
    };
    let gaps: Vec<GapJson> = admin.gaps.listed().into_iter().map(GapJson::of).collect();
    let subscriptions = health
        .into_iter()
        .map(|health| {
            let source = admin.gaps.source_of_subscription(&health.subscription);
            let concerns = |gap: &&GapJson| gap.concerns(&health.subscription, source.as_deref());
            let gaps = gaps.iter().filter(concerns).cloned().collect();
            SubscriptionJson { health, gaps }
        })
        .collect();
    HttpResponse::Ok().json(SubscriptionsJson { keeper, subscriptions, gaps })
}

impl GapJson {
    fn of(gap: Listed) -> Self {
        Self { what_to_do: what_to_do(&gap), gap }
    }

    /// True if the subscription, which feeds this source, may have missed something.
    fn concerns(&self, subscription: &str, source: Option<&str>) -> bool {
        match &self.gap.subscription {
            Some(named) => named == subscription,
            None => source == Some(self.gap.source.as_str()),
        }
    }
}

/// Advice for consumers on finding the events they missed.
fn what_to_do(gap: &Listed) -> &'static str {
    match gap.provider {
        Provider::Onshape if gap.scope.contains_key("documentId") => {
            "Read the document's history from the beginning of the gap on."
        }
        Provider::Onshape => {
            "List the documents that were changed since the beginning of the gap, and read the history of each."
        }
        Provider::Aps if gap.scope.contains_key("folder") => {
            "List the folder and compare the versions with those that are known."
        }
        Provider::Aps => {
            "List what the subscriptions of the source watch, and compare it with what is known."
        }
    }
}
