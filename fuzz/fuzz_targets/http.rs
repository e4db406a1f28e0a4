//! Whatever bytes come on a connection, it ends, and no answer is a receipt or a fault of ours.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use std::time::Duration;
use support::hostile::http::Target;
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

// The relay's own watch looks at the same connections by the real clock, by which none is late.
static TARGET: LazyLock<Target> = LazyLock::new(|| Target::start(Duration::from_secs(60)));

thread_local! {
    // Time stands still until something waits for it, so a time-out costs nothing.
    static RUNTIME: (Runtime, LocalSet) = {
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build().expect("a runtime");
        let local = LocalSet::new();
        local.spawn_local(TARGET.watch());
        (runtime, local)
    };
}

fuzz_target!(|bytes: &[u8]| {
    RUNTIME.with(|(runtime, local)| drop(local.block_on(runtime, TARGET.check(bytes))));
});
