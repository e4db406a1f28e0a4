//! The `cadrelay` binary.

use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;

/// Records are made on one thread and freed on another, which the system's allocator pays for in
/// memory and time. This one also serves librdkafka.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    cadrelay::cli::Cli::read().run()
}
