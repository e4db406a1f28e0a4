//! The words and figures of the spool's log.

use super::*;
use crate::lock::lock;
use crate::spool::upkeep::{self, Upkeep};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Instant;

#[tokio::test]
async fn a_low_disk_is_told_with_the_figures_that_are_compared_and_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let reserve = ByteSize(1 << 60);
    let settings = Settings { disk_reserve: reserve, ..settings(dir.path(), ByteSize(64 << 20)) };
    let spool = opening(&settings, &topics()).open().unwrap();
    // Its own thread has found the disk low, or will find it so already.
    spool.close();
    lock(&spool.inner.admission).shortage.disk = false;

    let said = said(|| upkeep::step(&spool.inner, &mut Upkeep::default(), Instant::now()));

    let room = spool.figures().disk_free;
    let figures =
        format!("free_bytes={room} reserve_bytes={} dir={}", reserve.0, dir.path().display());
    assert!(said.contains("spool_full") && said.contains(&figures), "{figures} is not in {said}");
}

/// Everything that is logged meanwhile.
fn said(act: impl FnOnce()) -> String {
    let log = Log::default();
    let kept = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || kept.clone()).finish();
    tracing::subscriber::with_default(subscriber, act);
    String::from_utf8(lock(&log.0).clone()).unwrap()
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
