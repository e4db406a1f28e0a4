//! Runs a relay, and stops it in the order of the flow.

use crate::app::Relay;
use crate::event::gap::Gap;
use crate::http::admin::Admin;
use crate::http::admin::throughput::Throughput;
use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;

impl Relay {
    /// Runs until `shutdown` completes, the spool fails, or a listener ends by itself. Calls `answers`
    /// once both listeners answer. Then stops, in this order: the keeper, the requests in flight,
    /// the drain (for at most `GRACE`), the listeners and the spool.
    pub async fn run(
        self,
        answers: impl FnOnce(),
        shutdown: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        if let Some(sharing) = &self.sharing {
            // A notification before the first connection would count as accepted without asking.
            sharing.shared.wait(FIRST_LOOK).await;
        }
        let ingest = self.listeners.ingest.run().await.context("starting the ingest listener")?;
        let admin = self.listeners.admin.run().await.context("starting the admin listener")?;
        answers();
        // The keeper makes hooks, and a provider tries a new hook at once, so the listeners start
        // first.
        let (stop_keeper, stopped) = oneshot::channel::<()>();
        let keeping = self.keeping;
        let keeper = tokio::spawn(async move { keeping.run(async { drop(stopped.await) }).await });
        let (stop_gaps, stopped) = oneshot::channel::<()>();
        let (gaps, inlets) = (self.gaps, Arc::clone(&self.inlets));
        let gaps = tokio::spawn(async move {
            let tell = |gap: Gap| {
                let inlets = Arc::clone(&inlets);
                async move { inlets.tell(&gap).await }
            };
            gaps.run(tell, async { drop(stopped.await) }).await
        });
        let mut failure = self.spool.failure();
        let end = tokio::select! {
            () = shutdown => End::Asked,
            changed = failure.wait_for(|failed| *failed) => match changed {
                Ok(_) => End::SpoolFailed,
                Err(_) => End::Asked,
            },
            () = ingest.ended() => End::ListenerEnded("ingest"),
            () = admin.ended() => End::ListenerEnded("admin"),
            never = sample(&self.state) => match never {},
        };
        if let End::ListenerEnded(listener) = end {
            tracing::error!(listener, "the {listener} listener ended by itself");
        }
        tracing::info!(event = "stopping", "stopping");
        // A balancer sees this first; senders are answered until it has looked elsewhere.
        self.inlets.leaving.store(true, Ordering::Relaxed);
        drop(stop_keeper);
        if end == End::Asked {
            tokio::time::sleep(self.stop_delay).await;
        }
        // From here on, requests get 503 from an open port until the drain has ended.
        self.inlets.stopping.store(true, Ordering::Relaxed);
        self.inlets.connections.settled().await;
        if let Err(error) = keeper.await {
            tracing::error!(error = %error, "the keeper ended early");
        }
        self.stop_drain.store(true, Ordering::Release);
        self.spool.wake_drain();
        let drain = self.drain;
        let drained = tokio::task::spawn_blocking(move || drain.join()).await;
        // The drain sends only confirmed records, so it ends first.
        if let Some(sharing) = self.sharing {
            sharing.stop().await;
        }
        let ingest = ingest.stop().await;
        // The ledger's last entry is the end of the last request.
        drop(stop_gaps);
        if let Err(error) = gaps.await {
            tracing::error!(error = %error, "the ledger of gaps ended early");
        }
        let admin = admin.stop().await;
        let listeners = ingest
            .context("running the ingest listener")
            .and(admin.context("running the admin listener"));
        let recent = self.state.recent.clone();
        tokio::task::spawn_blocking(move || recent.close())
            .await
            .context("closing the recent decisions")?;
        let traces = self.traces;
        tokio::task::spawn_blocking(move || traces.close()).await.context("closing the traces")?;
        let spool = self.spool;
        let books = spool.books();
        tokio::task::spawn_blocking(move || spool.close()).await.context("closing the spool")?;
        let pending: u64 = books.lanes.iter().map(|lane| lane.pending).sum();
        tracing::info!(event = "stopped", pending, "stopped; {pending} records wait in the spool");
        match end {
            End::SpoolFailed => return Err(anyhow!("the spool's store failed")),
            End::Asked => listeners?,
            End::ListenerEnded(listener) => {
                listeners?;
                return Err(anyhow!("the {listener} listener ended by itself"));
            }
        }
        match drained {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(anyhow!("the drain ended in a panic")),
        }
    }
}

/// The reason why a run ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// Somebody asked for it.
    Asked,
    /// A commit failed, and nothing more can be stored.
    SpoolFailed,
    /// A listener ended by itself. A supervisor must start another process, because this one can
    /// answer nobody.
    ListenerEnded(&'static str),
}

/// Samples the totals at regular moments. Never ends.
async fn sample(state: &Admin) -> Infallible {
    let mut due = tokio::time::interval(Throughput::EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        state.throughput.sample(Timestamp::now(), state.totals());
    }
}

/// The time for which a start waits for the window that replicas share.
const FIRST_LOOK: Duration = Duration::from_secs(1);
