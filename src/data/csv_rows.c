#include "data/csv_rows.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REWRITE_BUFFER = 1 << 20 };

static const char *field(const sp_csv_rows *r, size_t column) {
    return sp_field(r->row, column);
}

static sp_status no_memory(sp_csv_rows *r) {
    return sp_fail_memory(r->error, r->table->path, sp_bytes(r->value_room, sizeof(float)));
}

/* Names of classes and categories go into the model's header, which is JSON. */
static sp_status want_utf8(sp_csv_rows *r, size_t column) {
    if (sp_is_utf8(field(r, column))) return SP_OK;
    return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: field %zu is not UTF-8; convert the file (iconv)", r->table->path,
                   r->line, column + 1);
}

/* ---- The first row --------------------------------------------------------------------------------- */

/* A file of one column that would have several with another separator. */
static sp_status check_separator(sp_csv_rows *r) {
    static const struct {
        char separator;
        const char *name, *names;
    } others[] = {{',', "comma", "commas"}, {';', "semicolon", "semicolons"}, {'\t', "tab", "tabs"}};
    for (size_t i = 0; i < sizeof others / sizeof *others && r->columns == 1; i++)
        if (strchr(field(r, 0), others[i].separator))
            return sp_fail(r->error, SP_BAD_DATA,
                           "%s:%zu: fields are separated by %s; set data.separator to auto or %s", r->table->path,
                           r->line, others[i].names, others[i].name);
    return SP_OK;
}

/* Looks at the first row: a header, or the first of the data. */
static sp_status start(sp_csv_rows *r, bool *header) {
    sp_table *table = r->table;
    r->started = true;
    r->columns = r->row->fields;
    if (r->columns > SP_MOST_FEATURES)
        return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: has %zu columns; at most %d", table->path, r->line, r->columns,
                       SP_MOST_FEATURES);
    sp_status status = r->options->separator == SP_SEPARATOR_AUTO ? SP_OK : check_separator(r);
    if (status) return status;
    sp_first_row first = {table->path, r->line, r->row};
    status = sp_columns_choose(&first, r->options, &table->columns, header, r->error);
    table->features = table->columns.features;
    table->labelled = table->columns.targets > 0;
    return status;
}

/* ---- Features -------------------------------------------------------------------------------------- */

static sp_status no_number(sp_csv_rows *r, size_t column) {
    const char *text = field(r, column), *hint = "; a number with a decimal point is wanted";
    if (sp_is_missing(text) && r->options->of_model)
        hint = ", a missing value, and the model takes none; fill it in, leave the row out, or train with data.missing "
               "= mean";
    else if (sp_is_missing(text))
        hint = ", a missing value; fill it in, leave the row out, or set data.missing to mean or drop";
    else if (!r->options->known && r->options->categorical == SP_CATEGORICAL_ERROR)
        hint = "; a number with a decimal point is wanted (data.categorical = onehot takes text, data.ignore leaves "
               "columns out)";
    return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: field %zu is '%.40s'%s", r->table->path, r->line, column + 1, text,
                   hint);
}

/* A feature without a value. */
static sp_status take_missing(sp_csv_rows *r, size_t column, float *value) {
    const sp_table_options *options = r->options;
    if (options->missing == SP_MISSING_DROP && options->target_optional)
        return sp_fail(r->error, SP_BAD_DATA,
                       "%s:%zu: field %zu is '%.40s', a missing value, and there is no prediction without; fill it in, "
                       "leave the row out, or train with data.missing = mean",
                       r->table->path, r->line, column + 1, field(r, column));
    if (options->missing == SP_MISSING_ERROR) return no_number(r, column);
    r->left_out = r->left_out || options->missing == SP_MISSING_DROP;
    *value = NAN;
    return SP_OK;
}

/* The code of a text, which the column has from now on; negative: no memory. */
static long code_of(sp_categories *categories, const char *text) {
    long code = sp_categories_find(categories, text);
    if (code != SP_NOT_FOUND) return code;
    return sp_categories_add(categories, text) ? (long)categories->names.count - 1 : SP_NOT_FOUND;
}

/* Of `rows` rows of values, the numbers that feature `j` has become codes; more than there may be are a fault of the
 * caller's to tell. */
static sp_status turn_values(sp_csv_rows *r, size_t j, float *values, size_t rows) {
    sp_categories *categories = &r->table->columns.categories[j];
    for (size_t i = 0; i < rows && categories->names.count <= SP_MOST_CATEGORIES; i++) {
        float *value = values + i * r->table->features + j;
        char text[40];
        if (isnan(*value)) continue;
        sp_category_of_number(*value, text, sizeof text);
        long code = code_of(categories, text);
        if (code == SP_NOT_FOUND) return no_memory(r);
        *value = (float)code;
    }
    return SP_OK;
}

/* The same for all rows so far in the cache, some at a time. */
static sp_status turn_cached(sp_csv_rows *r, size_t j) {
    size_t features = r->table->features, most = 1 + REWRITE_BUFFER / (features * sizeof(float));
    float *block = sp_allocate(most, features * sizeof *block);
    sp_status status = block ? SP_OK : no_memory(r);
    for (size_t row = 0; row < r->table->rows && !status; row += most) {
        size_t rows = r->table->rows - row < most ? r->table->rows - row : most;
        status = sp_cache_writer_get(r->sink->writer, row * features, rows * features, block, r->error);
        if (!status) status = turn_values(r, j, block, rows);
        if (!status) status = sp_cache_writer_put(r->sink->writer, row * features, rows * features, block, r->error);
    }
    free(block);
    return status;
}

/* The numbers that feature `j` has in the rows so far are categories, too: their values become codes. */
static sp_status turn_into_text(sp_csv_rows *r, size_t j) {
    if (r->sink && r->sink->writer) return turn_cached(r, j);
    return turn_values(r, j, r->table->values, r->table->rows);
}

/* A text that the training file did not have. */
static void note_unseen(sp_csv_rows *r, size_t column) {
    sp_table *table = r->table;
    if (table->unseen++ > 0) return;
    table->unseen_line = r->line;
    snprintf(table->unseen_text, sizeof table->unseen_text, "%s", field(r, column));
}

/* Feature `j` as text: its code, -1 for one that the training file did not have. */
static sp_status take_text(sp_csv_rows *r, size_t j, size_t column, float *value) {
    sp_columns *columns = &r->table->columns;
    const sp_columns *known = r->options->known;
    const char *text = field(r, column);
    char printed[40];
    double number;
    if (sp_parse_real(text, &number)) {
        sp_category_of_number((float)number, printed, sizeof printed);
        text = printed;
    }
    if (known) {
        *value = (float)sp_categories_find(&known->categories[j], text);
        if (*value < 0) note_unseen(r, column);
        return SP_OK;
    }
    if (want_utf8(r, column)) return r->error->status;
    sp_categories *categories = &columns->categories[j];
    if (categories->names.count == 0 && turn_into_text(r, j)) return r->error->status;
    long code = code_of(categories, text);
    if (code == SP_NOT_FOUND) return no_memory(r);
    *value = (float)code;
    if (categories->names.count <= SP_MOST_CATEGORIES) return SP_OK;
    return sp_fail(r->error, SP_BAD_DATA,
                   "%s:%zu: field %zu is '%.40s', and the column has more than %d different texts with that; leave it "
                   "out by data.ignore",
                   r->table->path, r->line, column + 1, field(r, column), SP_MOST_CATEGORIES);
}

/* A feature that is not just a number. */
static sp_status take_other(sp_csv_rows *r, size_t j, float *value) {
    const sp_columns *from = r->options->known ? r->options->known : &r->table->columns;
    size_t column = r->table->columns.feature_at[j];
    const char *text = field(r, column);
    bool is_text = from->categories && from->categories[j].names.count > 0;
    double number;
    if (sp_is_missing(text) && (r->options->missing != SP_MISSING_ERROR || !sp_parse_real(text, &number)))
        return take_missing(r, column, value);
    if (!is_text && sp_parse_real(text, &number))
        return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: field %zu is '%.40s'; a finite float32 is wanted",
                       r->table->path, r->line, column + 1, text);
    if (is_text || (!r->options->known && r->options->categorical == SP_CATEGORICAL_ONEHOT))
        return take_text(r, j, column, value);
    return no_number(r, column);
}

/* The values so far go to a cache, and so will those of all rows to come. */
static sp_status start_cache(sp_csv_rows *r) {
    sp_table *table = r->table;
    sp_csv_sink *sink = r->sink;
    sp_status status = sp_cache_writer_create(sink->cache, &sink->writer, &sink->waited, r->error);
    if (!status && sink->waited) return SP_FAILED; /* for the reader alone: nothing has failed */
    r->row_values = status ? NULL : sp_allocate(table->features, sizeof *r->row_values);
    if (!status && !r->row_values) status = no_memory(r);
    if (!status && table->rows > 0)
        status = sp_cache_writer_add(sink->writer, table->values, table->rows * table->features, r->error);
    free(table->values);
    table->values = NULL;
    r->value_room = 0;
    return status;
}

/* Room for the values of a row. */
static sp_status make_room(sp_csv_rows *r, size_t row, float **values) {
    sp_table *table = r->table;
    size_t needed = (row + 1) * table->features;
    if (r->sink && !r->sink->writer && needed > r->sink->most / sizeof(float)) {
        sp_status status = start_cache(r);
        if (status) return status;
    }
    bool cached = r->sink && r->sink->writer;
    if (!cached && !sp_grow(&table->values, &r->value_room, needed, sizeof(float))) return no_memory(r);
    *values = cached ? r->row_values : (float *)table->values + row * table->features;
    return SP_OK;
}

static sp_status take_features(sp_csv_rows *r, float *values) {
    sp_table *table = r->table;
    const sp_columns *from = r->options->known && r->options->known->categories ? r->options->known : &table->columns;
    for (size_t j = 0; j < table->features; j++) {
        double value;
        if (from->categories[j].names.count == 0 && sp_parse_real(field(r, table->columns.feature_at[j]), &value)) {
            values[j] = (float)value;
            if (isfinite(values[j])) continue;
        }
        sp_status status = take_other(r, j, &values[j]);
        if (status) return status;
    }
    return SP_OK;
}

/* ---- Targets and weights ---------------------------------------------------------------------------- */

static sp_status no_target(sp_csv_rows *r, size_t column) {
    const sp_names *names = &r->table->columns.target_names;
    const char *or_drop = r->options->of_model ? "" : ", or set data.missing to drop";
    bool unnamed = names->count == 1 && !*names->text[0];
    if (unnamed && !r->options->known)
        return sp_fail(
            r->error, SP_BAD_DATA,
            "%s:%zu: the target is empty: it is the last of %zu columns, which has no name (a comma ends the "
            "first row); name the column to learn in data.target, and this one in data.ignore",
            r->table->path, r->line, column + 1);
    return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: the target is empty, field %zu; give every row one%s",
                   r->table->path, r->line, column + 1, or_drop);
}

/* The only target: its text is kept, for it may be a class. */
static sp_status take_target(sp_csv_rows *r, size_t row) {
    sp_table *table = r->table;
    size_t column = table->columns.target_at[0];
    const char *text = field(r, column);
    size_t size = strlen(text) + 1;
    if (r->options->missing == SP_MISSING_DROP && sp_is_missing(text)) {
        r->left_out = true;
        return SP_OK;
    }
    if (size == 1) return no_target(r, column);
    if (want_utf8(r, column)) return r->error->status;
    if (!sp_grow((void **)&table->targets, &r->target_room, row + 1, sizeof *table->targets) ||
        !sp_grow((void **)&table->target_at, &r->text_at_room, row + 1, sizeof *table->target_at) ||
        !sp_grow((void **)&table->target_texts, &r->text_room, r->text_used + size, 1))
        return no_memory(r);
    if (!sp_parse_real(text, &table->targets[row])) table->targets[row] = NAN;
    memcpy(table->target_texts + r->text_used, text, size);
    table->target_at[row] = r->text_used;
    if (!r->left_out) r->text_used += size;
    return SP_OK;
}

/* One of several targets, which are numbers. */
static sp_status take_number(sp_csv_rows *r, size_t column, double *target) {
    const char *text = field(r, column);
    if (r->options->missing == SP_MISSING_DROP && sp_is_missing(text)) {
        r->left_out = true;
        return SP_OK;
    }
    if (sp_parse_real(text, target) && isfinite((float)*target)) return SP_OK;
    return sp_fail(r->error, SP_BAD_DATA,
                   "%s:%zu: field %zu, a target, is '%.40s'; of several targets each is a finite number",
                   r->table->path, r->line, column + 1, text);
}

static sp_status take_targets(sp_csv_rows *r, size_t row) {
    sp_table *table = r->table;
    size_t targets = table->columns.targets;
    if (targets <= 1) return targets == 1 ? take_target(r, row) : SP_OK;
    if (!sp_grow((void **)&table->targets, &r->target_room, (row + 1) * targets, sizeof *table->targets))
        return no_memory(r);
    for (size_t k = 0; k < targets; k++) {
        sp_status status = take_number(r, table->columns.target_at[k], &table->targets[row * targets + k]);
        if (status) return status;
    }
    return SP_OK;
}

static sp_status take_weight(sp_csv_rows *r, size_t row) {
    sp_table *table = r->table;
    if (table->columns.weight_at == SP_NOT_FOUND) return SP_OK;
    size_t column = (size_t)table->columns.weight_at;
    const char *text = field(r, column);
    double weight;
    if (!sp_grow((void **)&table->weights, &r->weight_room, row + 1, sizeof *table->weights)) return no_memory(r);
    if (!sp_parse_real(text, &weight) || !(weight >= 0 && isfinite((float)weight)))
        return sp_fail(r->error, SP_BAD_DATA,
                       "%s:%zu: field %zu, the weight of the row, is '%.40s'; a finite number from 0 on is wanted",
                       table->path, r->line, column + 1, text);
    table->weights[row] = (float)weight;
    return SP_OK;
}

/* ---- Rows ------------------------------------------------------------------------------------------ */

static sp_status take_row(sp_csv_rows *r) {
    sp_table *table = r->table;
    if (r->row->fields != r->columns)
        return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: has %zu fields; the first row has %zu", table->path, r->line,
                       r->row->fields, r->columns);
    size_t row = table->rows;
    if (row >= SP_MOST_ROWS)
        return sp_fail(r->error, SP_BAD_DATA, "%s:%zu: too many rows; at most %u", table->path, r->line, SP_MOST_ROWS);
    if (!sp_grow((void **)&table->lines, &r->line_room, row + 1, sizeof *table->lines)) return no_memory(r);
    r->left_out = false;
    float *values = NULL;
    sp_status status = make_room(r, row, &values);
    if (!status) status = take_features(r, values);
    if (!status) status = take_targets(r, row);
    if (!status) status = take_weight(r, row);
    if (!status && !r->left_out && r->row_values)
        status = sp_cache_writer_add(r->sink->writer, values, table->features, r->error);
    table->lines[row] = r->line;
    table->rows += !status && !r->left_out;
    table->dropped += !status && r->left_out;
    return status;
}

sp_status sp_csv_rows_take(sp_csv_rows *r, const sp_record *row, size_t line) {
    bool header = false;
    r->row = row;
    r->line = line;
    if (!r->started) {
        sp_status status = start(r, &header);
        if (status || header) return status;
    }
    return take_row(r);
}

void sp_csv_rows_clear(sp_csv_rows *r) {
    free(r->row_values);
}
