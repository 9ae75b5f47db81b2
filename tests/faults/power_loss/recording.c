/* Records what a process does to the files of a folder, in its order: creations, writes, truncations, syncs, removals.
 *
 * Loaded before the C library (LD_PRELOAD). POWER_LOSS_FOLDER is the folder, POWER_LOSS_TRACE the file to record to.
 * A record is a header, and bytes that belong to it; see trace.py, which reads it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CREATED = 1, WRITTEN, TRUNCATED, SYNCED, FOLDER_SYNCED, REMOVED, MARKED };
enum { DESCRIPTORS = 1024, NAME = 64 };

struct header {
    uint32_t kind;
    uint32_t length;
    int64_t place;
    char name[NAME];
};

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char names[DESCRIPTORS][NAME]; /* of the files that are followed; empty for all others */
static char is_folder[DESCRIPTORS];
static int trace = -1;

static const char *in_folder(const char *path) {
    const char *folder = getenv("POWER_LOSS_FOLDER");
    size_t length = folder == NULL ? 0 : strlen(folder);
    if (length == 0 || strncmp(path, folder, length) != 0)
        return NULL;
    return path[length] == '/' ? path + length + 1 : path[length] == '\0' ? "" : NULL;
}

static int is_followed(const char *name) {
    const char *ending = strrchr(name, '-');
    /* The index of the write-ahead log is made anew after a crash. */
    return strncmp(name, "log.db", 6) == 0 && strlen(name) < NAME && strchr(name, '/') == NULL &&
           (name[6] == '\0' || (ending != NULL && strcmp(ending, "-shm") != 0));
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

/* What was acknowledged: called by the program itself, at that moment. */
void power_loss_mark(int64_t position) {
    pthread_mutex_lock(&turn);
    record(MARKED, "", position, "", 0);
    pthread_mutex_unlock(&turn);
}

static const char *followed(int descriptor) {
    return descriptor >= 0 && descriptor < DESCRIPTORS && names[descriptor][0] != '\0' ? names[descriptor] : NULL;
}

static int opened(const char *path, int flags, mode_t mode) {
    const char *name = in_folder(path);
    int descriptor, is_new;
    pthread_mutex_lock(&turn);
    is_new = syscall(SYS_faccessat, AT_FDCWD, path, F_OK) != 0;
    descriptor = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (descriptor >= 0 && descriptor < DESCRIPTORS) {
        names[descriptor][0] = '\0';
        is_folder[descriptor] = name != NULL && name[0] == '\0';
        if (name != NULL && is_followed(name)) {
            snprintf(names[descriptor], NAME, "%s", name);
            if (is_new)
                record(CREATED, name, 0, "", 0);
        }
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
    if (followed(descriptor) == NULL)
        return syscall(SYS_write, descriptor, bytes, count);
    abort(); /* SQLite says where it writes; what does not is to be recorded too, first */
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
    const char *name = followed(descriptor);
    if (name == NULL && !(descriptor >= 0 && descriptor < DESCRIPTORS && is_folder[descriptor]))
        return (int)syscall(call, descriptor);
    pthread_mutex_lock(&turn);
    int result = (int)syscall(call, descriptor);
    if (result == 0)
        record(name == NULL ? FOLDER_SYNCED : SYNCED, name == NULL ? "" : name, 0, "", 0);
    pthread_mutex_unlock(&turn);
    return result;
}

int fsync(int descriptor) { return synced(descriptor, SYS_fsync); }
int fdatasync(int descriptor) { return synced(descriptor, SYS_fdatasync); }

int close(int descriptor) {
    if (descriptor >= 0 && descriptor < DESCRIPTORS) {
        names[descriptor][0] = '\0';
        is_folder[descriptor] = 0;
    }
    return (int)syscall(SYS_close, descriptor);
}

int unlink(const char *path) {
    const char *name = in_folder(path);
    pthread_mutex_lock(&turn);
    int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (result == 0 && name != NULL && is_followed(name))
        record(REMOVED, name, 0, "", 0);
    pthread_mutex_unlock(&turn);
    return result;
}
