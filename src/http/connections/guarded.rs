//! The stream of a connection, between the socket and the web framework.

use crate::http::connections::Entry;
use crate::http::connections::connection::{Connection, End, Phase, WINDOW};
use crate::http::error::Problem;
use jiff::Timestamp;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that gives the framework no more than [`WINDOW`] bytes ahead of its handlers, ends when
/// its connection is closed from outside, and replaces the framework's own error answers by ours.
#[derive(Debug)]
pub struct Guarded<T> {
    stream: T,
    entry: Entry,
    /// Our own last answer, and the part of it that is written.
    reply: Option<Reply>,
    /// The window is used up, and the framework has had its chance to find a complete head in it.
    was_full: bool,
    /// Bytes discarded after the last answer.
    discarded: usize,
}

#[derive(Debug)]
struct Reply {
    bytes: Vec<u8>,
    written: usize,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Guarded<T> {
    /// Guards a stream.
    pub fn new(stream: T, entry: Entry) -> Self {
        Self { stream, entry, reply: None, was_full: false, discarded: 0 }
    }

    /// Its connection.
    pub fn connection(&self) -> Arc<Connection> {
        Arc::clone(self.entry.connection())
    }

    /// Begins our last answer. All further input is discarded.
    fn say(&mut self, problem: Problem) {
        if self.reply.is_none() {
            self.entry.note_refused(problem);
            self.reply = Some(Reply { bytes: problem.wire(Timestamp::now()), written: 0 });
        }
        self.entry.connection().enter(Phase::Leaving);
    }

    /// Writes the rest of our answer.
    fn poll_reply(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(reply) = &mut self.reply else { return Poll::Ready(Ok(())) };
        while let Some(rest) = reply.bytes.get(reply.written..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.stream).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => reply.written += written,
            }
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// The end of the stream for a connection that was closed, after an answer if one is due.
    fn last_word(&mut self, why: End, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.entry.connection().phase(), Phase::Opened | Phase::Head) {
            match why {
                End::Slow => self.say(Problem::SlowHead),
                End::Crowded => self.say(Problem::Crowded),
                End::Unused => {}
            }
        }
        // Tries to write once; a client that does not take it gets no answer.
        drop(self.poll_reply(context));
        Poll::Ready(Ok(()))
    }

    /// Discards further input after the last answer, up to a bound.
    fn discard(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Poll::Ready(Err(error)) = self.poll_reply(context) {
            return Poll::Ready(Err(error));
        }
        let mut scratch = [0; 4096];
        while self.discarded < DISCARDED && self.entry.connection().ended().is_none() {
            let mut read = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.stream).poll_read(context, &mut read)? {
                Poll::Ready(()) if read.filled().is_empty() => break,
                Poll::Ready(()) => self.discarded += read.filled().len(),
                Poll::Pending => return self.rest(context),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Waits for input or for the closing of the connection.
    fn rest<O>(&self, context: &mut Context<'_>) -> Poll<O> {
        let connection = self.entry.connection();
        connection.register(context.waker());
        if connection.ended().is_some() {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Returns an end instead of waiting, if the connection was closed.
    fn unless_ended<O>(
        &self,
        poll: Poll<io::Result<O>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<O>> {
        match poll {
            Poll::Pending if self.entry.connection().ended().is_some() => {
                Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
            }
            Poll::Pending => self.rest(context),
            Poll::Ready(done) => Poll::Ready(done),
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guarded<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let connection = Arc::clone(this.entry.connection());
        if let Some(why) = connection.ended() {
            return this.last_word(why, context);
        }
        let phase = connection.phase();
        if phase == Phase::Leaving {
            return this.discard(context);
        }
        let unread = connection.unread();
        if unread >= WINDOW {
            if phase != Phase::Head {
                return this.rest(context);
            }
            if !this.was_full {
                this.was_full = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            this.say(Problem::LargeHead);
            return this.discard(context);
        }
        this.was_full = false;
        let before = buffer.filled().len();
        let poll = if buffer.remaining() <= WINDOW - unread {
            Pin::new(&mut this.stream).poll_read(context, buffer)
        } else {
            let mut part = ReadBuf::new(buffer.initialize_unfilled_to(WINDOW - unread));
            let poll = Pin::new(&mut this.stream).poll_read(context, &mut part);
            let read = part.filled().len();
            buffer.advance(read);
            poll
        };
        match poll {
            Poll::Pending => this.rest(context),
            Poll::Ready(read) => {
                let came = &buffer.filled()[before..];
                if came.is_empty() {
                    connection.input_is_over();
                } else {
                    connection.came(came);
                }
                Poll::Ready(read)
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        // No handler was called, so this is the framework's own answer to bytes that are not HTTP.
        if matches!(this.entry.connection().phase(), Phase::Opened | Phase::Head | Phase::Idle) {
            this.say(Problem::NoHttp);
        }
        if this.reply.is_some() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let poll = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.unless_ended(poll, context)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let poll = match this.reply {
            Some(_) => this.poll_reply(context),
            None => Pin::new(&mut this.stream).poll_flush(context),
        };
        if poll.is_ready() {
            this.entry.connection().flushed();
        }
        this.unless_ended(poll, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let poll = match this.poll_reply(context) {
            Poll::Ready(_) => Pin::new(&mut this.stream).poll_shutdown(context),
            Poll::Pending => Poll::Pending,
        };
        this.unless_ended(poll, context)
    }
}

/// Enough for a body that is refused before it has arrived; a client that sends more sees a reset.
const DISCARDED: usize = 256 << 10;
