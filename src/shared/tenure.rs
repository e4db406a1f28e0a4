//! Holds a lease for as long as possible, and reports at each moment if it is held.
//!
//! # Promises
//! - [`Tenure::while_held`] does no further work after the lease has ended by this process's clock,
//!   even if the process was stopped in between without noticing.
//! - Without Redis, the lease ends when its time is over, and is not held again until Redis is
//!   back.
//!
//! Does not know the work that is done under the lease.

use crate::lock::lock;
use crate::shared::lease::{Held, Lease};
use crate::shared::link::Link;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

/// A lease that is renewed again and again.
#[derive(Debug)]
pub struct Tenure {
    link: Arc<Link>,
    lease: Lease,
    /// The moment until which this process holds the lease, if it does.
    until: Mutex<Option<Instant>>,
    /// Held during a renewal: the last answer is then that of the last question.
    renewing: tokio::sync::Mutex<()>,
    changed: Notify,
    standing: watch::Sender<Standing>,
}

/// The holder of a lease, as far as this process knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// This process.
    Here,
    /// Another process.
    Elsewhere,
    /// Redis does not answer.
    Unknown,
}

impl Tenure {
    pub(super) fn new(link: Arc<Link>, lease: Lease) -> Self {
        let standing = watch::Sender::new(Standing::Unknown);
        Self {
            link,
            lease,
            until: Mutex::default(),
            renewing: tokio::sync::Mutex::default(),
            changed: Notify::new(),
            standing,
        }
    }

    /// Takes the lease when it is free, and renews it. Never ends.
    pub async fn keep(&self) -> Infallible {
        loop {
            self.link.wait(self.lease.lasts() / RENEWALS).await;
            self.renew().await;
            tokio::select! {
                () = sleep(self.lease.lasts() / RENEWALS) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// Changes the duration of the lease, and renews it at once.
    pub fn change(&self, lasts: Duration) {
        self.lease.change(lasts);
        {
            let mut until = lock(&self.until);
            // Redis may be told the new duration from now on.
            *until = until.map(|until| until.min(Instant::now() + lasts));
        }
        self.changed.notify_one();
    }

    /// Gives the lease up, so that another process need not wait for its end.
    pub async fn give_up(&self) {
        *lock(&self.until) = None;
        self.standing.send_replace(Standing::Unknown);
        self.lease.give_up(&self.link).await;
    }

    /// Returns the holder of the lease, and follows its changes.
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// Asks Redis, and returns true if this process still holds the lease.
    pub async fn is_confirmed(&self) -> bool {
        self.renew().await && self.is_held(Instant::now())
    }

    /// Does some work while this process holds the lease. `None` if it does not hold the lease
    /// until the end of the work.
    pub async fn while_held<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let (mut work, mut lost) = (pin!(work), pin!(self.lost()));
        // A process that was stopped finds all its timers due at once, so the clock is checked
        // first.
        let done = poll_fn(|context| {
            let is_lost = lost.as_mut().poll(context).is_ready();
            if is_lost || !self.is_held(Instant::now()) {
                return Poll::Ready(None);
            }
            work.as_mut().poll(context).map(Some)
        })
        .await;
        if done.is_none() {
            self.note_end();
        }
        done
    }

    /// Notes that the lease has ended, and that no other process is known to have taken it.
    fn note_end(&self) {
        self.standing.send_if_modified(|known| {
            let was_here = *known == Standing::Here;
            if was_here {
                *known = Standing::Unknown;
            }
            was_here
        });
    }

    fn is_held(&self, now: Instant) -> bool {
        lock(&self.until).is_some_and(|until| now < until)
    }

    async fn lost(&self) {
        let mut standing = self.standing();
        loop {
            let left =
                lock(&self.until).map(|until| until.saturating_duration_since(Instant::now()));
            let Some(left) = left.filter(|left| !left.is_zero()) else { return };
            tokio::select! {
                () = sleep(left) => {}
                changed = standing.changed() => drop(changed),
            }
        }
    }

    /// Renews the lease. False if another process holds it, or Redis does not answer.
    async fn renew(&self) -> bool {
        let _one_at_a_time = self.renewing.lock().await;
        let taken = self.lease.take(&self.link).await;
        let standing = {
            let mut until = lock(&self.until);
            *until = match taken {
                Ok(Held::Here(new)) => Some(new),
                Ok(Held::Elsewhere) => None,
                Err(_) => until.filter(|until| Instant::now() < *until),
            };
            match (*until, taken) {
                (Some(_), _) => Standing::Here,
                (None, Ok(Held::Elsewhere)) => Standing::Elsewhere,
                (None, Ok(Held::Here(_)) | Err(_)) => Standing::Unknown,
            }
        };
        self.standing.send_if_modified(|known| std::mem::replace(known, standing) != standing);
        matches!(taken, Ok(Held::Here(_)))
    }
}

/// The renewals within the time of a lease: of three, two may be lost.
const RENEWALS: u32 = 3;
