/* CSV (RFC 4180), through libcsv: numbers, and one target column that may be text. */
#include "data/table.h"

#include "base/error.h"
#include "base/memory.h"

#include <csv.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { READ_BUFFER = 1 << 18, FIELD_BLOCK = 1 << 14, LONGEST_FIELD = 1 << 22, NONE = -1 };

/* One row as its fields' texts, until it is known to be complete. */
typedef struct record {
    char *text; /* owned: fields, each ended by '\0' */
    size_t used, capacity;
    size_t *at; /* owned: where each starts */
    size_t fields, room;
} record;

typedef struct reader {
    sp_table *table;
    const sp_table_options *options;
    sp_error *error;
    sp_status status; /* the first fault; the rest of the file is then skipped */
    size_t line;      /* of the file, from 1: where the row begins */
    size_t next_line; /* the line to be read next */
    bool within_row;  /* a quoted field goes on in that */
    record row;
    bool started;       /* the first row has been looked at */
    size_t columns;     /* of every row */
    long target;        /* column; NONE */
    size_t *feature_at; /* owned: column of each feature */
    size_t value_room, row_room[3], text_used, text_room;
} reader;

static const char *field(const reader *r, size_t column) {
    return r->row.text + r->row.at[column];
}

static sp_status no_memory(reader *r) {
    return sp_fail_memory(r->error, r->table->path, sp_bytes(r->value_room, sizeof(float)));
}

/* ---- Which column is what ---- */

static bool is_number(const char *text) {
    double value;
    return sp_parse_real(text, &value);
}

/* The column that options->target names in a row of `columns`; NONE: it is a name, or out of range. */
static long target_by_position(const reader *r, size_t columns) {
    long long index;
    if (strcmp(r->options->target, "last") == 0) return (long)columns - 1;
    if (strcmp(r->options->target, "first") == 0) return 0;
    if (sp_parse_whole(r->options->target, &index) && index >= 0 && (size_t)index < columns) return (long)index;
    return NONE;
}

static bool target_is_name(const reader *r) {
    long long index;
    const char *target = r->options->target;
    return strcmp(target, "last") != 0 && strcmp(target, "first") != 0 && !sp_parse_whole(target, &index);
}

/*
 * The column of that name, looked for from column `from` on and around: columns in the order
 * asked for are found at once, and several of one name in turn.
 */
static long column_named(const reader *r, const char *name, size_t from) {
    for (size_t i = 0; i < r->row.fields; i++) {
        size_t column = (from + i) % r->row.fields;
        if (strcmp(field(r, column), name) == 0) return (long)column;
    }
    return NONE;
}

/* Whether the first row names the columns: no field of it (the target apart) is a number. */
static sp_status find_header(reader *r, bool *header) {
    bool unsaid = r->options->header == SP_HEADER_AUTO;
    *header = r->options->header == SP_HEADER_YES || (unsaid && target_is_name(r));
    if (*header || !unsaid) return SP_OK;
    long target = r->row.fields == r->options->features ? NONE : target_by_position(r, r->row.fields);
    size_t numbers = 0, texts = 0, first_text = 0;
    for (size_t i = 0; i < r->row.fields; i++) {
        if ((long)i == target) continue;
        if (is_number(field(r, i)))
            numbers++;
        else if (texts++ == 0)
            first_text = i;
    }
    *header = texts > 0;
    if (numbers == 0 || texts == 0) return SP_OK;
    return sp_fail(r->error, SP_BAD_DATA,
                   "%s:%zu: field %zu is '%.40s' and not a number, others of this first row are; mend it, or set "
                   "data.header to yes if the row names the columns",
                   r->table->path, r->line, first_text + 1, field(r, first_text));
}

/* Columns by the names that a model was trained with; others are left aside. */
static sp_status choose_by_names(reader *r) {
    const sp_names *names = r->options->names;
    r->target = column_named(r, r->options->target_name, 0);
    size_t from = 0;
    for (size_t j = 0; j < names->count; j++) {
        long column = column_named(r, names->text[j], from);
        if (column == NONE)
            return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: has no column '%s', which the model needs; add it",
                           r->table->path, r->line, names->text[j]);
        r->feature_at[j] = (size_t)column;
        from = (size_t)column + 1;
    }
    r->table->features = names->count;
    if (r->target == NONE && !r->options->target_optional)
        return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: has no column '%s' with the labels; add it", r->table->path,
                       r->line, r->options->target_name);
    return SP_OK;
}

static sp_status choose_by_position(reader *r, bool header) {
    size_t wanted = r->options->features;
    bool without_target = r->options->target_optional && r->columns == wanted;
    if (wanted > 0 && r->columns != wanted + !without_target)
        return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: has %zu columns; %zu features%s are wanted", r->table->path,
                       r->line, r->columns, wanted,
                       r->options->target_optional ? " (with or without the target)" : " and the target");
    if (without_target)
        r->target = NONE;
    else if (target_is_name(r))
        r->target = header ? column_named(r, r->options->target, 0) : NONE;
    else
        r->target = target_by_position(r, r->columns);
    if (r->target == NONE && !without_target)
        return sp_fail(r->error, SP_BAD_CONFIG,
                       "%s:%zu: has no column '%s' for data.target; use last, first, a name of the header or an "
                       "index from 0 to %zu",
                       r->table->path, r->line, r->options->target, r->columns - 1);
    for (size_t i = 0; i < r->columns; i++)
        if ((long)i != r->target) r->feature_at[r->table->features++] = i;
    if (r->table->features == 0)
        return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: has a single column; give it features and a target",
                       r->table->path, r->line);
    return SP_OK;
}

/* Names of columns and classes go into the model's header, which is JSON. */
static sp_status want_utf8(reader *r, size_t column) {
    if (sp_is_utf8(field(r, column))) return SP_OK;
    return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: field %zu is not UTF-8; convert the file (iconv)", r->table->path,
                   r->line, column + 1);
}

static sp_status name_columns(reader *r) {
    for (size_t i = 0; i < r->columns; i++)
        if (want_utf8(r, i)) return r->error->status;
    for (size_t j = 0; j < r->table->features; j++)
        if (!sp_names_add(&r->table->feature_names, field(r, r->feature_at[j]))) return no_memory(r);
    if (r->target == NONE) return SP_OK;
    r->table->target_name = strdup(field(r, (size_t)r->target));
    return r->table->target_name ? SP_OK : no_memory(r);
}

/* Looks at the first row: a header, or the first of the data. */
static sp_status start(reader *r, bool *header) {
    r->started = true;
    r->columns = r->row.fields;
    if (r->columns > SP_MOST_FEATURES)
        return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: has %zu columns; at most %d", r->table->path, r->line,
                       r->columns, SP_MOST_FEATURES);
    if (r->columns == 1 && strpbrk(field(r, 0), ";\t"))
        return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: fields are separated by %s; separate them by commas",
                       r->table->path, r->line, strchr(field(r, 0), ';') ? "semicolons" : "tabs");
    bool by_names = r->options->names && r->options->names->count > 0 && r->options->target_name;
    sp_status status = find_header(r, header);
    if (status) return status;
    size_t room = r->columns > r->options->features ? r->columns : r->options->features;
    r->feature_at = sp_allocate(room, sizeof *r->feature_at);
    if (!r->feature_at) return no_memory(r);
    status = by_names && *header ? choose_by_names(r) : choose_by_position(r, *header);
    if (!status && r->options->target_optional) r->target = NONE; /* it may hold anything */
    r->table->labelled = r->target != NONE;
    if (r->table->labelled) r->table->target_column = (size_t)r->target;
    return !status && *header ? name_columns(r) : status;
}

/* ---- Rows ---- */

static sp_status take_target(reader *r, size_t row) {
    sp_table *table = r->table;
    const char *text = field(r, (size_t)r->target);
    size_t size = strlen(text) + 1;
    if (size == 1)
        return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: the target is empty; give every row one", table->path, r->line);
    if (want_utf8(r, (size_t)r->target)) return r->error->status;
    if (!sp_grow((void **)&table->targets, &r->row_room[1], row + 1, sizeof *table->targets) ||
        !sp_grow((void **)&table->target_at, &r->row_room[2], row + 1, sizeof *table->target_at) ||
        !sp_grow((void **)&table->target_texts, &r->text_room, r->text_used + size, 1))
        return no_memory(r);
    if (!sp_parse_real(text, &table->targets[row])) table->targets[row] = NAN;
    memcpy(table->target_texts + r->text_used, text, size);
    table->target_at[row] = r->text_used;
    r->text_used += size;
    return SP_OK;
}

static bool is_missing(const char *text) {
    static const char *const spellings[] = {"", "?", "NA", "N/A", "null", "None"};
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
        if (strcmp(text, spellings[i]) == 0) return true;
    return false;
}

static sp_status no_number(reader *r, size_t column) {
    const char *text = field(r, column);
    return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: field %zu is '%.40s'%s", r->table->path, r->line, column + 1, text,
                   is_missing(text) ? ", a missing value; fill it in or leave the row out"
                                    : "; a number with a decimal point is wanted");
}

static sp_status take_features(reader *r, size_t row) {
    sp_table *table = r->table;
    size_t needed = (row + 1) * table->features;
    if (!sp_grow(&table->values, &r->value_room, needed, sizeof(float))) return no_memory(r);
    float *values = (float *)table->values + row * table->features;
    for (size_t j = 0; j < table->features; j++) {
        const char *text = field(r, r->feature_at[j]);
        double value;
        if (!sp_parse_real(text, &value)) return no_number(r, r->feature_at[j]);
        values[j] = (float)value;
        if (!isfinite(values[j]))
            return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: field %zu is '%.40s'; a finite float32 is wanted",
                           table->path, r->line, r->feature_at[j] + 1, text);
    }
    return SP_OK;
}

static sp_status take_row(reader *r) {
    sp_table *table = r->table;
    if (r->row.fields != r->columns)
        return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: has %zu fields; the first row has %zu", table->path, r->line,
                       r->row.fields, r->columns);
    size_t row = table->rows;
    if (row >= SP_MOST_ROWS)
        return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: too many rows; at most %u", table->path, r->line, SP_MOST_ROWS);
    if (!sp_grow((void **)&table->lines, &r->row_room[0], row + 1, sizeof *table->lines)) return no_memory(r);
    sp_status status = take_features(r, row);
    if (!status && r->target != NONE) status = take_target(r, row);
    table->lines[row] = r->line;
    table->rows += !status;
    return status;
}

/* ---- libcsv's two callbacks ---- */

static void on_field(void *text, size_t length, void *context) {
    reader *r = context;
    record *row = &r->row;
    if (r->status) return;
    if (memchr(text, '\0', length)) {
        r->status = sp_fail(r->error, SP_BAD_DATA, "%s:%zu: holds a NUL byte; name a CSV in UTF-8 or ASCII",
                            r->table->path, r->line);
    } else if (!sp_grow((void **)&row->text, &row->capacity, row->used + length + 1, 1) ||
               !sp_grow((void **)&row->at, &row->room, row->fields + 1, sizeof *row->at)) {
        r->status = no_memory(r);
    } else {
        row->at[row->fields++] = row->used;
        memcpy(row->text + row->used, text, length);
        row->used += length;
        row->text[row->used++] = '\0';
    }
}

static void on_row(int end, void *context) {
    (void)end;
    reader *r = context;
    bool header = false;
    if (!r->status && !r->started) r->status = start(r, &header);
    if (!r->status && !header) r->status = take_row(r);
    r->row.fields = r->row.used = 0;
    r->within_row = false;
}

/* ---- The file ---- */

static sp_status syntax_fault(reader *r, const char *what) {
    return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: %s; put quotes around the whole field and double those within",
                   r->table->path, r->line, what);
}

/* Feeds line by line, so that the callbacks know the line. A blank one begins no row. */
static sp_status feed(reader *r, struct csv_parser *parser, const char *bytes, size_t size) {
    while (size > 0 && !r->status) {
        const char *newline = memchr(bytes, '\n', size);
        size_t part = newline ? (size_t)(newline - bytes) + 1 : size;
        if (!r->within_row) r->line = r->next_line;
        for (size_t i = 0; i < part && !r->within_row; i++) r->within_row = !isspace((unsigned char)bytes[i]);
        if (csv_parse(parser, bytes, part, on_field, on_row, r) != part) {
            if (r->status) return r->status;
            return csv_error(parser) == CSV_EPARSE ? syntax_fault(r, "a quote stands within a field") : no_memory(r);
        }
        if (csv_get_buffer_size(parser) > LONGEST_FIELD && !r->status)
            return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: a field is longer than %d bytes; close its quote",
                           r->table->path, r->line, LONGEST_FIELD);
        r->next_line += newline != NULL;
        bytes += part;
        size -= part;
    }
    return r->status;
}

static sp_status read_all(reader *r, struct csv_parser *parser, sp_input *input, char *buffer) {
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    bool first = true;
    size_t got;
    do {
        sp_status status = sp_input_read(input, buffer, READ_BUFFER, &got, r->error);
        if (status) return status;
        size_t skip = first && got >= 3 && memcmp(buffer, byte_order_mark, 3) == 0 ? 3 : 0;
        first = false;
        status = feed(r, parser, buffer + skip, got - skip);
        if (status) return status;
    } while (got == READ_BUFFER);
    if (csv_fini(parser, on_field, on_row, r))
        return csv_error(parser) == CSV_EPARSE ? syntax_fault(r, "the file ends within a quoted field") : no_memory(r);
    if (r->status) return r->status;
    if (r->table->rows == 0)
        return sp_fail(r->error, SP_BAD_DATA, "%s: holds no rows; give it at least one", r->table->path);
    return SP_OK;
}

sp_status sp_csv_read(sp_input *input, const sp_table_options *options, sp_table *table, sp_error *error) {
    reader r = {.table = table, .options = options, .error = error, .line = 1, .next_line = 1, .target = NONE};
    struct csv_parser parser;
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL)) return no_memory(&r);
    csv_set_blk_size(&parser, FIELD_BLOCK); /* its own, 128 bytes, makes a long field slow */
    char *buffer = malloc(READ_BUFFER);
    sp_status status = buffer ? read_all(&r, &parser, input, buffer) : no_memory(&r);
    free(buffer);
    csv_free(&parser);
    free(r.row.text);
    free(r.row.at);
    free(r.feature_at);
    return status;
}

void sp_csv_write_field(FILE *stream, const char *text) {
    /* Quotes only where a reader needs them. */
    size_t length = strlen(text);
    bool plain = length > 0 && strcspn(text, ",\"\r\n") == length;
    if (plain && !isblank((unsigned char)text[0]) && !isblank((unsigned char)text[length - 1]))
        fputs(text, stream);
    else
        csv_fwrite(stream, text, length);
}
