//! The `cadrelay` binary.

use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;

/// Records are allocated on one thread and freed on another, which costs the system's allocator
/// memory and time. This one also serves librdkafka.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    cadrelay::cli::Cli::read().run()
}
