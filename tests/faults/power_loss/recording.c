/* Records what a process does to a folder and all in it, in its order: creations, writes, truncations, syncs, renames,
 * removals. What is done in a way that is not recorded ends the process, so that no state is built without it.
 *
 * Loaded before the C library (LD_PRELOAD). POWER_LOSS_FOLDER is the folder, POWER_LOSS_TRACE the file to record to.
 * A record is a header, and bytes that belong to it; see trace.py, which reads it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATED = 1, FOLDER_CREATED, WRITTEN, TRUNCATED, SYNCED, FOLDER_SYNCED, RENAMED, REMOVED, MARKED };
enum { NOTHING, A_FILE, A_FOLDER };
enum { DESCRIPTORS = 1024, NAME = 128 };

struct header {
    uint32_t kind;
    uint32_t length;
    int64_t place;
    char name[NAME];
};

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char what[DESCRIPTORS]; /* is followed there */
static char names[DESCRIPTORS][NAME]; /* of what is followed, from the folder on */
static int trace = -1;

static const char *in_folder(const char *path) {
    const char *folder = getenv("POWER_LOSS_FOLDER");
    size_t length = folder == NULL ? 0 : strlen(folder);
    if (length == 0 || strncmp(path, folder, length) != 0)
        return NULL;
    return path[length] == '/' ? path + length + 1 : path[length] == '\0' ? "" : NULL;
}

/* The name of what is followed; NULL for all else. */
static const char *followed_name(const char *path) {
    const char *name = in_folder(path);
    const char *ending = name == NULL ? NULL : strrchr(name, '-');
    if (name != NULL && strlen(name) >= NAME)
        abort();
    /* The index of the write-ahead log is memory that processes share: it is made anew after a crash. */
    return ending != NULL && strcmp(ending, "-shm") == 0 ? NULL : name;
}

static void put(const void *bytes, size_t count) {
    const char *from = bytes;
    while (count > 0) {
        long written = syscall(SYS_write, trace, from, count);
        if (written <= 0)
            abort();
        from += written;
        count -= (size_t)written;
    }
}

static void record(uint32_t kind, const char *name, int64_t place, const void *bytes, size_t count) {
    struct header header = {.kind = kind, .length = (uint32_t)count, .place = place};
    if (trace < 0)
        trace = (int)syscall(SYS_openat, AT_FDCWD, getenv("POWER_LOSS_TRACE"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    snprintf(header.name, NAME, "%s", name);
    put(&header, sizeof header);
    put(bytes, count);
}

/* What was promised, and of what (a job, a file): called by the program itself, at that moment. */
void power_loss_mark(int64_t position, const char *of) {
    pthread_mutex_lock(&turn);
    record(MARKED, of, position, "", 0);
    pthread_mutex_unlock(&turn);
}

static const char *followed(int descriptor) {
    return descriptor >= 0 && descriptor < DESCRIPTORS && what[descriptor] == A_FILE ? names[descriptor] : NULL;
}

static int is_there(const char *path) { return syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0; }

static void follow(int descriptor, const char *name) {
    struct stat found;
    if (descriptor >= DESCRIPTORS || fstat(descriptor, &found) != 0)
        abort();
    what[descriptor] = S_ISDIR(found.st_mode) ? A_FOLDER : A_FILE;
    snprintf(names[descriptor], NAME, "%s", name);
}

static int opened(const char *path, int flags, mode_t mode) {
    const char *name = followed_name(path);
    int descriptor, is_new;
    if (name == NULL)
        return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    pthread_mutex_lock(&turn);
    is_new = !is_there(path);
    descriptor = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (descriptor >= 0) {
        follow(descriptor, name);
        if (is_new)
            record(CREATED, name, 0, "", 0);
        else if (flags & O_TRUNC)
            record(TRUNCATED, name, 0, "", 0);
    }
    pthread_mutex_unlock(&turn);
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

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t place) {
    const char *name = followed(descriptor);
    if (name == NULL)
        return syscall(SYS_pwrite64, descriptor, bytes, count, place);
    pthread_mutex_lock(&turn);
    ssize_t written = syscall(SYS_pwrite64, descriptor, bytes, count, place);
    if (written > 0)
        record(WRITTEN, name, place, bytes, (size_t)written);
    pthread_mutex_unlock(&turn);
    return written;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t place) {
    return pwrite64(descriptor, bytes, count, place);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    const char *name = followed(descriptor);
    if (name == NULL)
        return syscall(SYS_write, descriptor, bytes, count);
    pthread_mutex_lock(&turn);
    ssize_t written = syscall(SYS_write, descriptor, bytes, count);
    if (written > 0)
        record(WRITTEN, name, lseek64(descriptor, 0, SEEK_CUR) - written, bytes, (size_t)written);
    pthread_mutex_unlock(&turn);
    return written;
}

int ftruncate64(int descriptor, off64_t size) {
    const char *name = followed(descriptor);
    pthread_mutex_lock(&turn);
    int result = (int)syscall(SYS_ftruncate, descriptor, size);
    if (name != NULL && result == 0)
        record(TRUNCATED, name, size, "", 0);
    pthread_mutex_unlock(&turn);
    return result;
}

int ftruncate(int descriptor, off_t size) { return ftruncate64(descriptor, size); }

static int synced(int descriptor, long call) {
    int kind = descriptor >= 0 && descriptor < DESCRIPTORS ? what[descriptor] : NOTHING;
    if (kind == NOTHING)
        return (int)syscall(call, descriptor);
    pthread_mutex_lock(&turn);
    int result = (int)syscall(call, descriptor);
    if (result == 0)
        record(kind == A_FOLDER ? FOLDER_SYNCED : SYNCED, names[descriptor], 0, "", 0);
    pthread_mutex_unlock(&turn);
    return result;
}

int fsync(int descriptor) { return synced(descriptor, SYS_fsync); }
int fdatasync(int descriptor) { return synced(descriptor, SYS_fdatasync); }

int close(int descriptor) {
    if (descriptor >= 0 && descriptor < DESCRIPTORS)
        what[descriptor] = NOTHING;
    return (int)syscall(SYS_close, descriptor);
}

/* A call that changes one name: its result, recorded where it is followed. */
static int renaming(uint32_t kind, const char *path, const char *to, long result) {
    const char *name = followed_name(path), *new_name = to == NULL ? "" : followed_name(to);
    if (result == 0 && (name == NULL) != (new_name == NULL) && to != NULL)
        abort();
    if (result == 0 && name != NULL)
        record(kind, name, 0, new_name, strlen(new_name));
    pthread_mutex_unlock(&turn);
    return (int)result;
}

int mkdir(const char *path, mode_t mode) {
    pthread_mutex_lock(&turn);
    return renaming(FOLDER_CREATED, path, NULL, syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

int rename(const char *path, const char *to) {
    pthread_mutex_lock(&turn);
    return renaming(RENAMED, path, to, syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, to, 0));
}

int unlink(const char *path) {
    pthread_mutex_lock(&turn);
    return renaming(REMOVED, path, NULL, syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

int rmdir(const char *path) {
    pthread_mutex_lock(&turn);
    return renaming(REMOVED, path, NULL, syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR));
}

/* None of the programs that are recorded writes so: one that begins to is not taken for one that writes nothing. */
static void refuse(int descriptor) {
    if (followed(descriptor) != NULL)
        abort();
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    refuse(descriptor);
    return syscall(SYS_writev, descriptor, parts, count);
}

int fallocate64(int descriptor, int mode, off64_t place, off64_t size) {
    refuse(descriptor);
    return (int)syscall(SYS_fallocate, descriptor, mode, place, size);
}

int posix_fallocate64(int descriptor, off64_t place, off64_t size) {
    refuse(descriptor);
    return syscall(SYS_fallocate, descriptor, 0, place, size) == 0 ? 0 : errno;
}
