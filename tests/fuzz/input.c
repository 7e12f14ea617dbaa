#include "input.h"

#include <errno.h>
#include <sanitizer/allocator_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void fuzz_expect(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "fuzz: %s\n", what);
    abort();
}

/* ---- Files that are none -------------------------------------------------------------------- */

enum { SLOTS = 2, FIRST_DESCRIPTOR = 1 << 20 };

static struct {
    const uint8_t *bytes;
    size_t size, at;
    int absent;
} files[SLOTS];

static const char *paths[SLOTS] = {"/fuzz/0", "/fuzz/1"};

void fuzz_name(int slot, const char *path) {
    paths[slot] = path;
}

const char *fuzz_file(int slot, const uint8_t *bytes, size_t size) {
    files[slot].bytes = bytes;
    files[slot].size = size;
    files[slot].absent = 0;
    return paths[slot];
}

void fuzz_no_file(int slot) {
    files[slot].absent = 1;
}

static int slot_of(const char *path) {
    for (int i = 0; i < SLOTS; i++)
        if (strcmp(path, paths[i]) == 0) return i;
    return -1;
}

int fuzz_is_gzip(const char *path) {
    int slot = slot_of(path);
    return slot >= 0 && files[slot].size >= 2 && files[slot].bytes[0] == 0x1f && files[slot].bytes[1] == 0x8b;
}

static int slot_at(int descriptor) {
    return descriptor >= FIRST_DESCRIPTOR && descriptor < FIRST_DESCRIPTOR + SLOTS ? descriptor - FIRST_DESCRIPTOR : -1;
}

static int no_such_file(void) {
    errno = ENOENT;
    return -1;
}

static int tell_size(int slot, struct stat *about) {
    *about = (struct stat){.st_mode = S_IFREG | 0644, .st_size = (off_t)files[slot].size};
    return 0;
}

int __real_open(const char *path, int flags, ...);
int __real_close(int descriptor);
ssize_t __real_read(int descriptor, void *bytes, size_t size);
ssize_t __real_pread(int descriptor, void *bytes, size_t size, off_t at);
int __real_stat(const char *path, struct stat *about);
int __real_fstat(int descriptor, struct stat *about);
int __wrap_open(const char *path, int flags, unsigned mode);
int __wrap_close(int descriptor);
ssize_t __wrap_read(int descriptor, void *bytes, size_t size);
ssize_t __wrap_pread(int descriptor, void *bytes, size_t size, off_t at);
int __wrap_stat(const char *path, struct stat *about);
int __wrap_fstat(int descriptor, struct stat *about);

int __wrap_open(const char *path, int flags, unsigned mode) {
    int slot = slot_of(path);
    if (slot < 0) return __real_open(path, flags, mode);
    if (files[slot].absent) return no_such_file();
    files[slot].at = 0;
    return FIRST_DESCRIPTOR + slot;
}

int __wrap_close(int descriptor) {
    return slot_at(descriptor) < 0 ? __real_close(descriptor) : 0;
}

ssize_t __wrap_read(int descriptor, void *bytes, size_t size) {
    int slot = slot_at(descriptor);
    if (slot < 0) return __real_read(descriptor, bytes, size);
    size_t left = files[slot].size - files[slot].at;
    if (size > left) size = left;
    if (size > 0) memcpy(bytes, files[slot].bytes + files[slot].at, size);
    files[slot].at += size;
    return (ssize_t)size;
}

ssize_t __wrap_pread(int descriptor, void *bytes, size_t size, off_t at) {
    int slot = slot_at(descriptor);
    if (slot < 0) return __real_pread(descriptor, bytes, size, at);
    if (at < 0 || (size_t)at >= files[slot].size) return 0;
    size_t left = files[slot].size - (size_t)at;
    if (size > left) size = left;
    if (size > 0) memcpy(bytes, files[slot].bytes + at, size);
    return (ssize_t)size;
}

int __wrap_stat(const char *path, struct stat *about) {
    int slot = slot_of(path);
    if (slot < 0) return __real_stat(path, about);
    return files[slot].absent ? no_such_file() : tell_size(slot, about);
}

int __wrap_fstat(int descriptor, struct stat *about) {
    int slot = slot_at(descriptor);
    return slot < 0 ? __real_fstat(descriptor, about) : tell_size(slot, about);
}

/* ---- Memory ----------------------------------------------------------------------------------- */

/* What all that is allocated at a time while an input is read may come to: 64 MiB and a small multiple of the input. */
enum { GRANTED = 64 << 20, TIMES = 16 };

static int counting;
static size_t held, most;

static void on_allocation(const volatile void *memory, size_t size) {
    if (!counting || !memory) return;
    held += size;
    fuzz_expect(held <= most || held > SIZE_MAX / 2, "more memory is allocated than 64 MiB and 16 times the input");
}

/* What was there before may be given back: `held` is then below zero, in arithmetic modulo 2^64. */
static void on_release(const volatile void *memory) {
    if (counting && memory) held -= __sanitizer_get_allocated_size(memory);
}

/* ---- What libFuzzer calls --------------------------------------------------------------------- */

int LLVMFuzzerInitialize(int *count, char ***arguments) {
    (void)count;
    (void)arguments;
    fuzz_prepare();
    fuzz_expect(__sanitizer_install_malloc_and_free_hooks(on_allocation, on_release), "no hooks of malloc");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    held = 0;
    most = GRANTED + TIMES * size;
    counting = 1;
    fuzz_input(bytes, size);
    counting = 0;
    return 0;
}
