//! The spool, against a map and three lists.

use crate::spools::{self, Found, LANES};
use cadrelay::spool::lanes::Leaving;
use cadrelay::spool::{Appended, LaneId, Spool};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 40,
        // Each step of a shrunken case opens a store, which takes its time.
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_spool_holds_what_a_map_would_hold_whatever_closes_or_copies_it(
        steps in vec(step(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(drive(steps))?;
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Appends these ids at once; some are known, some come twice.
    Append {
        ids: Vec<u64>,
        lane: u16,
    },
    /// Releases so many records of a lane.
    Release {
        lane: u16,
        records: usize,
    },
    Close,
    /// Goes on with a copy of the files, as after a restore. Of a closed spool, because a copy of one at
    /// work is of no moment at all.
    Copy,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (vec(0..IDS, 1..6), 0..2_u16).prop_map(|(ids, lane)| Step::Append { ids, lane }),
        3 => (0..2_u16, 1..6_usize).prop_map(|(lane, records)| Step::Release { lane, records }),
        1 => Just(Step::Close),
        1 => Just(Step::Copy),
    ]
}

async fn drive(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let mut at = dir.path().join("0");
    let mut spool = spools::open(&at).expect("the spool opens");
    let mut model = Found::default();
    let mut last = 0;
    for (number, step) in steps.into_iter().enumerate() {
        match step {
            Step::Append { ids, lane } => append(&spool, &mut model, &mut last, &ids, lane).await?,
            Step::Release { lane, records } => release(&spool, &mut model, lane, records),
            Step::Close => {
                spool.close();
                drop(spool);
                spool = spools::open(&at).expect("the spool opens");
            }
            Step::Copy => {
                spool.close();
                drop(spool);
                let copy = dir.path().join(format!("{}", number + 1));
                spools::copy(&at, &copy);
                at = copy;
                spool = spools::open(&at).expect("the spool opens");
            }
        }
        let found = spools::look(&spool, 0..IDS).expect("the spool is read");
        prop_assert_eq!(&found, &model);
        let pending: u64 = spool.books().lanes.iter().map(|lane| lane.pending).sum();
        prop_assert_eq!(pending, model.waiting.iter().map(|lane| lane.len() as u64).sum::<u64>());
    }
    spool.close();
    Ok(())
}

/// Appends at the same moment, so that some share a commit.
async fn append(
    spool: &Spool,
    model: &mut Found,
    last: &mut u64,
    ids: &[u64],
    lane: u16,
) -> Result<(), TestCaseError> {
    let appends = ids.iter().map(|id| spool.append(spools::submission(*id, lane, 40)));
    let outcomes = join_in_order(appends.collect()).await;
    for (id, outcome) in ids.iter().zip(outcomes) {
        if model.ids.insert(*id) {
            *last += 1;
            prop_assert_eq!(outcome, Ok(Appended::New { sequence: *last }));
            model.waiting[usize::from(lane)].push(*last);
        } else {
            prop_assert_eq!(outcome, Ok(Appended::Duplicate));
        }
    }
    Ok(())
}

/// Polls all, the first first, until all are done.
async fn join_in_order<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let std::task::Poll::Ready(done) = future.as_mut().poll(context)
            {
                *output = Some(done);
            }
        }
        match outputs.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

fn release(spool: &Spool, model: &mut Found, lane: u16, records: usize) {
    let waiting = &mut model.waiting[usize::from(lane)];
    let leaving: Vec<u64> = waiting.drain(..records.min(waiting.len())).collect();
    let Some(through) = leaving.last() else { return };
    let leaving =
        Leaving { through: *through, published: leaving.len() as u64, ..Leaving::default() };
    spool.release(LaneId(lane), leaving, &[]);
}

const IDS: u64 = 40;
const _: () = assert!(LANES == 3, "two for records, one for quarantine");
