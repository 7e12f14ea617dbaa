/* CSV (RFC 4180), through libcsv, row by row. */
#include "data/csv.h"

#include "base/error.h"
#include "base/memory.h"
#include "data/csv_rows.h"

#include <csv.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { READ_BUFFER = 1 << 18, LEAST_BUFFER = 1 << 16, FIELD_BLOCK = 1 << 14, LONGEST_FIELD = 1 << 22 };

typedef struct reader {
    sp_csv_rows rows; /* where they go */
    const char *path;
    sp_error *error;
    sp_status status; /* the first fault; the rest of the file is then skipped */
    size_t line;      /* of the file, from 1: where the row begins */
    size_t next_line; /* the line to be read next */
    bool within_row;  /* a quoted field goes on in that */
    sp_record row;
} reader;

static sp_status no_memory(const reader *r) {
    return sp_fail_memory(r->error, r->path, r->row.capacity);
}

/* ---- libcsv's two callbacks ---- */

static void on_field(void *text, size_t length, void *context) {
    reader *r = context;
    sp_record *row = &r->row;
    if (r->status) return;
    if (memchr(text, '\0', length)) {
        r->status =
            sp_fail(r->error, SP_BAD_DATA, "%s:%zu: holds a NUL byte; name a CSV in UTF-8 or ASCII", r->path, r->line);
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
    if (!r->status) r->status = sp_csv_rows_take(&r->rows, &r->row, r->line);
    r->row.fields = r->row.used = 0;
    r->within_row = false;
}

/* ---- The file ---- */

static sp_status syntax_fault(reader *r, const char *what) {
    return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: %s; put quotes around the whole field and double those within",
                   r->path, r->line, what);
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
            return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: a field is longer than %d bytes; close its quote", r->path,
                           r->line, LONGEST_FIELD);
        r->next_line += newline != NULL;
        bytes += part;
        size -= part;
    }
    return r->status;
}

/* What stands between the fields of the first row: the first of these that it has outside of quotes; commas before
 * others, for semicolons, tabs and bars may be in texts that commas separate. */
static char find_separator(const char *bytes, size_t size) {
    static const char separators[] = ",;\t|";
    size_t found = sizeof separators - 1, at = 0;
    bool quoted = false;
    while (at < size && isspace((unsigned char)bytes[at]) && bytes[at] != '\t') at++;
    for (; at < size && (quoted || bytes[at] != '\n'); at++) {
        if (bytes[at] == '"') quoted = !quoted;
        const char *one = quoted ? NULL : memchr(separators, bytes[at], sizeof separators - 1);
        if (one && (size_t)(one - separators) < found) found = (size_t)(one - separators);
    }
    return found < sizeof separators - 1 ? separators[found] : ',';
}

static void set_separator(const reader *r, struct csv_parser *parser, const char *bytes, size_t size) {
    static const char separators[] = {[SP_SEPARATOR_COMMA] = ',',
                                      [SP_SEPARATOR_SEMICOLON] = ';',
                                      [SP_SEPARATOR_TAB] = '\t',
                                      [SP_SEPARATOR_PIPE] = '|'};
    sp_separator set = r->rows.options->separator;
    csv_set_delim(parser, (unsigned char)(set == SP_SEPARATOR_AUTO ? find_separator(bytes, size) : separators[set]));
}

static sp_status read_all(reader *r, struct csv_parser *parser, sp_input *input, char *buffer, size_t size) {
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    bool first = true;
    size_t got;
    do {
        sp_status status = sp_input_read(input, buffer, size, &got, r->error);
        if (status) return status;
        if (r->rows.sink) sp_hasher_add(r->rows.sink->text, buffer, got);
        size_t skip = first && got >= 3 && memcmp(buffer, byte_order_mark, 3) == 0 ? 3 : 0;
        if (first) set_separator(r, parser, buffer + skip, got - skip);
        first = false;
        status = feed(r, parser, buffer + skip, got - skip);
        if (status) return status;
    } while (got == size);
    if (csv_fini(parser, on_field, on_row, r))
        return csv_error(parser) == CSV_EPARSE ? syntax_fault(r, "the file ends within a quoted field") : no_memory(r);
    if (r->status) return r->status;
    if (r->rows.table->rows > 0) return SP_OK;
    return sp_fail(r->error, SP_BAD_DATA,
                   r->rows.table->dropped > 0 ? "%s: has no row without missing values; set data.missing to mean"
                                              : "%s: holds no rows; give it at least one",
                   r->path);
}

sp_status sp_csv_read(sp_input *input, const sp_table_options *options, sp_csv_sink *sink, sp_table *table,
                      sp_error *error) {
    reader r = {.rows = {.table = table, .options = options, .sink = sink, .error = error},
                .path = table->path,
                .error = error,
                .line = 1,
                .next_line = 1};
    struct csv_parser parser;
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL)) return no_memory(&r);
    csv_set_blk_size(&parser, FIELD_BLOCK); /* its own, 128 bytes, makes a long field slow */
    size_t likely = sp_input_likely_size(input), room = READ_BUFFER;
    if (likely > 0 && likely < READ_BUFFER) room = likely < LEAST_BUFFER ? LEAST_BUFFER : likely + 1;
    char *buffer = malloc(room);
    sp_status status = buffer ? read_all(&r, &parser, input, buffer, room) : no_memory(&r);
    free(buffer);
    csv_free(&parser);
    free(r.row.text);
    free(r.row.at);
    sp_csv_rows_clear(&r.rows);
    return sink && sink->waited ? SP_OK : status;
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
