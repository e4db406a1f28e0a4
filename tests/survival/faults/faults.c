/* A disk and a clock that break on command: preloaded into the relay under test.
 *
 * CADRELAY_FAULTS names a file of 64-bit numbers, shared with the test, that says what to do. Only the
 * segments of the log (*.log) are touched, and the mark of what was acknowledged (acknowledged): what is
 * answered goes through them. Reads of the configuration may hang too. A step is a sync, a positioned write or a renaming of any file. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
    SYNCS,        /* counted here: syncs of segments so far */
    FAIL_SYNC,    /* fail the sync with this number, and all after it */
    KILL_BEFORE,  /* die before the sync with this number */
    KILL_AFTER,   /* die after the sync with this number, before anyone hears of it */
    WRITES,       /* counted here: writes to segments so far */
    TEAR_WRITE,   /* write half of the write with this number, then die */
    CLOCK_OFFSET, /* seconds that the clock of the day is wrong by */
    SKIP_SYNC,    /* say that a segment was synced, and do nothing */
    MARKS,        /* counted here: writes of the mark of what was acknowledged so far */
    FAIL_MARK,    /* fail the write of the mark with this number, and all after it */
    HANG,         /* every read, write and sync of a segment waits while this is not 0 */
    STEPS,        /* counted here: steps so far */
    KILL_STEP,    /* die before the step with this number */
    HANG_CONFIG,  /* every read of the configuration (cadrelay.toml) waits while this is not 0 */
    NUMBERS
};

static _Atomic int64_t *order;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CADRELAY_FAULTS");
    int fd = path ? open(path, O_RDWR) : -1;
    if (fd < 0) {
        return;
    }
    void *shared = mmap(NULL, NUMBERS * 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    order = shared == MAP_FAILED ? NULL : shared;
    close(fd);
}

/* Whether this sync or write is the one that was ordered, or the first after it: the order may come a
   moment after its number has passed. */
static int is_due(int fault, int64_t number) {
    return order[fault] && number >= order[fault];
}

static void step(void) {
    if (order && is_due(KILL_STEP, ++order[STEPS])) {
        kill(getpid(), SIGKILL);
    }
}

int rename(const char *from, const char *to) {
    int (*real)(const char *, const char *) =
        (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    step();
    return real(from, to);
}

static int ends_in(int fd, const char *end) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path), wanted = strlen(end);
    return length > wanted && memcmp(path + length - wanted, end, wanted) == 0;
}

static int is_segment(int fd) {
    return ends_in(fd, ".log");
}

static void hang(void) {
    while (order[HANG]) {
        usleep(1000);
    }
}

static int sync_segment(int fd, const char *name) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    step();
    if (!order || !is_segment(fd)) {
        return real(fd);
    }
    hang();
    int64_t number = ++order[SYNCS];
    if (is_due(FAIL_SYNC, number)) {
        errno = EIO;
        return -1;
    }
    if (is_due(KILL_BEFORE, number)) {
        kill(getpid(), SIGKILL);
    }
    int outcome = order[SKIP_SYNC] ? 0 : real(fd);
    if (is_due(KILL_AFTER, number)) {
        kill(getpid(), SIGKILL);
    }
    return outcome;
}

int fsync(int fd) {
    return sync_segment(fd, "fsync");
}

int fdatasync(int fd) {
    return sync_segment(fd, "fdatasync");
}

static ssize_t write_segment(int fd, const struct iovec *parts, int count, off_t at, const char *name) {
    ssize_t (*real)(int, const struct iovec *, int, off_t) =
        (ssize_t(*)(int, const struct iovec *, int, off_t))dlsym(RTLD_NEXT, name);
    step();
    if (order && ends_in(fd, "/acknowledged") && is_due(FAIL_MARK, ++order[MARKS])) {
        errno = EIO;
        return -1;
    }
    if (order && is_segment(fd)) {
        hang();
    }
    if (order && is_segment(fd) && is_due(TEAR_WRITE, ++order[WRITES])) {
        size_t half = 0;
        for (int part = 0; part < count; part++) {
            half += parts[part].iov_len;
        }
        half /= 2;
        for (int part = 0; part < count && half > 0; part++) {
            struct iovec some = parts[part];
            some.iov_len = some.iov_len < half ? some.iov_len : half;
            real(fd, &some, 1, at);
            at += some.iov_len;
            half -= some.iov_len;
        }
        kill(getpid(), SIGKILL);
    }
    return real(fd, parts, count, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    return write_segment(fd, parts, count, at, "pwritev");
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
    return write_segment(fd, parts, count, at, "pwritev64");
}

static ssize_t read_segment(int fd, void *bytes, size_t count, off_t at, const char *name) {
    ssize_t (*real)(int, void *, size_t, off_t) =
        (ssize_t(*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, name);
    if (order && order[HANG] && is_segment(fd)) {
        hang();
    }
    return real(fd, bytes, count, at);
}

ssize_t pread(int fd, void *bytes, size_t count, off_t at) {
    return read_segment(fd, bytes, count, at, "pread");
}

ssize_t pread64(int fd, void *bytes, size_t count, off64_t at) {
    return read_segment(fd, bytes, count, at, "pread64");
}

ssize_t read(int fd, void *bytes, size_t count) {
    ssize_t (*real)(int, void *, size_t) = (ssize_t(*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
    while (order && order[HANG_CONFIG] && ends_in(fd, "/cadrelay.toml")) {
        usleep(1000);
    }
    return real(fd, bytes, count);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) {
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    }
    int outcome = real(clock, now);
    if (outcome == 0 && order && clock == CLOCK_REALTIME) {
        now->tv_sec += order[CLOCK_OFFSET];
    }
    return outcome;
}
