//! A ticket: a request's share in the outcome of its commit.
//!
//! # Promises
//! - All tickets of a commit give the same outcome, and a ticket gives it whenever it is asked.
//! - A commit that is dropped without an outcome has failed, so nobody waits for ever.
//!
//! A ticket holds a reference to the commit, and the answer of the request if the commit succeeds.
//! A waiting request leaves only its waker with the commit.

use crate::lock::lock;
use crate::spool::append::wake::{Wakers, here};
use crate::spool::{Appended, Error};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

/// One commit, as the waiting requests see it.
#[derive(Debug, Default)]
pub struct Commit {
    outcome: AtomicU8,
    wakers: Mutex<Wakers>,
}

/// The outcome of a commit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CommitOutcome {
    /// Everything in it is on the disk.
    Stored,
    /// Nothing of it was written, for lack of space.
    NoRoom,
    /// Nothing of it counts, and no later commit will be made.
    Failed,
}

/// A request's share in a commit that is on its way.
#[derive(Debug)]
pub struct Ticket {
    commit: Arc<Commit>,
    appended: Appended,
}

/// The writer's end: settles a commit, or fails it when dropped.
#[derive(Debug)]
pub struct Settling(Arc<Commit>);

impl Commit {
    /// A ticket of this commit; `appended` is the holder's result if everything is stored.
    pub fn ticket(self: &Arc<Self>, appended: Appended) -> Ticket {
        Ticket { commit: Arc::clone(self), appended }
    }

    /// The outcome, once there is one.
    pub fn outcome(&self) -> Option<CommitOutcome> {
        match self.outcome.load(Ordering::Acquire) {
            STORED => Some(CommitOutcome::Stored),
            NO_ROOM => Some(CommitOutcome::NoRoom),
            FAILED => Some(CommitOutcome::Failed),
            _ => None,
        }
    }

    fn settle(&self, outcome: CommitOutcome) {
        let wakers = {
            // Under the lock, so that no waker can be left between storing the outcome and taking
            // the wakers.
            let mut wakers = lock(&self.wakers);
            if self.outcome().is_some() {
                return;
            }
            let told = match outcome {
                CommitOutcome::Stored => STORED,
                CommitOutcome::NoRoom => NO_ROOM,
                CommitOutcome::Failed => FAILED,
            };
            self.outcome.store(told, Ordering::Release);
            std::mem::take(&mut *wakers)
        };
        wakers.wake();
    }
}

impl Settling {
    /// Takes a commit to settle it.
    pub fn of(commit: Arc<Commit>) -> Self {
        Self(commit)
    }

    /// Sets the outcome and wakes everyone.
    pub fn settle(self, outcome: CommitOutcome) {
        self.0.settle(outcome);
    }
}

impl Drop for Settling {
    fn drop(&mut self) {
        self.0.settle(CommitOutcome::Failed);
    }
}

impl Ticket {
    /// The holder's result if everything is stored.
    #[cfg(test)]
    pub fn appended(&self) -> Appended {
        self.appended
    }

    /// The holder's result, once it is known.
    #[cfg(test)]
    pub fn outcome(&self) -> Option<Result<Appended, Error>> {
        self.commit.outcome().map(|outcome| self.told(outcome))
    }

    fn told(&self, outcome: CommitOutcome) -> Result<Appended, Error> {
        match outcome {
            CommitOutcome::Stored => Ok(self.appended),
            CommitOutcome::NoRoom => Err(Error::DiskLow),
            CommitOutcome::Failed => Err(Error::Failed),
        }
    }
}

impl Future for Ticket {
    type Output = Result<Appended, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(outcome) = self.commit.outcome() {
            return Poll::Ready(self.told(outcome));
        }
        let queue = here();
        let mut wakers = lock(&self.commit.wakers);
        if let Some(outcome) = self.commit.outcome() {
            return Poll::Ready(self.told(outcome));
        }
        wakers.leave(queue, context.waker());
        Poll::Pending
    }
}

const STORED: u8 = 1;
const FAILED: u8 = 2;
const NO_ROOM: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::append::wake::WakeQueue;
    use std::sync::atomic::AtomicUsize;
    use std::task::{Wake, Waker};

    #[derive(Debug, Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn every_ticket_of_a_commit_is_told_the_same_before_and_after_it_waits() {
        for (outcome, told) in [
            (CommitOutcome::Stored, Ok(Appended::Duplicate)),
            (CommitOutcome::NoRoom, Err(Error::DiskLow)),
            (CommitOutcome::Failed, Err(Error::Failed)),
        ] {
            let commit = Arc::new(Commit::default());
            let mut tickets: Vec<_> = (0..5).map(|_| commit.ticket(Appended::Duplicate)).collect();
            let waiting = [(); 3].map(|()| Arc::new(Counted::default()));
            for (ticket, counted) in tickets.iter_mut().zip(&waiting) {
                let waker = Waker::from(Arc::clone(counted));
                let polled = Pin::new(ticket).poll(&mut Context::from_waker(&waker));
                assert_eq!(polled, Poll::Pending);
            }

            Settling::of(Arc::clone(&commit)).settle(outcome);

            assert!(waiting.iter().all(|counted| counted.0.load(Ordering::Relaxed) == 1));
            for ticket in tickets {
                assert_eq!(ticket.await, told);
            }
            assert_eq!(commit.ticket(Appended::Duplicate).await, told);
        }
    }

    #[tokio::test]
    async fn a_commit_that_is_given_up_is_a_failure_and_not_a_wait_for_ever() {
        let commit = Arc::new(Commit::default());
        let ticket = commit.ticket(Appended::Duplicate);
        drop(Settling::of(commit));

        assert_eq!(ticket.await, Err(Error::Failed));
    }

    #[test]
    fn a_ticket_that_is_asked_again_and_again_leaves_one_waker() {
        let commit = Arc::new(Commit::default());
        let counted = Arc::new(Counted::default());
        let waker = Waker::from(Arc::clone(&counted));
        let mut ticket = commit.ticket(Appended::Duplicate);
        for _ in 0..100 {
            let polled = Pin::new(&mut ticket).poll(&mut Context::from_waker(&waker));
            assert_eq!(polled, Poll::Pending);
        }

        Settling::of(commit).settle(CommitOutcome::Stored);

        assert_eq!(counted.0.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_thread_with_a_desk_is_woken_by_it() {
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async {
                tokio::task::spawn_local(WakeQueue::open());
                let commit = Arc::new(Commit::default());
                let ticket = commit.ticket(Appended::New { sequence: 7 });
                std::thread::spawn(move || Settling::of(commit).settle(CommitOutcome::Stored));
                assert_eq!(ticket.await, Ok(Appended::New { sequence: 7 }));
            })
            .await;
    }
}
