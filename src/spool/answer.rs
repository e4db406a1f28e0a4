//! Where the outcome of an append goes: from the writer to the request that waits.

use crate::spool::desk::{Desk, Round};
use crate::spool::{Appended, Error, lock};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// The writer's end. Dropped without an outcome, it tells of a failure.
#[derive(Debug)]
pub struct Answer {
    slot: Arc<Slot>,
    desk: Option<Arc<Desk>>,
}

/// The request's end.
#[derive(Debug)]
pub struct Waiting {
    slot: Arc<Slot>,
}

type Outcome = Result<Appended, Error>;

#[derive(Debug, Default)]
struct Slot {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    New,
    Waited(Waker),
    Told(Outcome),
}

/// Both ends.
pub fn pair() -> (Answer, Waiting) {
    let slot = Arc::new(Slot::default());
    (Answer { slot: Arc::clone(&slot), desk: Desk::here() }, Waiting { slot })
}

impl Answer {
    /// Tells the outcome; the waker goes into the round.
    pub(super) fn tell(mut self, outcome: Outcome, round: &mut Round) {
        let desk = self.desk.take();
        if let Some(waker) = self.slot.tell(outcome) {
            round.add(desk, waker);
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(waker) = self.slot.tell(Err(Error::Failed)) {
            waker.wake();
        }
    }
}

impl Slot {
    /// Keeps the first outcome, and gives who waits for it.
    fn tell(&self, outcome: Outcome) -> Option<Waker> {
        let mut state = lock(&self.state);
        if matches!(*state, State::Told(_)) {
            return None;
        }
        match std::mem::replace(&mut *state, State::Told(outcome)) {
            State::Waited(waker) => Some(waker),
            State::New | State::Told(_) => None,
        }
    }
}

impl Future for Waiting {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let mut state = lock(&self.slot.state);
        if let State::Told(outcome) = *state {
            return Poll::Ready(outcome);
        }
        *state = State::Waited(context.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_reaches_who_waits_with_and_without_a_desk() {
        let (direct, waiting) = pair();
        let mut round = Round::default();
        direct.tell(Ok(Appended::Duplicate), &mut round);
        round.wake();
        assert_eq!(waiting.await, Ok(Appended::Duplicate));

        let local = tokio::task::LocalSet::new();
        local
            .run_until(async {
                tokio::task::spawn_local(Desk::open());
                let (answer, waiting) = pair();
                std::thread::spawn(move || {
                    let mut round = Round::default();
                    answer.tell(Ok(Appended::New { sequence: 7 }), &mut round);
                    round.wake();
                });
                assert_eq!(waiting.await, Ok(Appended::New { sequence: 7 }));
            })
            .await;
    }

    #[tokio::test]
    async fn an_answer_that_is_dropped_is_a_failure_not_a_wait_for_ever() {
        let (answer, waiting) = pair();
        drop(answer);

        assert_eq!(waiting.await, Err(Error::Failed));
    }
}
