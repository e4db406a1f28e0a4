//! Processes that a test starts: they end with it, however it ends.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, Command},
    sync::{OnceLock, mpsc},
    thread,
};

/// Starts a process that the kernel kills when this one ends, and that Ctrl-C reaches.
///
/// The kernel watches the thread that starts it and not the process, and a test's thread ends with
/// the test. So a thread that never ends starts them all.
pub fn launch(mut command: Command) -> io::Result<Child> {
    type Order = (Command, mpsc::Sender<io::Result<Child>>);
    static LAUNCHER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();

    let launcher = LAUNCHER.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, reply) in inbox {
                let _ = reply.send(command.spawn());
            }
        });
        orders
    });
    // SAFETY: prctl and signal are bare system calls: they allocate nothing and take no lock, so they may
    // run between fork and exec.
    unsafe {
        command.pre_exec(|| {
            // A shell without job control starts what runs in its background with this one ignored, and
            // what is ignored is inherited.
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        });
    }
    let (reply, child) = mpsc::channel();
    launcher.send((command, reply)).expect("the launcher never ends");
    child.recv().expect("the launcher answers")
}

/// Has a command start with these limits of open files.
pub fn limit_descriptors(command: &mut Command, soft: u64, hard: u64) {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: setrlimit is a bare system call: it allocates nothing and takes no lock, so it may run
    // between fork and exec.
    unsafe {
        command.pre_exec(move || match libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
}

/// Sends a signal to a child that was not waited for yet.
pub fn signal(pid: u32, signal: libc::c_int) {
    let pid = libc::pid_t::try_from(pid).expect("a pid fits its own type");
    // SAFETY: kill is a bare system call; the pid is of a child that was not waited for yet.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0, "{}", io::Error::last_os_error());
}
