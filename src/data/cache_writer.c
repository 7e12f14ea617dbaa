#include "data/cache_format.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 1 << 20, PATH = 4200 };

struct sp_cache_writer {
    sp_output *output; /* owned */
    sp_lock *lock;     /* owned; NULL: the file system knows none */
    char *path;        /* owned */
    sp_hasher *hasher; /* owned: of the values, or of what is behind them */
    uint64_t values;   /* so many */
    uint64_t at;       /* what was written ends here */
    bool changed;      /* values were, behind the hasher's back */
};

/* A fault of a file that users did not ask for by its name. */
static sp_status pass_on(const sp_error *fault, sp_error *error) {
    return fault->status == SP_OK
               ? SP_OK
               : sp_fail(error, fault->status,
                         "%s (data.cache_dir says where caches are; without one, data.cache = never, "
                         "all values are in memory)",
                         fault->text);
}

/* ---- Life ---- */

static sp_status take_lock(sp_cache_writer *writer, bool *waited, sp_error *error) {
    char path[PATH];
    if (snprintf(path, sizeof path, "%s.lock", writer->path) >= (int)sizeof path)
        return sp_fail(error, SP_BAD_CONFIG, "%s: is too long a path; use a shorter data.cache_dir", writer->path);
    for (;;) {
        long holder;
        sp_status status = sp_lock_take(path, &writer->lock, &holder, error);
        if (status || holder == 0) return status;
        *waited = true;
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
}

static sp_status start(sp_cache_writer *writer, bool *waited, sp_error *error) {
    static const char header[SP_CACHE_HEADER];
    sp_status status = take_lock(writer, waited, error);
    if (!status && !*waited) status = sp_output_open(writer->path, &writer->output, error);
    if (status || *waited) return status;
    setvbuf(sp_output_stream(writer->output), NULL, _IOFBF, BLOCK);
    sp_output_write(writer->output, header, sizeof header);
    writer->at = sizeof header;
    return SP_OK;
}

sp_status sp_cache_writer_create(const char *path, sp_cache_writer **writer, bool *waited, sp_error *error) {
    sp_cache_writer *made = calloc(1, sizeof *made);
    *waited = false;
    *writer = NULL;
    if (made) {
        made->path = strdup(path);
        made->hasher = sp_hasher_create();
    }
    sp_error fault = {0};
    sp_status status = SP_OK;
    if (made && made->path && made->hasher)
        start(made, waited, &fault);
    else
        status = sp_fail_memory(error, path, sizeof *made);
    if (!status) status = pass_on(&fault, error);
    if (status || *waited)
        sp_cache_writer_discard(made);
    else
        *writer = made;
    return status;
}

void sp_cache_writer_discard(sp_cache_writer *writer) {
    if (!writer) return;
    sp_output_discard(writer->output);
    sp_lock_release(writer->lock);
    sp_hasher_destroy(writer->hasher);
    free(writer->path);
    free(writer);
}

/* ---- Values ---- */

static sp_status commit_output(sp_cache_writer *writer, sp_error *error) {
    sp_error fault = {0};
    sp_output *output = writer->output;
    writer->output = NULL;
    sp_output_commit(output, &fault);
    return pass_on(&fault, error);
}

/* Why a write has failed, which the output knows; it is gone then. */
static sp_status told(sp_cache_writer *writer, sp_error *error) {
    int cause = errno;
    if (sp_output_has_failed(writer->output)) return commit_output(writer, error);
    sp_output_discard(writer->output);
    writer->output = NULL;
    return sp_fail(error, SP_FAILED, "%s: writing failed (%s); check the disk", writer->path, strerror(cause));
}

/* A value, or more, at the end. What fails shows in the output. */
static void put(sp_cache_writer *writer, const void *bytes, size_t size) {
    sp_hasher_add(writer->hasher, bytes, size);
    sp_output_write(writer->output, bytes, size);
    writer->at += size;
}

sp_status sp_cache_writer_add(sp_cache_writer *writer, const float *values, size_t count, sp_error *error) {
    put(writer, values, count * sizeof *values);
    writer->values += count;
    return sp_output_has_failed(writer->output) ? told(writer, error) : SP_OK;
}

sp_status sp_cache_writer_get(sp_cache_writer *writer, size_t first, size_t count, float *values, sp_error *error) {
    FILE *stream = sp_output_stream(writer->output);
    if (fflush(stream)) return told(writer, error);
    int fault = sp_read_at(sp_output_descriptor(writer->output), values, count * sizeof *values,
                           SP_CACHE_HEADER + first * sizeof *values);
    if (!fault) return SP_OK;
    return sp_fail(error, SP_FAILED, "%s: reading failed (%s); check the disk", writer->path,
                   fault == SP_STORE_SHORT ? "it is cut short" : strerror(fault));
}

sp_status sp_cache_writer_put(sp_cache_writer *writer, size_t first, size_t count, const float *values,
                              sp_error *error) {
    FILE *stream = sp_output_stream(writer->output);
    writer->changed = true;
    if (fseek(stream, (long)(SP_CACHE_HEADER + first * sizeof *values), SEEK_SET)) return told(writer, error);
    sp_output_write(writer->output, values, count * sizeof *values);
    if (fseek(stream, 0, SEEK_END) || sp_output_has_failed(writer->output)) return told(writer, error);
    return SP_OK;
}

/* The hash of all values, read back where they are no longer those that were added. The hasher is new again. */
static sp_status hash_values(sp_cache_writer *writer, uint64_t *hash, sp_error *error) {
    enum { COUNT = BLOCK / sizeof(float) };
    sp_hasher *old = writer->hasher;
    if (writer->changed) {
        float *block = sp_allocate(COUNT, sizeof *block);
        sp_hasher *again = sp_hasher_create();
        sp_status status = block && again ? SP_OK : sp_fail_memory(error, writer->path, BLOCK);
        for (uint64_t at = 0; at < writer->values && !status; at += COUNT) {
            size_t count = writer->values - at < COUNT ? (size_t)(writer->values - at) : COUNT;
            status = sp_cache_writer_get(writer, at, count, block, error);
            if (!status) sp_hasher_add(again, block, count * sizeof *block);
        }
        if (!status) *hash = sp_hasher_value(again);
        sp_hasher_destroy(again);
        free(block);
        if (status) return status;
    } else {
        *hash = sp_hasher_value(old);
    }
    writer->hasher = sp_hasher_create();
    sp_hasher_destroy(old);
    return writer->hasher ? SP_OK : sp_fail_memory(error, writer->path, BLOCK);
}

/* ---- What is behind them ---- */

static void put_number(sp_cache_writer *writer, uint64_t number) {
    put(writer, &number, sizeof number);
}

static void put_numbers(sp_cache_writer *writer, const size_t *numbers, size_t count) {
    put(writer, numbers, count * sizeof *numbers);
}

static void put_names(sp_cache_writer *writer, const sp_names *names) {
    put_number(writer, names->count);
    for (size_t i = 0; i < names->count; i++) {
        size_t size = strlen(names->text[i]) + 1;
        put_number(writer, size);
        put(writer, names->text[i], size);
    }
}

static void put_columns(sp_cache_writer *writer, const sp_columns *columns) {
    put_number(writer, columns->count);
    put_numbers(writer, columns->feature_at, columns->features);
    put_names(writer, &columns->feature_names);
    for (size_t j = 0; j < columns->features; j++) put_names(writer, &columns->categories[j].names);
    put_number(writer, columns->targets);
    put_numbers(writer, columns->target_at, columns->targets);
    put_names(writer, &columns->target_names);
    put_number(writer, (uint64_t)columns->weight_at);
    put_number(writer, (uint64_t)columns->missing);
    put_number(writer, (uint64_t)columns->separator);
}

static void put_about(sp_cache_writer *writer, const sp_table *table) {
    size_t rows = table->rows;
    put_columns(writer, &table->columns);
    put_number(writer, table->dropped);
    put_number(writer, table->unseen);
    put_number(writer, table->unseen_line);
    put(writer, table->unseen_text, sizeof table->unseen_text);
    put_number(writer, table->targets != NULL);
    if (table->targets) put(writer, table->targets, rows * table->columns.targets * sizeof *table->targets);
    size_t texts = table->target_texts ? table->target_at[rows - 1] : 0;
    if (table->target_texts) texts += strlen(table->target_texts + texts) + 1;
    put_number(writer, texts);
    if (texts > 0) put_numbers(writer, table->target_at, rows);
    if (texts > 0) put(writer, table->target_texts, texts);
    put_number(writer, table->weights != NULL);
    if (table->weights) put(writer, table->weights, rows * sizeof *table->weights);
}

/* The header, and all of it is on the disk. */
static sp_status commit(sp_cache_writer *writer, uint64_t header[SP_CACHE_FIELDS], sp_error *error) {
    header[SP_CACHE_CHECK] = sp_hash_bytes(header, SP_CACHE_CHECK * sizeof *header, 0);
    if (fseek(sp_output_stream(writer->output), 0, SEEK_SET)) return told(writer, error);
    sp_output_write(writer->output, header, SP_CACHE_FIELDS * sizeof *header);
    return commit_output(writer, error);
}

sp_status sp_cache_writer_finish(sp_cache_writer *writer, const sp_cache_source *source, const sp_table *table,
                                 sp_error *error) {
    uint64_t header[SP_CACHE_FIELDS] = {[SP_CACHE_MAGIC] = SP_CACHE_MAGIC_NUMBER,
                                        [SP_CACHE_VERSION] = SP_CACHE_VERSION_NUMBER,
                                        [SP_CACHE_KEY] = source->key,
                                        [SP_CACHE_ROWS] = table->rows,
                                        [SP_CACHE_FEATURES] = table->features,
                                        [SP_CACHE_TEXT_HASH] = source->text};
    memcpy(&header[SP_CACHE_STAMP], &source->stamp, sizeof source->stamp);
    sp_status status = hash_values(writer, &header[SP_CACHE_VALUES_HASH], error);
    if (!status) {
        header[SP_CACHE_LINES_AT] = writer->at;
        put_numbers(writer, table->lines, table->rows);
        put_about(writer, table);
        header[SP_CACHE_SIZE] = writer->at;
        header[SP_CACHE_REST_HASH] = sp_hasher_value(writer->hasher);
        status = commit(writer, header, error);
    }
    sp_cache_writer_discard(writer);
    return status;
}
