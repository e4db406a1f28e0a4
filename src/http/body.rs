//! Reads a body whole: its exact bytes, up to the limit, in time.

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_core::Stream;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Why there is no body.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// It is larger than the limit.
    #[error("the body is over the limit")]
    TooLarge,
    /// It is compressed.
    #[error("the body has a content-encoding")]
    Encoded,
    /// It did not arrive in time.
    #[error("the body did not arrive in time")]
    Slow,
    /// The connection ended in the middle of it.
    #[error("the body did not arrive whole")]
    Broken,
    /// Too much of other bodies has arrived, and not their ends.
    #[error("there is no room for bodies that come in pieces")]
    NoRoom,
}

/// What bodies that come in pieces may hold together while they come, so that many connections
/// cannot fill the memory. A body that comes in one piece, as those of the senders do, needs none.
#[derive(Debug)]
pub struct Room {
    left: AtomicUsize,
}

impl Room {
    /// Room for so many bytes.
    pub fn of(bytes: usize) -> Self {
        Self { left: AtomicUsize::new(bytes) }
    }
}

/// A part of the room, given back when it is dropped.
struct Taken<'r> {
    room: &'r Room,
    bytes: usize,
}

impl Taken<'_> {
    fn grow(&mut self, more: usize) -> Result<(), Error> {
        let less = |left: usize| left.checked_sub(more);
        self.room
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .map_err(|_| Error::NoRoom)?;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.room.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// Reads the body of a request. What is left of `payload` after a failure is for [`unread_body::hold`].
///
/// [`unread_body::hold`]: crate::http::unread_body::hold
pub async fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    limit: usize,
    room: &Room,
    timeout: Duration,
) -> Result<Bytes, Error> {
    let headers = request.headers();
    let encoded = headers
        .get_all(header::CONTENT_ENCODING)
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Err(Error::Encoded);
    }
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(Error::TooLarge);
    }
    let mut payload = Pin::new(payload);
    // A body that came with its head is here at once; then no timer is needed.
    let Some(first) = chunk(payload.as_mut(), timeout).await? else { return Ok(Bytes::new()) };
    if first.len() > limit {
        return Err(Error::TooLarge);
    }
    if announced == Some(first.len() as u64) {
        return Ok(first);
    }
    let gathering = async {
        let mut taken = Taken { room, bytes: 0 };
        taken.grow(first.len())?;
        let mut body = BytesMut::from(&first[..]);
        while let Some(more) = next(payload.as_mut()).await? {
            if body.len() + more.len() > limit {
                return Err(Error::TooLarge);
            }
            taken.grow(more.len())?;
            body.extend_from_slice(&more);
        }
        Ok(body.freeze())
    };
    tokio::time::timeout(timeout, gathering).await.unwrap_or(Err(Error::Slow))
}

async fn chunk(mut payload: Pin<&mut Payload>, timeout: Duration) -> Result<Option<Bytes>, Error> {
    let waiting = next(payload.as_mut());
    tokio::time::timeout(timeout, waiting).await.unwrap_or(Err(Error::Slow))
}

async fn next(mut payload: Pin<&mut Payload>) -> Result<Option<Bytes>, Error> {
    match poll_fn(|context| payload.as_mut().poll_next(context)).await {
        Some(Ok(chunk)) => Ok(Some(chunk)),
        Some(Err(_)) => Err(Error::Broken),
        None => Ok(None),
    }
}
