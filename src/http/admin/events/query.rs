//! The query of a request for events.

use crate::http::admin::parameters;
use crate::http::error::Problem;
use crate::recent::decision::Outcome;
use crate::recent::filter::Filter;
use actix_web::HttpRequest;
use serde::Deserialize;
use std::num::NonZeroUsize;

/// A parsed query.
#[derive(Clone, Debug)]
pub struct Query {
    /// The decisions that are asked for.
    pub filter: Filter,
    /// The most decisions.
    pub limit: usize,
    /// Only decisions older than this.
    pub before: Option<u64>,
    /// Only decisions newer than this.
    pub after: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    source: Option<String>,
    outcome: Option<Outcome>,
    event: Option<String>,
    group: Option<String>,
    subject: Option<String>,
    document: Option<String>,
    id: Option<String>,
    q: Option<String>,
    limit: Option<NonZeroUsize>,
    before: Option<u64>,
    after: Option<u64>,
}

impl Query {
    /// Reads the query of a URL.
    pub fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let written: Written = parameters::read(request)?;
        Ok(Self {
            filter: Filter {
                source: written.source,
                outcome: written.outcome,
                event: written.event,
                group: written.group,
                subject: written.subject,
                document: written.document,
                id: written.id,
                text: written.q,
            },
            limit: written.limit.map_or(USUAL, NonZeroUsize::get).min(MOST),
            before: written.before,
            after: written.after,
        })
    }
}

/// The limit if the query gives none.
const USUAL: usize = 100;
/// The most decisions in one answer: some hundred kilobytes.
const MOST: usize = 1_000;
