//! Wakes all requests that wait on one thread at once.
//!
//! A commit answers many requests, and waking each from the writer's thread costs a system call. So
//! a thread that serves requests opens a wake queue: the writer hands it all its wakers with one
//! call, and a task on that thread wakes them there, which costs next to nothing. Requests on
//! threads without a queue are woken one by one.

use crate::lock::lock;
use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::task::Waker;
use tokio::sync::Notify;

/// The wake queue of one thread.
#[derive(Debug, Default)]
pub struct WakeQueue {
    wakers: Mutex<Vec<Waker>>,
    rung: Notify,
}

thread_local! {
    static HERE: RefCell<Option<Arc<WakeQueue>>> = const { RefCell::new(None) };
}

impl WakeQueue {
    /// Opens the wake queue of this thread. The returned future must run on it; it never ends.
    pub fn open() -> impl Future<Output = ()> {
        let queue = Arc::new(Self::default());
        HERE.set(Some(Arc::clone(&queue)));
        async move {
            loop {
                queue.rung.notified().await;
                let wakers = std::mem::take(&mut *lock(&queue.wakers));
                wakers.into_iter().for_each(Waker::wake);
            }
        }
    }

    fn ring(&self, wakers: Vec<Waker>) {
        let was_empty = {
            let mut waiting = lock(&self.wakers);
            let was_empty = waiting.is_empty();
            match was_empty {
                true => *waiting = wakers,
                false => waiting.extend(wakers),
            }
            was_empty
        };
        if was_empty {
            self.rung.notify_one();
        }
    }
}

/// The wake queue of this thread, if one is open.
pub(super) fn here() -> Option<Arc<WakeQueue>> {
    HERE.with_borrow(Clone::clone)
}

/// The waiting requests of one commit, by wake queue.
#[derive(Debug, Default)]
pub(super) struct Wakers {
    queues: Vec<(Option<Arc<WakeQueue>>, Vec<Waker>)>,
}

impl Wakers {
    /// Adds a waker, to be woken with the others of its queue.
    pub(super) fn leave(&mut self, queue: Option<Arc<WakeQueue>>, waker: &Waker) {
        let of = |queue: &Option<Arc<WakeQueue>>| queue.as_ref().map(Arc::as_ptr);
        let at = self.queues.iter().position(|(known, _)| of(known) == of(&queue));
        let at = at.unwrap_or_else(|| {
            self.queues.push((queue, Vec::new()));
            self.queues.len() - 1
        });
        let waiting = &mut self.queues[at].1;
        // A request that polls again at once is known already; an older one is woken twice, which
        // is harmless.
        if waiting.last().is_none_or(|last| !last.will_wake(waker)) {
            waiting.push(waker.clone());
        }
    }

    /// Wakes all of them.
    pub(super) fn wake(self) {
        for (queue, wakers) in self.queues {
            match queue {
                Some(queue) => queue.ring(wakers),
                None => wakers.into_iter().for_each(Waker::wake),
            }
        }
    }
}
