//! Wakes all that wait on one thread at once.
//!
//! A commit answers many requests, and waking each from the writer's thread is a system call each.
//! So a thread that serves requests opens a desk: the writer hands it all its wakers with one call,
//! and a task on that thread wakes them there, where it costs next to nothing. Threads without a
//! desk are woken one by one.

use crate::lock::lock;
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

/// The desk of this thread, if one is open.
pub(super) fn here() -> Option<Arc<Desk>> {
    HERE.with_borrow(Clone::clone)
}

/// Who waits for one commit, by desk.
#[derive(Debug, Default)]
pub(super) struct Wakers {
    desks: Vec<(Option<Arc<Desk>>, Vec<Waker>)>,
}

impl Wakers {
    /// Leaves a waker, to be woken with the others of its desk.
    pub(super) fn leave(&mut self, desk: Option<Arc<Desk>>, waker: &Waker) {
        let of = |desk: &Option<Arc<Desk>>| desk.as_ref().map(Arc::as_ptr);
        let at = self.desks.iter().position(|(known, _)| of(known) == of(&desk));
        let at = at.unwrap_or_else(|| {
            self.desks.push((desk, Vec::new()));
            self.desks.len() - 1
        });
        let waiting = &mut self.desks[at].1;
        // Whoever asks again at once is known already; an older one is woken twice, which is harmless.
        if waiting.last().is_none_or(|last| !last.will_wake(waker)) {
            waiting.push(waker.clone());
        }
    }

    /// Wakes all.
    pub(super) fn wake(self) {
        for (desk, wakers) in self.desks {
            match desk {
                Some(desk) => desk.ring(wakers),
                None => wakers.into_iter().for_each(Waker::wake),
            }
        }
    }
}
