//! The parameters of a request to the API.

use crate::http::error::Problem;
use actix_web::{HttpRequest, web};
use serde::de::DeserializeOwned;

/// Reads the parameters of a URL. One without a value is ignored, because a form sends its empty
/// fields too; whether an unknown one is refused, the type says.
pub fn read<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Problem> {
    let pairs = url::form_urlencoded::parse(request.query_string().as_bytes());
    let given = pairs.filter(|(_, value)| !value.is_empty());
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    let read = web::Query::<T>::from_query(&query).map_err(|_| Problem::Question)?;
    Ok(read.into_inner())
}
