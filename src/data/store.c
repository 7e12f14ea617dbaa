#include "data/store.h"

#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST_ROWS = 64, WARY = 64 };

struct sp_store {
    int descriptor;
    char *path; /* owned */
    sp_store_shape shape;
    float *held;      /* owned [shape.held, features] */
    atomic_int fault; /* the first: an errno, or SP_STORE_SHORT; 0: none */
    atomic_int wary;  /* so many gathers yet will have the system read ahead: rows were not in its cache */
};

int sp_read_at(int descriptor, void *bytes, size_t size, uint64_t at) {
    for (char *to = bytes; size > 0;) {
        ssize_t got = pread(descriptor, to, size, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got == 0 ? SP_STORE_SHORT : errno;
        to += got;
        size -= (size_t)got;
        at += (uint64_t)got;
    }
    return 0;
}

static size_t row_bytes(const sp_store *store) {
    return store->shape.features * sizeof(float);
}

sp_store *sp_store_create(int descriptor, const char *path, sp_store_shape shape) {
    sp_store *made = calloc(1, sizeof *made);
    if (made) *made = (sp_store){.descriptor = descriptor, .path = strdup(path), .shape = shape};
    if (made) made->held = sp_allocate(shape.held, sp_bytes(shape.features, sizeof *made->held));
    bool good = made && made->path && made->held;
    if (good) {
        int fault = sp_read_at(descriptor, made->held, shape.held * row_bytes(made), shape.values_at);
        if (fault) atomic_store(&made->fault, fault);
        return made;
    }
    if (made) free(made->path);
    if (made) free(made->held);
    free(made);
    close(descriptor);
    return NULL;
}

size_t sp_store_held_bytes(const sp_store *store) {
    return store->shape.held * row_bytes(store);
}

void sp_store_destroy(sp_store *store) {
    if (!store) return;
    close(store->descriptor);
    free(store->held);
    free(store->path);
    free(store);
}

static uint64_t place_of(const sp_store *store, size_t row) {
    return store->shape.values_at + (uint64_t)row * row_bytes(store);
}

/* Rows that follow each other in the file, too, from the first on; at most MOST_ROWS. */
static size_t run_of(const uint32_t *rows, size_t count) {
    size_t run = 1;
    while (run < count && run < MOST_ROWS && rows[run] == rows[0] + run) run++;
    return run;
}

/* What was to be read is 0; the first reason is kept. */
static void fail(sp_store *store, int fault, float *result) {
    int none = 0;
    atomic_compare_exchange_strong(&store->fault, &none, fault);
    memset(result, 0, row_bytes(store));
}

/* One by one, each whole or not at all. */
static void read_rows(sp_store *store, size_t row, size_t count, float *result, size_t stride) {
    for (size_t i = 0; i < count; i++) {
        int fault = sp_read_at(store->descriptor, result + i * stride, row_bytes(store), place_of(store, row + i));
        if (fault) fail(store, fault, result + i * stride);
    }
}

/* `count` rows (at most MOST_ROWS) from `row` on, at once; with flags as of preadv2. Returns what that does. */
static ssize_t read_run(sp_store *store, size_t row, size_t count, float *result, size_t stride, int flags) {
    struct iovec pieces[MOST_ROWS];
    for (size_t i = 0; i < count; i++) pieces[i] = (struct iovec){result + i * stride, row_bytes(store)};
    return preadv2(store->descriptor, pieces, (int)count, (off_t)place_of(store, row), flags);
}

static void read_whole_run(sp_store *store, size_t row, size_t count, float *result, size_t stride) {
    ssize_t got = read_run(store, row, count, result, stride, 0);
    size_t whole = got < 0 ? 0 : (size_t)got / row_bytes(store);
    read_rows(store, row + whole, count - whole, result + whole * stride, stride); /* most often none */
}

/* Whether the row is not, or not whole, in the system's cache. Where that cannot be told: false. */
static bool must_wait_for(sp_store *store, size_t row, float *result, size_t stride) {
    ssize_t got = read_run(store, row, 1, result, stride, RWF_NOWAIT);
    return got < 0 ? errno == EAGAIN : (size_t)got < row_bytes(store);
}

/* Where the first row from `i` on stands that is not held; `count`: nowhere. */
static size_t next_in_file(const sp_store *store, const uint32_t *rows, size_t i, size_t count) {
    while (i < count && rows[i] < store->shape.held) i++;
    return i;
}

/*
 * Has the system fetch all of the rows while the first are waited for: a disk does many reads at once, and one after
 * the other they would take a seek each.
 */
static void ask_for(sp_store *store, const uint32_t *rows, size_t count) {
    for (size_t i = 0, run; (i = next_in_file(store, rows, i, count)) < count; i += run) {
        run = run_of(rows + i, count - i);
        posix_fadvise(store->descriptor, (off_t)place_of(store, rows[i]), (off_t)(run * row_bytes(store)),
                      POSIX_FADV_WILLNEED);
    }
}

/* Looks whether the first of rows in a drawn order is in the system's cache; others likely are, too, or are not. */
static void prepare(sp_store *store, const uint32_t *rows, size_t count, float *result, size_t stride) {
    size_t first = next_in_file(store, rows, 0, count), run = first < count ? run_of(rows + first, count - first) : 0;
    if (first + run >= count || run == MOST_ROWS) return; /* in order it reads ahead by itself */
    int wary = atomic_load_explicit(&store->wary, memory_order_relaxed);
    if (must_wait_for(store, rows[first], result + first * stride, stride))
        wary = WARY;
    else if (wary > 0)
        wary--;
    atomic_store_explicit(&store->wary, wary, memory_order_relaxed);
    if (wary > 0) ask_for(store, rows, count);
}

void sp_store_gather(sp_store *store, const uint32_t *rows, size_t count, float *result, size_t stride) {
    size_t features = store->shape.features;
    prepare(store, rows, count, result, stride);
    for (size_t i = 0, run; i < count; i += run) {
        run = 1;
        if (rows[i] < store->shape.held) {
            memcpy(result + i * stride, store->held + rows[i] * features, row_bytes(store));
        } else {
            run = run_of(rows + i, count - i);
            read_whole_run(store, rows[i], run, result + i * stride, stride);
        }
    }
}

size_t sp_store_line(const sp_store *store, size_t row) {
    uint64_t line;
    return sp_read_at(store->descriptor, &line, sizeof line, store->shape.lines_at + row * sizeof line) ? 0
                                                                                                        : (size_t)line;
}

uint64_t sp_store_hash(const sp_store *store) {
    return store->shape.hash;
}

const char *sp_store_path(const sp_store *store) {
    return store->path;
}

bool sp_store_has_failed(const sp_store *store) {
    return atomic_load_explicit(&store->fault, memory_order_relaxed) != 0;
}

sp_status sp_store_check(const sp_store *store, sp_error *error) {
    int fault = atomic_load(&store->fault);
    if (fault == 0) return SP_OK;
    if (fault == SP_STORE_SHORT)
        return sp_fail(error, SP_FAILED,
                       "%s: was cut short while it was read; leave it alone, the next run makes it anew", store->path);
    return sp_fail(error, SP_FAILED, "%s: reading failed (%s); check the disk", store->path, strerror(fault));
}
