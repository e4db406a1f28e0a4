//! The cost of a process, by thread, as the kernel counts it.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The use of processor time since the threads began, by group of threads.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// By group.
    pub threads: BTreeMap<String, Thread>,
}

/// The use of one group of threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Thread {
    /// Processor time.
    pub cpu: Duration,
    /// The number of times that a thread waited for something and was woken.
    pub waits: u64,
}

impl Usage {
    /// Reads the use of a process's threads until now.
    pub fn of(pid: u32) -> Self {
        let mut threads: BTreeMap<String, Thread> = BTreeMap::new();
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs");
        for task in tasks.flatten() {
            let read = |name: &str| fs::read_to_string(task.path().join(name)).unwrap_or_default();
            let thread = threads.entry(group(read("comm").trim())).or_default();
            let nanoseconds =
                read("schedstat").split(' ').next().and_then(|time| time.parse().ok());
            thread.cpu += Duration::from_nanos(nanoseconds.unwrap_or(0));
            thread.waits += field(&read("status"), "voluntary_ctxt_switches");
        }
        Self { threads }
    }

    /// The use from an earlier reading to this one.
    pub fn since(&self, earlier: &Self) -> Self {
        let mut threads = self.threads.clone();
        for (name, thread) in &mut threads {
            if let Some(before) = earlier.threads.get(name) {
                thread.cpu = thread.cpu.saturating_sub(before.cpu);
                thread.waits = thread.waits.saturating_sub(before.waits);
            }
        }
        Self { threads }
    }

    /// The processor time of all threads.
    pub fn cpu(&self) -> Duration {
        self.threads.values().map(|thread| thread.cpu).sum()
    }

    /// The number of times that all threads waited.
    pub fn waits(&self) -> u64 {
        self.threads.values().map(|thread| thread.waits).sum()
    }
}

/// Resident memory in MiB.
pub fn memory(pid: u32) -> u64 {
    field(&fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default(), "VmRSS") / 1024
}

/// The peak of resident memory since the process began or [`forget_peak`], in MiB.
pub fn peak_memory(pid: u32) -> u64 {
    field(&fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default(), "VmHWM") / 1024
}

/// Restarts the measurement of [`peak_memory`].
pub fn forget_peak(pid: u32) {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("a process of ours");
}

/// A count of a process's system calls, by group of threads. Needs `perf` and the permission to use
/// it.
pub struct SystemCalls(Child);

impl SystemCalls {
    /// Begins to count. `None` if `perf` cannot be started.
    pub fn count(pid: u32) -> Option<Self> {
        Command::new("perf")
            .args(["stat", "-x", ";", "--per-thread", "-e", "raw_syscalls:sys_enter", "-p"])
            .arg(pid.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()
            .map(Self)
    }

    /// Ends the count and returns it.
    pub fn stop(self) -> BTreeMap<String, u64> {
        support::process::signal(self.0.id(), libc::SIGINT);
        let told = self.0.wait_with_output().expect("perf ends when it is interrupted");
        let mut counts = BTreeMap::new();
        for line in String::from_utf8_lossy(&told.stderr).lines() {
            // `drain-4711;1234;;raw_syscalls:sys_enter;…`
            let mut fields = line.split(';');
            let (Some(thread), Some(count)) = (fields.next(), fields.next()) else { continue };
            let Some((comm, _)) = thread.trim().rsplit_once('-') else { continue };
            *counts.entry(group(comm)).or_default() += count.trim().parse::<u64>().unwrap_or(0);
        }
        counts
    }
}

/// The name under which a thread is counted.
fn group(comm: &str) -> String {
    match comm {
        _ if comm.starts_with("actix") => "workers".to_owned(),
        _ if comm.starts_with("rdk:") => "librdkafka".to_owned(),
        _ => comm
            .trim_end_matches(|last: char| last.is_ascii_digit() || "-:#".contains(last))
            .to_owned(),
    }
}

fn field(status: &str, name: &str) -> u64 {
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = value.and_then(|value| value.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}
