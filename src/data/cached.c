#include "data/cached.h"

#include "base/error.h"
#include "base/hash.h"
#include "data/cache_file.h"
#include "data/csv.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PATH = 4200, LONGEST_NAME = 200, HEAD = 1 << 16, BLOCK = 1 << 18, FORMAT = 1 };

const char *const sp_cache_mode_names[] = {"auto", "always", "never", NULL};

/* ---- The key ---- */

static void add_number(sp_hasher *hasher, uint64_t number) {
    sp_hasher_add(hasher, &number, sizeof number);
}

/* With its '\0', so that texts do not run into each other. */
static void add_text(sp_hasher *hasher, const char *text) {
    sp_hasher_add(hasher, text ? text : "", text ? strlen(text) + 1 : 1);
}

static void add_names(sp_hasher *hasher, const sp_names *names) {
    add_number(hasher, names->count);
    for (size_t i = 0; i < names->count; i++) add_text(hasher, names->text[i]);
}

/* What of the training file's columns reading another file goes by. */
static void add_known(sp_hasher *hasher, const sp_columns *known) {
    add_number(hasher, known->count);
    add_number(hasher, known->features);
    add_number(hasher, known->targets);
    for (size_t j = 0; j < known->features; j++) {
        add_number(hasher, known->feature_at ? known->feature_at[j] : 0);
        if (known->categories) add_names(hasher, &known->categories[j].names);
    }
    for (size_t k = 0; k < known->targets && known->target_at; k++) add_number(hasher, known->target_at[k]);
    add_names(hasher, &known->feature_names);
    add_names(hasher, &known->target_names);
}

static void add_options(sp_hasher *hasher, const sp_table_options *options) {
    add_number(hasher, FORMAT);
    add_text(hasher, options->target);
    add_text(hasher, options->ignore);
    add_text(hasher, options->weight);
    add_number(hasher, (uint64_t)options->header);
    add_number(hasher, (uint64_t)options->separator);
    add_number(hasher, (uint64_t)options->categorical);
    add_number(hasher, (uint64_t)options->missing);
    add_number(hasher, options->target_optional);
    add_number(hasher, options->known != NULL);
    if (options->known) add_known(hasher, options->known);
}

/* Adds the text of the file, or its first `most` bytes. */
static sp_status add_file(sp_hasher *hasher, const char *path, size_t most, sp_error *error) {
    sp_input *input;
    sp_status status = sp_input_open(path, &input, error);
    if (status) return status;
    char *block = malloc(BLOCK);
    if (!block) status = sp_fail_memory(error, path, BLOCK);
    for (size_t got = 1; got > 0 && most > 0 && !status; most -= got) {
        status = sp_input_read(input, block, most < BLOCK ? most : BLOCK, &got, error);
        if (!status) sp_hasher_add(hasher, block, got);
    }
    free(block);
    sp_input_close(input);
    return status;
}

/* Of the options, and of how the file begins: files of one name in several folders may share one for their caches. */
static sp_status find_key(const char *path, const sp_table_options *options, uint64_t *key, sp_error *error) {
    sp_hasher *hasher = sp_hasher_create();
    if (!hasher) return sp_fail_memory(error, path, sizeof *key);
    add_options(hasher, options);
    sp_status status = add_file(hasher, path, HEAD, error);
    *key = sp_hasher_value(hasher);
    sp_hasher_destroy(hasher);
    return status;
}

/* ---- The place ---- */

/* FOLDER/NAME.KEY.spcache, the folder being that of the CSV where none is set. */
static sp_status find_place(const char *csv, const char *folder, uint64_t key, char path[PATH], sp_error *error) {
    const char *slash = strrchr(csv, '/'), *name = slash ? slash + 1 : csv;
    int own = slash ? (int)(slash + 1 - csv) : 0;
    bool set = folder && *folder;
    int length = snprintf(path, PATH, "%.*s%s%.*s.%016llx.spcache", set ? PATH : own, set ? folder : csv,
                          set ? "/" : "", LONGEST_NAME, name, (unsigned long long)key);
    if (length < PATH) return SP_OK;
    return sp_fail(error, SP_BAD_CONFIG, "%s: is too long a path; use a shorter data.cache_dir", set ? folder : csv);
}

/* ---- Reading ---- */

typedef struct attempt {
    const sp_table_options *options;
    sp_input *input;
    sp_table *table;
    char path[PATH]; /* of the cache */
    uint64_t key;
    sp_stamp stamp;  /* of the CSV, before it is read */
    const char *why; /* the cache that is there is not good; NULL: it is, or there is none */
} attempt;

/* Whether the CSV is still what the cache was made of. */
static sp_status is_same(const attempt *a, const sp_cache_source *source, bool *same, sp_error *error) {
    *same = memcmp(&source->stamp, &a->stamp, sizeof a->stamp) == 0;
    if (*same) return SP_OK;
    sp_hasher *hasher = sp_hasher_create();
    if (!hasher) return sp_fail_memory(error, a->table->path, BLOCK);
    sp_status status = add_file(hasher, a->table->path, SIZE_MAX, error);
    *same = sp_hasher_value(hasher) == source->text;
    sp_hasher_destroy(hasher);
    return status;
}

/* Reads the cache, if it is there and good: then *found. */
static sp_status look(attempt *a, bool known, bool *found, sp_error *error) {
    sp_cache_file *file;
    bool same = true;
    *found = false;
    sp_status status = sp_cache_file_open(a->path, a->key, &file, &a->why, error);
    if (status || !file) return status;
    if (!known) status = is_same(a, sp_cache_file_source(file), &same, error);
    if (!same) a->why = "is of another state of the file";
    if (!status && same) status = sp_cache_file_read(file, a->options->cache->most, known, a->table, &a->why, error);
    sp_cache_file_close(file);
    *found = !status && !a->why;
    return status;
}

/* The stamp, if a later change is sure to show in it: file systems look at their clock every few milliseconds. */
static sp_stamp stamp_to_keep(const attempt *a) {
    enum { SURE_SECONDS = 2 };
    sp_stamp now;
    bool same = sp_input_stamp(a->input, &now) && memcmp(&now, &a->stamp, sizeof now) == 0;
    return same && time(NULL) - a->stamp.changed[0] > SURE_SECONDS ? now : (sp_stamp){0};
}

/* The table was written: its values are taken from the file, as any later run does. */
static sp_status finish(attempt *a, sp_csv_sink *sink, sp_error *error) {
    const char *reason = a->why;
    bool found;
    sp_cache_source source = {a->key, sp_hasher_value(sink->text), stamp_to_keep(a)};
    sp_status status = sp_cache_writer_finish(sink->writer, &source, a->table, error);
    sink->writer = NULL;
    sp_table_clear(a->table);
    if (!status) status = look(a, true, &found, error);
    if (!status && !found)
        status = sp_fail(error, SP_FAILED, "%s: was changed as soon as it was written; leave it alone", a->path);
    if (status || !reason) return status;
    size_t size = strlen(a->path) + strlen(reason) + 40;
    a->table->remark = malloc(size);
    if (!a->table->remark) return sp_fail_memory(error, a->path, size);
    snprintf(a->table->remark, size, "its cache %s and was made anew (%s)", reason, a->path);
    return SP_OK;
}

/* Reads the CSV; *again: another process has made the cache meanwhile, it seems. */
static sp_status read_csv(attempt *a, bool *again, sp_error *error) {
    const sp_cache_options *cache = a->options->cache;
    sp_csv_sink sink = {.cache = a->path, .most = cache->mode == SP_CACHE_ALWAYS ? 0 : cache->most};
    sink.text = sp_hasher_create();
    sp_status status = sink.text ? sp_csv_read(a->input, a->options, &sink, a->table, error)
                                 : sp_fail_memory(error, a->table->path, BLOCK);
    *again = !status && sink.waited;
    if (!status && sink.writer && !sink.waited) status = finish(a, &sink, error);
    sp_cache_writer_discard(sink.writer);
    sp_hasher_destroy(sink.text);
    return status;
}

/* Once, or again with the file opened anew. */
static sp_status try(attempt *a, bool *again, sp_error *error) {
    bool found = false;
    *again = false;
    sp_status status = find_key(a->table->path, a->options, &a->key, error);
    if (!status) status = find_place(a->table->path, a->options->cache->folder, a->key, a->path, error);
    if (!status) status = look(a, false, &found, error);
    return status || found ? status : read_csv(a, again, error);
}

sp_status sp_cached_csv_read(sp_input *input, const sp_table_options *options, sp_table *table, sp_error *error) {
    enum { MOST_BYTES = sizeof(float) }; /* of values a byte of text: a field may be its comma alone */
    const sp_cache_options *cache = options->cache;
    attempt a = {.options = options, .input = input, .table = table};
    bool again = true;
    if (!cache || cache->mode == SP_CACHE_NEVER || !sp_input_stamp(input, &a.stamp))
        return sp_csv_read(input, options, NULL, table, error);
    if (cache->mode == SP_CACHE_AUTO && sp_input_likely_size(input) <= cache->most / MOST_BYTES &&
        !sp_input_is_packed(input))
        return sp_csv_read(input, options, NULL, table, error);
    sp_status status = try(&a, &again, error);
    while (again && !status) {
        sp_input *opened;
        sp_table_clear(table);
        status = sp_input_open(table->path, &opened, error);
        if (status) break;
        a.input = opened;
        if (!sp_input_stamp(opened, &a.stamp)) a.stamp = (sp_stamp){0};
        status = try(&a, &again, error);
        sp_input_close(opened);
    }
    return status;
}
