/* Makes the Nth write or sync of a log's files fail, or be the process's last.
 *
 * Loaded before the C library (LD_PRELOAD). The files are log.db and those whose names go on with a hyphen, in any
 * folder, without the index of the write-ahead log. What is to happen says the program itself, by fault_arm(), or the
 * environment, FAULT_ARM="KIND INDEX TIMES ACTION" in numbers.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WRITES = 1, SYNCS = 2 };
enum { FAILS = 1, KILL_BEFORE = 2, KILL_AFTER = 3, NO_SPACE = 4 };
enum { DESCRIPTORS = 1024 };

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char is_followed[DESCRIPTORS];
static int armed_kind, armed_action;
static long armed_from, armed_until, counts[3];

void fault_arm(int kind, long index, long times, int action) {
    pthread_mutex_lock(&turn);
    armed_kind = kind;
    armed_action = action;
    armed_from = index;
    armed_until = index + times;
    memset(counts, 0, sizeof counts);
    pthread_mutex_unlock(&turn);
}

/* Calls of a kind since the last fault_arm(). */
long fault_count(int kind) { return counts[kind]; }

__attribute__((constructor)) static void arm_from_environment(void) {
    const char *said = getenv("FAULT_ARM");
    long index, times;
    int kind, action;
    if (said != NULL && sscanf(said, "%d %ld %ld %d", &kind, &index, &times, &action) == 4)
        fault_arm(kind, index, times, action);
}

static void follow(int descriptor, const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
    if (descriptor >= 0 && descriptor < DESCRIPTORS)
        is_followed[descriptor] =
            strcmp(name, "log.db") == 0 || strcmp(name, "log.db-wal") == 0 || strcmp(name, "log.db-journal") == 0;
}

/* What is to happen now: 0 for nothing, else the action. */
static int happens(int descriptor, int kind) {
    int action = 0;
    if (descriptor < 0 || descriptor >= DESCRIPTORS || !is_followed[descriptor])
        return 0;
    pthread_mutex_lock(&turn);
    counts[kind]++;
    if (armed_kind == kind && counts[kind] >= armed_from && counts[kind] < armed_until)
        action = armed_action;
    pthread_mutex_unlock(&turn);
    if (action == KILL_BEFORE)
        kill(getpid(), SIGKILL);
    if (action == FAILS || action == NO_SPACE)
        errno = action == FAILS ? EIO : ENOSPC;
    return action;
}

static int has_failed(int action) { return action == FAILS || action == NO_SPACE; }

static long done(int action, long result) {
    if (action == KILL_AFTER)
        kill(getpid(), SIGKILL);
    return result;
}

static int opened(const char *path, int flags, mode_t mode) {
    int descriptor = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    follow(descriptor, path);
    return descriptor;
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return opened(path, flags | O_LARGEFILE, mode);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return opened(path, flags, mode);
}

int close(int descriptor) {
    if (descriptor >= 0 && descriptor < DESCRIPTORS)
        is_followed[descriptor] = 0;
    return (int)syscall(SYS_close, descriptor);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t place) {
    int action = happens(descriptor, WRITES);
    return has_failed(action) ? -1 : done(action, syscall(SYS_pwrite64, descriptor, bytes, count, place));
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t place) {
    return pwrite64(descriptor, bytes, count, place);
}

int ftruncate64(int descriptor, off64_t size) {
    int action = happens(descriptor, WRITES);
    return has_failed(action) ? -1 : (int)done(action, syscall(SYS_ftruncate, descriptor, size));
}

int ftruncate(int descriptor, off_t size) { return ftruncate64(descriptor, size); }

int fsync(int descriptor) {
    int action = happens(descriptor, SYNCS);
    return has_failed(action) ? -1 : (int)done(action, syscall(SYS_fsync, descriptor));
}

int fdatasync(int descriptor) {
    int action = happens(descriptor, SYNCS);
    return has_failed(action) ? -1 : (int)done(action, syscall(SYS_fdatasync, descriptor));
}
