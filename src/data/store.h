/*
 * The values of a table in a file, read row by row into where they are wanted: what of them is in memory is what was
 * asked for, some rows that are kept, and the system's own cache of files, which gives way.
 *
 * They are read (pread), not mapped. Of rows in a drawn order a page fault each takes 25 us where a read takes 4 (Linux
 * 6.18, files in the system's cache), and brings pages all around into the process, which then hold memory; and a file
 * that is cut short meanwhile is a fault that can be told, not a SIGBUS.
 */
#ifndef SP_DATA_STORE_H
#define SP_DATA_STORE_H

#include "shardprop.h"

typedef struct sp_store sp_store;

/* Where in the file what is: float32 [rows, features], and the line of each row as a 64-bit number. */
typedef struct sp_store_shape {
    size_t rows, features;
    uint64_t values_at, lines_at; /* bytes */
    uint64_t hash;                /* XXH64 of the values, known to be right */
    size_t held;                  /* the first rows, which are kept in memory */
} sp_store_shape;

/* Bytes of the values that are kept in memory. */
size_t sp_store_held_bytes(const sp_store *store);

/* Of `descriptor`, which is the store's from now on, even where this fails (NULL: no memory). `path`: for messages. */
sp_store *sp_store_create(int descriptor, const char *path, sp_store_shape shape);
void sp_store_destroy(sp_store *store);

/*
 * Reads rows into `result` [count, features] with `stride`, from any thread. Cannot fail: what cannot be read is 0, and
 * sp_store_check tells it.
 */
void sp_store_gather(sp_store *store, const uint32_t *rows, size_t count, float *result, size_t stride);

/* Line of row `row` in the CSV; 0: unknown. */
size_t sp_store_line(const sp_store *store, size_t row);

uint64_t sp_store_hash(const sp_store *store);
const char *sp_store_path(const sp_store *store);

/* SP_FAILED: something could not be read. */
sp_status sp_store_check(const sp_store *store, sp_error *error);
bool sp_store_has_failed(const sp_store *store);

/* Reads `size` bytes at `at`. 0: done; else an errno, or SP_STORE_SHORT: the file has not so many. */
enum { SP_STORE_SHORT = -1 };
int sp_read_at(int descriptor, void *bytes, size_t size, uint64_t at);

#endif
