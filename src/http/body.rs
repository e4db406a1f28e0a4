//! Reads a body whole: its exact bytes, up to the limit, in time.

use crate::http::connections::connection::{Connection, End};
use crate::http::connections::{Connections, NoRoom};
use crate::http::error::Problem;
use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut, Payload};
use futures_core::Stream;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

/// The reason why there is no body.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// The body is larger than the limit.
    #[error("the body is over the limit")]
    TooLarge,
    /// The body is compressed.
    #[error("the body has a content-encoding")]
    Encoded,
    /// The body did not arrive in time.
    #[error("the body did not arrive in time")]
    Slow,
    /// The connection ended in the middle of the body.
    #[error("the body did not arrive whole")]
    Broken,
    /// The chunks of the body are not valid.
    #[error("the body's chunks are malformed")]
    Chunks,
    /// The bodies that are still arriving take all the room there is.
    #[error("there is no room for bodies that come in pieces")]
    NoRoom,
}

/// The room of a body that arrives in pieces, given back on drop. A body that arrives in one piece,
/// as the senders' do, needs none.
struct Held<'c> {
    connections: &'c Connections,
    connection: &'c Connection,
}

impl Held<'_> {
    fn grow(&self, more: usize) -> Result<(), Error> {
        self.connections.hold(self.connection, more).map_err(|NoRoom| Error::NoRoom)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.connections.release(self.connection);
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::TooLarge => Self::TooLarge,
            Error::Encoded => Self::Encoded,
            Error::Slow | Error::Broken => Self::Incomplete,
            Error::Chunks => Self::Chunks,
            Error::NoRoom => Self::Crowded,
        }
    }
}

/// Reads the body of a request. After a failure, pass the rest of `payload` to
/// [`unread_body::hold`].
///
/// [`unread_body::hold`]: crate::http::unread_body::hold
pub async fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    limit: usize,
    connections: &Connections,
    connection: &Connection,
    timeout: Duration,
) -> Result<Bytes, Error> {
    let headers = request.headers();
    let encoded = headers
        .get_all(header::CONTENT_ENCODING)
        .map(|value| value.as_bytes().trim_ascii())
        .any(|value| !value.is_empty() && !value.eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Err(Error::Encoded);
    }
    let announced = announced(request);
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(Error::TooLarge);
    }
    let mut payload = Pin::new(payload);
    // A body that came with its head is ready at once, and needs no timer.
    let waiting = match at_once(next(payload.as_mut(), connection)).await {
        Some(first) => first,
        None => chunk(payload.as_mut(), connection, timeout).await,
    };
    let Some(first) = waiting? else { return Ok(Bytes::new()) };
    if first.len() > limit {
        return Err(Error::TooLarge);
    }
    if announced == Some(first.len() as u64) {
        return Ok(first);
    }
    let gathering = async {
        let held = Held { connections, connection };
        held.grow(first.len())?;
        connection.took();
        let mut body = BytesMut::from(&first[..]);
        while let Some(more) = next(payload.as_mut(), connection).await? {
            if body.len() + more.len() > limit {
                return Err(Error::TooLarge);
            }
            held.grow(more.len())?;
            connection.took();
            body.extend_from_slice(&more);
        }
        Ok(body.freeze())
    };
    tokio::time::timeout(timeout, gathering).await.unwrap_or(Err(Error::Slow))
}

/// The size of a body by the head of its request, if it is there.
pub fn announced(request: &HttpRequest) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The output of a future that is ready without waiting. Otherwise the future can be polled again.
async fn at_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(given) => Poll::Ready(Some(given)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

async fn chunk(
    payload: Pin<&mut Payload>,
    connection: &Connection,
    timeout: Duration,
) -> Result<Option<Bytes>, Error> {
    let waiting = next(payload, connection);
    tokio::time::timeout(timeout, waiting).await.unwrap_or(Err(Error::Slow))
}

async fn next(
    mut payload: Pin<&mut Payload>,
    connection: &Connection,
) -> Result<Option<Bytes>, Error> {
    match poll_fn(|context| payload.as_mut().poll_next(context)).await {
        Some(Ok(chunk)) => Ok(Some(chunk)),
        Some(Err(_)) => Err(cause_of_break(connection)),
        None => Ok(None),
    }
}

/// The reason why the framework gave up a body. It tells malformed chunks and the end of the
/// connection by the same error.
fn cause_of_break(connection: &Connection) -> Error {
    match connection.ended() {
        Some(End::Crowded) => Error::NoRoom,
        Some(End::Slow | End::Unused) => Error::Broken,
        None if connection.is_input_over() => Error::Broken,
        None => Error::Chunks,
    }
}
