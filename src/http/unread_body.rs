//! Handles refusals that are answered before the body was read whole.
//!
//! If nobody holds the payload of a chunked body, actix reads on after the answer, without a limit
//! of time or size: one half-sent request would keep its connection for good. If the payload is
//! held until the answer is written, actix hangs up instead, `client_disconnect_timeout` later.

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::{Bytes, Payload};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Returns the same answer. The connection closes after it if the body was not read to its end.
pub fn hold(response: HttpResponse, unread: Payload) -> HttpResponse {
    response.map_body(|_, body| match body.try_into_bytes() {
        Ok(text) => BoxBody::new(Held { text, _unread: unread }),
        Err(stream) => stream,
    })
}

struct Held {
    text: Bytes,
    _unread: Payload,
}

impl MessageBody for Held {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.text.len() as u64)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let text = mem::take(&mut self.get_mut().text);
        Poll::Ready((!text.is_empty()).then_some(Ok(text)))
    }
}
