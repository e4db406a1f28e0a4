//! Wakes all that wait on one thread at once.
//!
//! A commit answers many requests, and waking each from the writer's thread is a system call each.
//! So a thread that serves requests opens a desk: the writer hands it all its wakers with one call,
//! and a task on that thread wakes them there, where it costs next to nothing. Threads without a
//! desk are woken one by one.

use crate::spool::lock;
use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::task::Waker;
use tokio::sync::Notify;

/// The desk of one thread.
#[derive(Debug, Default)]
pub struct Desk {
    wakers: Mutex<Vec<Waker>>,
    rung: Notify,
}

thread_local! {
    static HERE: RefCell<Option<Arc<Desk>>> = const { RefCell::new(None) };
}

impl Desk {
    /// Opens a desk on this thread. The returned future must run on it; it never ends.
    pub fn open() -> impl Future<Output = ()> {
        let desk = Arc::new(Self::default());
        HERE.set(Some(Arc::clone(&desk)));
        async move {
            loop {
                desk.rung.notified().await;
                let wakers = std::mem::take(&mut *lock(&desk.wakers));
                wakers.into_iter().for_each(Waker::wake);
            }
        }
    }

    /// The desk of this thread, if one is open.
    pub(super) fn here() -> Option<Arc<Self>> {
        HERE.with_borrow(Clone::clone)
    }

    fn ring(&self, wakers: Vec<Waker>) {
        let was_empty = {
            let mut waiting = lock(&self.wakers);
            let was_empty = waiting.is_empty();
            waiting.extend(wakers);
            was_empty
        };
        if was_empty {
            self.rung.notify_one();
        }
    }
}

/// Wakers of one commit, by desk.
#[derive(Debug, Default)]
pub(super) struct Round {
    desks: Vec<(Arc<Desk>, Vec<Waker>)>,
}

impl Round {
    /// Wakes it with the others of its desk, or at once if it has none.
    pub(super) fn add(&mut self, desk: Option<Arc<Desk>>, waker: Waker) {
        let Some(desk) = desk else { return waker.wake() };
        match self.desks.iter_mut().find(|(known, _)| Arc::ptr_eq(known, &desk)) {
            Some((_, wakers)) => wakers.push(waker),
            None => self.desks.push((desk, vec![waker])),
        }
    }

    /// Wakes all that were added.
    pub(super) fn wake(self) {
        for (desk, wakers) in self.desks {
            desk.ring(wakers);
        }
    }
}
