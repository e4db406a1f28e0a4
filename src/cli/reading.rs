//! Reads the configuration on a thread of its own, with a deadline.
//!
//! # Promises
//! - A read that hangs, as on a mount whose server is away, ends at the deadline for the caller, and
//!   does not keep the process from ending.
//! - What it reads after the deadline is dropped.
//!
//! # Limits
//! At most [`MOST_HUNG`] reads may hang at the same time; further ones are refused until one ends.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Reads with a deadline.
#[derive(Debug)]
pub struct Reader {
    deadline: Duration,
    /// Each thread that reads holds a clone.
    reading: Arc<()>,
}

/// The reason why there is no result of a read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unread {
    /// A file did not answer in time.
    #[error("a file was not read within {} s: its disk or mount hangs", .0.as_secs())]
    Late(Duration),
    /// Too many earlier reads hang.
    #[error("{MOST_HUNG} earlier reads still hang")]
    Hung,
    /// The system gives no thread.
    #[error("no thread can be started to read it")]
    NoThread,
    /// The read panicked.
    #[error("reading it ended in a panic")]
    Panicked,
}

impl Reader {
    /// Reads with this deadline.
    pub fn new(deadline: Duration) -> Self {
        Self { deadline, reading: Arc::new(()) }
    }

    /// The result of a read that may block.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unread> {
        if Arc::strong_count(&self.reading) > MOST_HUNG {
            return Err(Unread::Hung);
        }
        let (done, result) = oneshot::channel();
        let held = Arc::clone(&self.reading);
        // No thread of the runtime, which waits for all of its own when it ends.
        std::thread::Builder::new()
            .name("reload".to_owned())
            .spawn(move || {
                // Fails if the deadline has passed, and then nobody needs the result.
                drop(done.send(read()));
                drop(held);
            })
            .map_err(|_| Unread::NoThread)?;
        match tokio::time::timeout(self.deadline, result).await {
            Ok(result) => result.map_err(|_| Unread::Panicked),
            Err(_) => Err(Unread::Late(self.deadline)),
        }
    }
}

/// A few, so that the relay reloads again when a mount has been replaced whose reads hang for ever.
pub const MOST_HUNG: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn a_read_that_hangs_ends_at_the_deadline_and_the_next_one_works() {
        let reader = Reader::new(Duration::from_millis(20));
        let (mend, hangs) = mpsc::channel::<()>();

        let late = reader.read(move || hangs.recv()).await;
        let next = reader.read(|| 7).await;

        assert_eq!(late, Err(Unread::Late(Duration::from_millis(20))));
        assert_eq!(next, Ok(7));
        drop(mend);
    }

    #[tokio::test]
    async fn only_so_many_reads_hang_at_once() {
        let reader = Reader::new(Duration::from_millis(1));
        let mut mends = Vec::new();
        for _ in 0..MOST_HUNG {
            let (mend, hangs) = mpsc::channel::<()>();
            mends.push(mend);
            assert!(matches!(reader.read(move || hangs.recv()).await, Err(Unread::Late(_))));
        }

        assert_eq!(reader.read(|| 7).await, Err(Unread::Hung));
        mends.clear();
        let patient = Reader { deadline: Duration::from_secs(60), reading: reader.reading };
        while patient.read(|| 7).await != Ok(7) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_read_that_panics_is_told_from_one_that_hangs() {
        let reader = Reader::new(Duration::from_secs(60));

        assert_eq!(reader.read(|| panic!("on purpose")).await, Err::<(), _>(Unread::Panicked));
    }
}
