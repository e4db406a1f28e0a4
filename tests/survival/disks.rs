//! Small disks to fill up, and to take the power from. Mounting takes a root's rights.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A file system of its own, unmounted with this value.
pub struct Disk {
    /// Its mount point.
    pub path: PathBuf,
    /// The file that it lies in; one in memory has none.
    image: Option<PathBuf>,
}

impl Disk {
    /// A file system in memory.
    pub fn in_memory(mebibytes: u64) -> Self {
        let path = new_place();
        let size = format!("size={mebibytes}m");
        run("mount", ["-t", "tmpfs", "-o", &size, "tmpfs"].map(OsStr::new), &path);
        Self { path, image: None }
    }

    /// An ext4 in a file.
    pub fn in_file(mebibytes: u64) -> Self {
        let path = new_place();
        let image = path.with_extension("ext4");
        let file = File::create(&image).expect("a file for the disk");
        file.set_len(mebibytes << 20).expect("a sparse file");
        run("mkfs.ext4", ["-q", "-F"].map(OsStr::new), &image);
        let disk = Self { path, image: Some(image) };
        disk.mount();
        disk
    }

    /// Acts as a power cut: unsynced data is gone, and nothing more is written.
    pub fn cut_power(&self) {
        let root = File::open(&self.path).expect("the mounted disk");
        let flag: u32 = EXT4_GOING_FLAGS_NOLOGFLUSH;
        // SAFETY: the call reads a number of 32 bits, which outlives it.
        let outcome = unsafe { libc::ioctl(root.as_raw_fd(), EXT4_IOC_SHUTDOWN, &raw const flag) };
        assert_eq!(outcome, 0, "the shutdown of ext4: {}", std::io::Error::last_os_error());
    }

    /// Brings the disk back after a power cut. Nobody may have a file of it open.
    pub fn mount_again(&self) {
        run("umount", [], &self.path);
        self.mount();
    }

    /// Files of others that take so many bytes.
    pub fn fill(&self, bytes: u64) {
        let file = File::create(self.path.join("others")).expect("a file of others");
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes)
            .expect("room for the files of others");
    }

    /// Files of others that take all that is left, but for less than a mebibyte.
    pub fn fill_up(&self) {
        self.fill_to(1 << 16);
    }

    /// Files of others that take all that is left, to the last page.
    pub fn fill_to_the_last_page(&self) {
        self.fill_to(4096);
    }

    fn fill_to(&self, least: u64) {
        let file = File::create(self.path.join("others")).expect("a file of others");
        let (mut at, mut piece) = (0, self.free());
        while piece >= least {
            // The relay takes some of it meanwhile.
            match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), at, piece) {
                Ok(()) => at += piece,
                Err(rustix::io::Errno::NOSPC) => piece /= 2,
                Err(error) => panic!("the files of others: {error}"),
            }
        }
    }

    /// Removes the files of others.
    pub fn clear(&self) {
        fs::remove_file(self.path.join("others")).expect("files of others");
    }

    /// Bytes that may still be written to it.
    pub fn free(&self) -> u64 {
        let stat = rustix::fs::statvfs(&self.path).expect("a mounted disk");
        stat.f_bavail * stat.f_frsize
    }

    fn mount(&self) {
        let image = self.image.as_ref().expect("a disk in a file");
        run("mount", [OsStr::new("-o"), OsStr::new("loop"), image.as_os_str()], &self.path);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the relay may still be on its way out.
        drop(Command::new("umount").arg("-l").arg(&self.path).status());
        drop(fs::remove_dir(&self.path));
        if let Some(image) = &self.image {
            drop(fs::remove_file(image));
        }
    }
}

fn new_place() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("disk-{}-{number}", std::process::id());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&path).expect("a folder to mount on");
    path
}

fn run<const N: usize>(program: &str, words: [&OsStr; N], last: &Path) {
    let output = Command::new(program).args(words).arg(last).output();
    let output = output.unwrap_or_else(|error| panic!("{program} does not run: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {}: {said}", last.display());
}

/// `_IOR('X', 125, __u32)`, of the kernel's ext4.h.
const EXT4_IOC_SHUTDOWN: libc::Ioctl = 0x8004_587D;
/// Even the file system's own journal is not written out.
const EXT4_GOING_FLAGS_NOLOGFLUSH: u32 = 2;
