/* Nothing in the file is believed: checksums first, then every number before it is used. */
#include "data/cache_format.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 20 };

struct sp_cache_file {
    int descriptor;
    char *path; /* owned */
    uint64_t header[SP_CACHE_FIELDS];
    sp_cache_source source;
};

/* ---- The header ---- */

/* What is wrong with it; NULL: nothing. */
static const char *header_fault(const uint64_t *header, uint64_t key, uint64_t size) {
    if (header[SP_CACHE_MAGIC] != SP_CACHE_MAGIC_NUMBER) return "is no cache of shardprop";
    if (header[SP_CACHE_VERSION] != SP_CACHE_VERSION_NUMBER) return "is of another version";
    if (header[SP_CACHE_CHECK] != sp_hash_bytes(header, SP_CACHE_CHECK * sizeof *header, 0)) return "is damaged";
    if (header[SP_CACHE_KEY] != key) return "is of other options";
    uint64_t rows = header[SP_CACHE_ROWS], features = header[SP_CACHE_FEATURES];
    if (rows < 1 || rows > SP_MOST_ROWS || features < 1 || features > SP_MOST_FEATURES) return "is damaged";
    if (header[SP_CACHE_LINES_AT] != SP_CACHE_HEADER + rows * features * sizeof(float)) return "is damaged";
    if (header[SP_CACHE_SIZE] < header[SP_CACHE_LINES_AT] + rows * sizeof(uint64_t)) return "is damaged";
    if (size < header[SP_CACHE_SIZE]) return "is cut short";
    return size > header[SP_CACHE_SIZE] ? "is damaged" : NULL;
}

static const char *read_header(sp_cache_file *file, uint64_t key) {
    struct stat about;
    if (fstat(file->descriptor, &about)) return "cannot be read";
    if (!S_ISREG(about.st_mode)) return "is no file";
    int fault = sp_read_at(file->descriptor, file->header, sizeof file->header, 0);
    if (fault) return fault == SP_STORE_SHORT ? "is cut short" : "cannot be read";
    file->source.key = file->header[SP_CACHE_KEY];
    file->source.text = file->header[SP_CACHE_TEXT_HASH];
    memcpy(&file->source.stamp, &file->header[SP_CACHE_STAMP], sizeof file->source.stamp);
    return header_fault(file->header, key, (uint64_t)about.st_size);
}

sp_status sp_cache_file_open(const char *path, uint64_t key, sp_cache_file **file, const char **why, sp_error *error) {
    *file = NULL;
    *why = NULL;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        *why = errno == ENOENT ? NULL : "cannot be read";
        return SP_OK;
    }
    sp_cache_file *opened = calloc(1, sizeof *opened);
    if (opened) *opened = (sp_cache_file){.descriptor = descriptor, .path = strdup(path)};
    if (!opened || !opened->path) {
        close(descriptor);
        free(opened);
        return sp_fail_memory(error, path, sizeof *opened);
    }
    *why = read_header(opened, key);
    if (*why)
        sp_cache_file_close(opened);
    else
        *file = opened;
    return SP_OK;
}

void sp_cache_file_close(sp_cache_file *file) {
    if (!file) return;
    if (file->descriptor >= 0) close(file->descriptor);
    free(file->path);
    free(file);
}

const sp_cache_source *sp_cache_file_source(const sp_cache_file *file) {
    return &file->source;
}

static size_t value_bytes_of(const sp_cache_file *file) {
    return (size_t)(file->header[SP_CACHE_LINES_AT] - SP_CACHE_HEADER);
}

/* ---- Checksums ---- */

/* Whether bytes from .. to - 1 have that hash; a block at a time, into `bytes` [to - from] where that is not NULL. */
static bool check(const sp_cache_file *file, uint64_t from, uint64_t to, uint64_t hash, char *bytes, sp_hasher *hasher,
                  char *block) {
    while (from < to) {
        size_t size = to - from < BLOCK ? (size_t)(to - from) : BLOCK;
        char *place = bytes ? bytes : block;
        if (sp_read_at(file->descriptor, place, size, from)) return false;
        sp_hasher_add(hasher, place, size);
        from += size;
        if (bytes) bytes += size;
    }
    return sp_hasher_value(hasher) == hash;
}

/* A block, or less for less; not nothing. */
static size_t room_for(uint64_t bytes) {
    return bytes < BLOCK ? (size_t)bytes + 1 : BLOCK;
}

/* The same, with what that needs. */
static sp_status is_good(const sp_cache_file *file, uint64_t from, uint64_t to, uint64_t hash, void *bytes, bool *good,
                         sp_error *error) {
    sp_hasher *hasher = sp_hasher_create();
    char *block = malloc(room_for(to - from));
    sp_status status = hasher && block ? SP_OK : sp_fail_memory(error, file->path, BLOCK);
    *good = !status && check(file, from, to, hash, bytes, hasher, block);
    sp_hasher_destroy(hasher);
    free(block);
    return status;
}

/* ---- What is behind the values ---- */

/* Reads on from `at`; the first thing that cannot be makes it bad, and what is read from then on is 0 or empty. */
typedef struct cursor {
    const sp_cache_file *file;
    uint64_t at;
    bool bad, no_memory;
    char *block; /* owned [BLOCK]: bytes block_at .. of the file */
    uint64_t block_at;
    size_t block_size;
} cursor;

static uint64_t left_of(const cursor *c) {
    return c->bad ? 0 : c->file->header[SP_CACHE_SIZE] - c->at;
}

/* The next bytes of the block, which is filled anew where it does not reach. */
static void take_small(cursor *c, void *bytes, size_t size) {
    if (c->at < c->block_at || c->at + size > c->block_at + c->block_size) {
        c->block_size = left_of(c) < BLOCK ? (size_t)left_of(c) : BLOCK;
        c->block_at = c->at;
        c->bad = sp_read_at(c->file->descriptor, c->block, c->block_size, c->at) != 0;
    }
    if (!c->bad) memcpy(bytes, c->block + (c->at - c->block_at), size);
}

static void take(cursor *c, void *bytes, size_t size) {
    memset(bytes, 0, size);
    if (size > left_of(c)) c->bad = true;
    if (c->bad) return;
    if (size <= BLOCK / 2)
        take_small(c, bytes, size);
    else
        c->bad = sp_read_at(c->file->descriptor, bytes, size, c->at) != 0;
    c->at += size;
}

/* A number of at most `most`. */
static size_t take_number(cursor *c, uint64_t most) {
    uint64_t number;
    take(c, &number, sizeof number);
    if (number > most) c->bad = true;
    return c->bad ? 0 : (size_t)number;
}

/* Fresh memory with `count` items, no more than the file can have. NULL: bad. */
static void *take_items(cursor *c, uint64_t count, size_t size) {
    if (c->bad || count > left_of(c) / size) c->bad = true;
    void *items = c->bad ? NULL : sp_allocate((size_t)count, size);
    if (!c->bad && !items) c->bad = c->no_memory = true;
    if (items) take(c, items, (size_t)count * size);
    return items;
}

/* Numbers that are each below `below`. */
static size_t *take_numbers(cursor *c, size_t count, uint64_t below) {
    size_t *numbers = take_items(c, count, sizeof *numbers);
    for (size_t i = 0; i < count && numbers; i++)
        if (numbers[i] >= below) c->bad = true;
    return numbers;
}

/* A text with its '\0', fresh memory; NULL: bad. */
static char *take_text(cursor *c) {
    size_t size = take_number(c, left_of(c));
    char *text = size > 0 ? take_items(c, size, 1) : NULL;
    if (!text || memchr(text, '\0', size) != text + size - 1) c->bad = true;
    return text;
}

static void take_categories(cursor *c, sp_categories *categories) {
    size_t count = take_number(c, SP_MOST_CATEGORIES);
    for (size_t i = 0; i < count && !c->bad; i++) {
        char *text = take_text(c);
        if (!c->bad && sp_categories_find(categories, text) != SP_NOT_FOUND) c->bad = true;
        if (!c->bad && !sp_categories_add(categories, text)) c->bad = c->no_memory = true;
        free(text);
    }
}

/* None, or `count`. */
static void take_names(cursor *c, size_t count, sp_names *names) {
    size_t there = take_number(c, count);
    if (there != 0 && there != count) c->bad = true;
    for (size_t i = 0; i < there && !c->bad; i++) {
        char *text = take_text(c);
        if (!c->bad && !sp_names_add(names, text)) c->bad = c->no_memory = true;
        free(text);
    }
}

static void take_columns(cursor *c, size_t features, sp_columns *columns) {
    columns->count = take_number(c, SP_MOST_FEATURES);
    columns->features = features;
    columns->feature_at = take_numbers(c, features, columns->count);
    take_names(c, features, &columns->feature_names);
    columns->categories = c->bad ? NULL : sp_allocate_zeroed(features, sizeof *columns->categories);
    if (!columns->categories) {
        c->no_memory = c->no_memory || !c->bad;
        c->bad = true;
        columns->features = 0;
        return;
    }
    for (size_t j = 0; j < features; j++) take_categories(c, &columns->categories[j]);
    columns->targets = take_number(c, columns->count);
    columns->target_at = take_numbers(c, columns->targets, columns->count);
    take_names(c, columns->targets, &columns->target_names);
    uint64_t weight_at;
    take(c, &weight_at, sizeof weight_at);
    columns->weight_at = (long)weight_at;
    if (columns->weight_at != SP_NOT_FOUND && weight_at >= columns->count) c->bad = true;
    columns->missing = (sp_missing)take_number(c, SP_MISSING_DROP);
    columns->separator = (sp_separator)take_number(c, SP_SEPARATOR_PIPE);
}

/* Each text of the targets begins within the texts, whose last byte ends one. */
static void take_target_texts(cursor *c, sp_table *table) {
    size_t size = take_number(c, left_of(c));
    if (size == 0) return;
    table->target_at = take_numbers(c, table->rows, size);
    table->target_texts = take_items(c, size, 1);
    if (!c->bad && table->target_texts[size - 1] != '\0') c->bad = true;
}

static void take_about(cursor *c, sp_table *table) {
    take_columns(c, table->features, &table->columns);
    table->labelled = table->columns.targets > 0;
    table->dropped = take_number(c, UINT64_MAX);
    table->unseen = take_number(c, UINT64_MAX);
    table->unseen_line = take_number(c, UINT64_MAX);
    take(c, table->unseen_text, sizeof table->unseen_text);
    table->unseen_text[sizeof table->unseen_text - 1] = '\0';
    if (take_number(c, 1) == 1)
        table->targets = take_items(c, (uint64_t)table->rows * table->columns.targets, sizeof *table->targets);
    take_target_texts(c, table);
    if (take_number(c, 1) == 1) table->weights = take_items(c, table->rows, sizeof *table->weights);
    for (size_t i = 0; i < table->rows && table->weights && !c->bad; i++)
        if (!(table->weights[i] >= 0 && isfinite(table->weights[i]))) c->bad = true;
    bool one = table->columns.targets == 1;
    if (table->labelled != (table->targets != NULL) || one != (table->target_texts != NULL) || left_of(c) > 0)
        c->bad = true;
    if ((table->columns.weight_at != SP_NOT_FOUND) != (table->weights != NULL)) c->bad = true;
}

static sp_status read_about(const sp_cache_file *file, sp_table *table, bool *good, sp_error *error) {
    cursor c = {.file = file, .at = file->header[SP_CACHE_LINES_AT] + file->header[SP_CACHE_ROWS] * sizeof(uint64_t)};
    c.block = malloc(room_for(left_of(&c)));
    c.bad = c.no_memory = c.block == NULL;
    take_about(&c, table);
    free(c.block);
    *good = !c.bad;
    return c.no_memory ? sp_fail_memory(error, file->path, (size_t)file->header[SP_CACHE_SIZE]) : SP_OK;
}

/* ---- Values and lines ---- */

static sp_status load_values(const sp_cache_file *file, sp_table *table, bool *good, sp_error *error) {
    const uint64_t *header = file->header;
    table->values = sp_allocate(1, value_bytes_of(file));
    table->lines = sp_allocate(table->rows, sizeof *table->lines);
    if (!table->values || !table->lines) return sp_fail_memory(error, file->path, value_bytes_of(file));
    sp_status status = is_good(file, SP_CACHE_HEADER, header[SP_CACHE_LINES_AT], header[SP_CACHE_VALUES_HASH],
                               table->values, good, error);
    if (sp_read_at(file->descriptor, table->lines, table->rows * sizeof *table->lines, header[SP_CACHE_LINES_AT]))
        *good = false;
    return status;
}

/* Some rows are held in memory, half of what values may take: the rest is for files yet to come. */
static sp_status leave_values(sp_cache_file *file, size_t most, bool known, sp_table *table, bool *good,
                              sp_error *error) {
    const uint64_t *header = file->header;
    sp_status status = known ? SP_OK
                             : is_good(file, SP_CACHE_HEADER, header[SP_CACHE_LINES_AT], header[SP_CACHE_VALUES_HASH],
                                       NULL, good, error);
    if (status || !*good) return status;
    sp_store_shape shape = {table->rows,
                            table->features,
                            SP_CACHE_HEADER,
                            header[SP_CACHE_LINES_AT],
                            header[SP_CACHE_VALUES_HASH],
                            most / 2 / (table->features * sizeof(float))};
    table->store = sp_store_create(file->descriptor, file->path, shape);
    file->descriptor = -1;
    return table->store ? SP_OK : sp_fail_memory(error, file->path, sizeof shape);
}

sp_status sp_cache_file_read(sp_cache_file *file, size_t most, bool known, sp_table *table, const char **why,
                             sp_error *error) {
    const uint64_t *header = file->header;
    bool good;
    *why = NULL;
    table->rows = (size_t)header[SP_CACHE_ROWS];
    table->features = (size_t)header[SP_CACHE_FEATURES];
    sp_status status =
        is_good(file, header[SP_CACHE_LINES_AT], header[SP_CACHE_SIZE], header[SP_CACHE_REST_HASH], NULL, &good, error);
    if (!status && good) status = read_about(file, table, &good, error);
    if (!status && good)
        status = value_bytes_of(file) > most ? leave_values(file, most, known, table, &good, error)
                                             : load_values(file, table, &good, error);
    if (status || !good) sp_table_clear(table);
    if (!status && !good) *why = "is damaged";
    return status;
}
