#include "base/lock.h"

#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct sp_lock {
    int descriptor;
    char *path; /* owned */
};

static long holder_of(int descriptor) {
    char text[24] = "";
    long pid;
    if (pread(descriptor, text, sizeof text - 1, 0) <= 0) return -1;
    pid = strtol(text, NULL, 10);
    return pid > 0 ? pid : -1;
}

/* Whether `path` is still that file: whoever had the lock before may just have removed it. */
static bool is_at(int descriptor, const char *path) {
    struct stat opened, there;
    return fstat(descriptor, &opened) == 0 && stat(path, &there) == 0 && opened.st_dev == there.st_dev &&
           opened.st_ino == there.st_ino;
}

/* For people: the lock is the kernel's. */
static void say_who(int descriptor) {
    char text[24];
    int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(descriptor, 0) == 0 && pwrite(descriptor, text, (size_t)length, 0) < 0) return;
}

/* The locked file; negative: another has it (*holder), or it cannot be made (errno). */
static int lock_file(const char *path, long *holder) {
    enum { ATTEMPTS = 100 }; /* so often nobody takes and leaves it in between */
    for (int i = 0; i < ATTEMPTS; i++) {
        int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (descriptor < 0) return -1;
        bool taken = flock(descriptor, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
        if (!taken && is_at(descriptor, path)) return descriptor;
        if (taken && is_at(descriptor, path)) *holder = holder_of(descriptor);
        close(descriptor);
        if (*holder != 0) return -1;
    }
    return -1;
}

sp_status sp_lock_take(const char *path, sp_lock **lock, long *holder, sp_error *error) {
    sp_lock *made = calloc(1, sizeof *made);
    *lock = NULL;
    *holder = 0;
    if (made) made->path = strdup(path);
    if (!made || !made->path) {
        free(made);
        return sp_fail_memory(error, path, strlen(path));
    }
    made->descriptor = lock_file(path, holder);
    if (made->descriptor >= 0) {
        say_who(made->descriptor);
        *lock = made;
        return SP_OK;
    }
    int cause = errno;
    free(made->path);
    free(made);
    if (*holder != 0) return SP_OK;
    return sp_fail(error, SP_FAILED, "%s: cannot be written (%s); name a place that can", path, strerror(cause));
}

sp_status sp_lock_folder(const char *folder, const char *name, const char *command, sp_lock **lock, sp_error *error) {
    char path[4096];
    long holder = 0;
    *lock = NULL;
    if (!sp_path_join(path, sizeof path, folder, name))
        return sp_fail(error, SP_BAD_CONFIG, "%s: is too long a path; choose another --output", folder);
    sp_status status = sp_folder_create(folder, "--output", error);
    if (!status) status = sp_lock_take(path, lock, &holder, error);
    if (status || holder == 0) return status;
    return sp_fail(error, SP_FAILED,
                   "%s: another %s (process %ld) works here; wait for that, or choose another --output", folder,
                   command, holder);
}

void sp_lock_release(sp_lock *lock) {
    if (!lock) return;
    unlink(lock->path); /* while it is locked: so nobody else's is removed */
    close(lock->descriptor);
    free(lock->path);
    free(lock);
}
