#include "data/columns.h"

#include "base/error.h"
#include "base/memory.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const sp_header_names[] = {"auto", "yes", "no", NULL};
const char *const sp_categorical_names[] = {"error", "onehot", NULL};
const char *const sp_missing_names[] = {"error", "mean", "drop", NULL};
const char *const sp_separator_names[] = {"auto", "comma", "semicolon", "tab", "pipe", NULL};

enum { NONE = SP_NOT_FOUND, LONGEST_ITEM = 200 };

/* ---- Life ---------------------------------------------------------------------------------------- */

void sp_columns_clear(sp_columns *columns) {
    for (size_t j = 0; columns->categories && j < columns->features; j++) sp_categories_clear(&columns->categories[j]);
    free(columns->categories);
    free(columns->feature_at);
    free(columns->target_at);
    sp_names_clear(&columns->feature_names);
    sp_names_clear(&columns->target_names);
    *columns = (sp_columns){.weight_at = NONE};
}

/* A copy of `count` places, NULL where there are none; false when memory runs out. */
static bool copy_places(size_t **to, const size_t *from, size_t count) {
    *to = from ? sp_allocate(count, sizeof **to) : NULL;
    if (*to && count > 0) memcpy(*to, from, count * sizeof **to);
    return *to || !from;
}

bool sp_columns_copy(sp_columns *to, const sp_columns *from) {
    *to = (sp_columns){.count = from->count,
                       .features = from->features,
                       .targets = from->targets,
                       .weight_at = NONE,
                       .missing = from->missing,
                       .separator = from->separator};
    return copy_places(&to->feature_at, from->feature_at, from->features) &&
           copy_places(&to->target_at, from->target_at, from->targets) &&
           sp_names_copy(&to->feature_names, &from->feature_names) &&
           sp_names_copy(&to->target_names, &from->target_names);
}

bool sp_columns_have_text(const sp_columns *columns) {
    for (size_t j = 0; columns->categories && j < columns->features; j++)
        if (columns->categories[j].names.count > 0) return true;
    return false;
}

/* ---- Lists of columns ----------------------------------------------------------------------------- */

bool sp_is_missing(const char *text) {
    static const char *const spellings[] = {"", "?", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"};
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
        if (strcmp(text, spellings[i]) == 0) return true;
    return false;
}

static bool is_number(const char *text) {
    double value;
    return sp_parse_real(text, &value);
}

/* The next item of a list, without blanks around it; false: there is none. An empty list has one empty item. */
static bool next_item(const char **list, char item[LONGEST_ITEM]) {
    if (!*list) return false;
    const char *start = *list, *comma = strchr(start, ',');
    size_t length = comma ? (size_t)(comma - start) : strlen(start);
    *list = comma ? comma + 1 : NULL;
    while (length > 0 && isspace((unsigned char)*start)) start++, length--;
    while (length > 0 && isspace((unsigned char)start[length - 1])) length--;
    snprintf(item, LONGEST_ITEM, "%.*s", (int)length, start);
    return true;
}

/* "3-5": two indices, ascending. */
static bool parse_range(const char *item, size_t *least, size_t *most) {
    char low[24];
    const char *dash = strchr(item, '-');
    long long from, to;
    if (!dash || dash == item || dash - item >= (long)sizeof low) return false;
    snprintf(low, sizeof low, "%.*s", (int)(dash - item), item);
    if (!isdigit((unsigned char)item[0]) || !isdigit((unsigned char)dash[1])) return false;
    if (!sp_parse_whole(low, &from) || !sp_parse_whole(dash + 1, &to) || from > to) return false;
    *least = (size_t)from;
    *most = (size_t)to;
    return true;
}

/* The columns that an item names by position in a row of `count`; false: it is a name, or out of range. */
static bool by_position(const char *item, size_t count, size_t *least, size_t *most) {
    long long index;
    if (strcmp(item, "first") == 0 || strcmp(item, "last") == 0) {
        *least = *most = item[0] == 'f' ? 0 : count - 1;
        return true;
    }
    if (sp_parse_whole(item, &index)) {
        *least = *most = (size_t)index;
        return index >= 0 && *most < count;
    }
    return parse_range(item, least, most) && *most < count;
}

static bool is_name(const char *item) {
    long long index;
    size_t least, most;
    return *item && strcmp(item, "last") != 0 && strcmp(item, "first") != 0 && !sp_parse_whole(item, &index) &&
           !parse_range(item, &least, &most);
}

static bool any_name(const char *list) {
    char item[LONGEST_ITEM];
    while (next_item(&list, item))
        if (is_name(item)) return true;
    return false;
}

/*
 * The column of that name, looked for from column `from` on and around: columns in the order
 * asked for are found at once, and several of one name in turn.
 */
static long column_named(const sp_record *row, const char *name, size_t from) {
    for (size_t i = 0; i < row->fields; i++) {
        size_t column = (from + i) % row->fields;
        if (strcmp(sp_field(row, column), name) == 0) return (long)column;
    }
    return NONE;
}

/* ---- Whether the first row is a header ------------------------------------------------------------- */

typedef enum role { FEATURE, TARGET, IGNORED, WEIGHT } role;

/* Marks what a list names by position; names, and what is out of range, are told later. */
static void mark_positions(const char *list, role mark, size_t count, role *roles) {
    char item[LONGEST_ITEM];
    size_t least, most;
    while (list && *list && next_item(&list, item))
        if (by_position(item, count, &least, &most))
            for (size_t i = least; i <= most; i++) roles[i] = mark;
}

/* The role of each column as far as it is known before names are. */
static void mark_known(const sp_table_options *options, size_t count, role *roles) {
    const sp_columns *known = options->known;
    if (known && known->feature_at) {
        bool whole = count == known->count, bare = count <= known->count - known->targets;
        for (size_t i = 0; whole && i < count; i++) roles[i] = IGNORED;
        for (size_t j = 0; whole && j < known->features; j++) roles[known->feature_at[j]] = FEATURE;
        for (size_t k = 0; !whole && !bare && k < known->targets; k++) roles[known->target_at[k]] = TARGET;
        return;
    }
    if (known && known->features == count) return;
    mark_positions(options->ignore, IGNORED, count, roles);
    mark_positions(options->weight, WEIGHT, count, roles);
    mark_positions(options->target, TARGET, count, roles);
}

/* Whether a model's first row of text alone is that of a header: where its features are text, names tell. */
static bool text_is_header(const sp_first_row *first, const sp_columns *known) {
    if (!known || !sp_columns_have_text(known)) return true;
    /* A text where the training file had numbers is the heading of such a column. */
    for (size_t j = 0; known->feature_at && first->row->fields == known->count && j < known->features; j++) {
        const char *text = sp_field(first->row, known->feature_at[j]);
        if (known->categories[j].names.count == 0 && !is_number(text) && !sp_is_missing(text)) return true;
    }
    for (size_t j = 0; j < known->feature_names.count; j++)
        if (column_named(first->row, known->feature_names.text[j], j) != NONE) return true;
    return false;
}

/* Whether the first row names the columns: none of its features is a number. */
static sp_status find_header(const sp_first_row *first, const sp_table_options *options, const role *roles,
                             bool *header, sp_error *error) {
    bool unsaid = options->header == SP_HEADER_AUTO, known = options->known && options->known->feature_at;
    bool named = !known && (any_name(options->target) || (options->ignore && any_name(options->ignore)) ||
                            (options->weight && any_name(options->weight)));
    *header = options->header == SP_HEADER_YES || (unsaid && named);
    if (*header || !unsaid) return SP_OK;
    size_t numbers = 0, texts = 0, first_text = 0;
    for (size_t i = 0; i < first->row->fields; i++) {
        const char *text = sp_field(first->row, i);
        if (roles[i] != FEATURE || (options->missing != SP_MISSING_ERROR && sp_is_missing(text))) continue;
        if (is_number(text))
            numbers++;
        else if (texts++ == 0)
            first_text = i;
    }
    *header = texts > 0 && numbers == 0 && text_is_header(first, options->known);
    bool onehot =
        options->categorical == SP_CATEGORICAL_ONEHOT || (options->known && sp_columns_have_text(options->known));
    if (numbers == 0 || texts == 0 || onehot) return SP_OK;
    return sp_fail(error, SP_BAD_DATA,
                   "%s:%zu: field %zu is '%.40s' and not a number, others of this first row are; mend it, or set "
                   "data.header to yes if the row names the columns, data.categorical to onehot if they may be text",
                   first->path, first->line, first_text + 1, sp_field(first->row, first_text));
}

/* ---- By the lists of a configuration ------------------------------------------------------------- */

/* The first dozen names of a header, with commas between them. */
static void list_columns(const sp_record *row, char *text, size_t size) {
    enum { SHOWN = 12 };
    size_t used = 0;
    for (size_t i = 0; i < row->fields && i < SHOWN && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s'%.40s'", i > 0 ? ", " : "", sp_field(row, i));
    if (row->fields > SHOWN && used < size) snprintf(text + used, size - used, ", ...");
}

static sp_status no_column(const sp_first_row *first, const char *item, const char *key, bool header, sp_error *error) {
    const char *one = strcmp(key, "data.target") == 0 ? "last, first, a name" : "a name";
    char nearest[100], names[700];
    sp_guess guess = {.text = item};
    for (size_t i = 0; header && *item && i < first->row->fields; i++) sp_guess_look(&guess, sp_field(first->row, i));
    sp_guess_print(&guess, nearest, sizeof nearest);
    list_columns(first->row, names, sizeof names);
    return sp_fail(error, SP_BAD_CONFIG,
                   "%s:%zu: has no column '%.100s' for %s; %suse %s of the header or an index from 0 to %zu%s%s",
                   first->path, first->line, item, key, nearest, one, first->row->fields - 1, header ? "; it has " : "",
                   header ? names : "");
}

/* Gives the columns of a list their role, and adds them to `at` (NULL: not wanted), in the order of the list. */
static sp_status take_list(const sp_first_row *first, const char *list, const char *key, role mark, bool header,
                           role *roles, size_t *at, size_t *count, sp_error *error) {
    char item[LONGEST_ITEM];
    while (next_item(&list, item)) {
        size_t least = 0, most = 0;
        if (!by_position(item, first->row->fields, &least, &most)) {
            long column = header ? column_named(first->row, item, 0) : NONE;
            if (column == NONE || !*item) return no_column(first, item, key, header, error);
            least = most = (size_t)column;
        }
        for (size_t i = least; i <= most; i++) {
            if (roles[i] == mark && mark == IGNORED) continue;
            if (roles[i] != FEATURE)
                return sp_fail(error, SP_BAD_CONFIG,
                               "%s:%zu: column '%s' of %s is named twice, there or in data.target, data.ignore or "
                               "data.sample_weight; name it once",
                               first->path, first->line, item, key);
            roles[i] = mark;
            if (at) at[(*count)++] = i;
        }
    }
    return SP_OK;
}

static sp_status choose_by_lists(const sp_first_row *first, const sp_table_options *options, bool header, role *roles,
                                 sp_columns *columns, sp_error *error) {
    size_t weight_at = 0, weights = 0;
    sp_status status = take_list(first, options->target, "data.target", TARGET, header, roles, columns->target_at,
                                 &columns->targets, error);
    if (!status && options->ignore && *options->ignore)
        status = take_list(first, options->ignore, "data.ignore", IGNORED, header, roles, NULL, NULL, error);
    if (!status && options->weight && *options->weight) {
        if (strchr(options->weight, ',')) return no_column(first, options->weight, "data.sample_weight", header, error);
        status =
            take_list(first, options->weight, "data.sample_weight", WEIGHT, header, roles, &weight_at, &weights, error);
        columns->weight_at = (long)weight_at;
    }
    if (status) return status;
    for (size_t i = 0; i < first->row->fields; i++)
        if (roles[i] == FEATURE) columns->feature_at[columns->features++] = i;
    if (columns->features > 0) return SP_OK;
    return sp_fail(error, SP_BAD_DATA,
                   first->row->fields == 1 ? "%s:%zu: has a single column; give it features and a "
                                             "target"
                                           : "%s:%zu: has no column left for a feature",
                   first->path, first->line);
}

/* ---- As a training file had them ----------------------------------------------------------------- */

/* Columns by the names of the training file; others are left aside. */
static sp_status choose_by_names(const sp_first_row *first, const sp_table_options *options, sp_columns *columns,
                                 sp_error *error) {
    const sp_columns *known = options->known;
    size_t from = 0;
    for (size_t j = 0; j < known->features; j++) {
        const char *name = known->feature_names.text[j];
        long column = column_named(first->row, name, from);
        if (column == NONE)
            return sp_fail(error, SP_BAD_DATA, "%s:%zu: has no column '%s', which the model needs; add it", first->path,
                           first->line, name);
        columns->feature_at[columns->features++] = (size_t)column;
        from = (size_t)column + 1;
    }
    for (size_t k = 0; k < known->targets && !options->target_optional; k++) {
        const char *name = known->target_names.text[k];
        long column = column_named(first->row, name, k > 0 ? columns->target_at[k - 1] + 1 : 0);
        if (column == NONE)
            return sp_fail(error, SP_BAD_DATA, "%s:%zu: has no column '%s' with the labels; add it", first->path,
                           first->line, name);
        columns->target_at[columns->targets++] = (size_t)column;
    }
    return SP_OK;
}

static sp_status wrong_count(const sp_first_row *first, const sp_table_options *options, sp_error *error) {
    const sp_columns *known = options->known;
    size_t count = first->row->fields;
    if (known->count > known->features + known->targets)
        return sp_fail(error, SP_BAD_DATA, "%s:%zu: has %zu columns; %zu%s are wanted, as the training file has them",
                       first->path, first->line, count, known->count,
                       options->target_optional ? " (with or without targets)" : "");
    return sp_fail(error, SP_BAD_DATA, "%s:%zu: has %zu columns; %zu features%s are wanted", first->path, first->line,
                   count, known->features,
                   options->target_optional ? " (with or without the target)" : " and the target");
}

/* How many of the targets stand left of a column. */
static size_t targets_before(const sp_columns *known, size_t column) {
    size_t before = 0;
    for (size_t k = 0; k < known->targets; k++) before += known->target_at[k] < column;
    return before;
}

/* Columns where the training file had them; a file without targets may be without all that is no feature, too. */
static sp_status choose_by_position(const sp_first_row *first, const sp_table_options *options, sp_columns *columns,
                                    sp_error *error) {
    const sp_columns *known = options->known;
    size_t count = first->row->fields;
    bool whole = count == known->count, bare = count == known->features;
    if (!whole && !(options->target_optional && (bare || count == known->count - known->targets)))
        return wrong_count(first, options, error);
    for (size_t j = 0; j < known->features; j++) {
        size_t at = known->feature_at[j];
        columns->feature_at[j] = whole ? at : bare ? j : at - targets_before(known, at);
    }
    columns->features = known->features;
    for (size_t k = 0; k < known->targets && !options->target_optional; k++)
        columns->target_at[columns->targets++] = known->target_at[k];
    return SP_OK;
}

/* A training file that was no CSV: its values are the features, and the target stands where the options say. */
static sp_status choose_as_idx(const sp_first_row *first, const sp_table_options *options, bool header, role *roles,
                               sp_columns *columns, sp_error *error) {
    size_t wanted = options->known->features, count = first->row->fields;
    bool bare = options->target_optional && count == wanted;
    if (count != wanted + !bare)
        return sp_fail(error, SP_BAD_DATA, "%s:%zu: has %zu columns; %zu features%s are wanted", first->path,
                       first->line, count, wanted,
                       options->target_optional ? " (with or without the target)" : " and the target");
    for (size_t j = 0; j < count; j++) roles[j] = FEATURE;
    sp_table_options lists = {.target = options->target};
    if (!bare) return choose_by_lists(first, &lists, header, roles, columns, error);
    for (size_t j = 0; j < count; j++) columns->feature_at[columns->features++] = j;
    return SP_OK;
}

/* ---- All together -------------------------------------------------------------------------------- */

/* Names of columns and categories go into the model's header, which is JSON. */
static sp_status name_columns(const sp_first_row *first, sp_columns *columns, sp_error *error) {
    bool good = true;
    for (size_t i = 0; i < first->row->fields; i++)
        if (!sp_is_utf8(sp_field(first->row, i)))
            return sp_fail(error, SP_BAD_DATA, "%s:%zu: field %zu is not UTF-8; convert the file (iconv)", first->path,
                           first->line, i + 1);
    for (size_t j = 0; j < columns->features && good; j++)
        good = sp_names_add(&columns->feature_names, sp_field(first->row, columns->feature_at[j]));
    for (size_t k = 0; k < columns->targets && good; k++)
        good = sp_names_add(&columns->target_names, sp_field(first->row, columns->target_at[k]));
    return good ? SP_OK : sp_fail_memory(error, first->path, columns->count * sizeof(char *));
}

static sp_status choose(const sp_first_row *first, const sp_table_options *options, role *roles, sp_columns *columns,
                        bool *header, sp_error *error) {
    const sp_columns *known = options->known;
    mark_known(options, columns->count, roles);
    sp_status status = find_header(first, options, roles, header, error);
    if (status) return status;
    for (size_t i = 0; i < columns->count; i++) roles[i] = FEATURE;
    if (known && known->feature_names.count > 0 && known->target_names.count == known->targets && *header)
        status = choose_by_names(first, options, columns, error);
    else if (known && known->feature_at)
        status = choose_by_position(first, options, columns, error);
    else if (known)
        status = choose_as_idx(first, options, *header, roles, columns, error);
    else
        status = choose_by_lists(first, options, *header, roles, columns, error);
    if (!status && options->target_optional) columns->targets = 0; /* they may hold anything */
    return !status && *header ? name_columns(first, columns, error) : status;
}

sp_status sp_columns_choose(const sp_first_row *first, const sp_table_options *options, sp_columns *columns,
                            bool *header, sp_error *error) {
    size_t count = first->row->fields, room = count;
    if (options->known && options->known->features > room) room = options->known->features;
    if (options->known && options->known->targets > room) room = options->known->targets;
    *columns =
        (sp_columns){.count = count, .weight_at = NONE, .missing = options->missing, .separator = options->separator};
    role *roles = sp_allocate_zeroed(count, sizeof *roles);
    columns->feature_at = sp_allocate(room, sizeof *columns->feature_at);
    columns->target_at = sp_allocate(room, sizeof *columns->target_at);
    sp_status status = roles && columns->feature_at && columns->target_at
                           ? choose(first, options, roles, columns, header, error)
                           : sp_fail_memory(error, first->path, sp_bytes(room, sizeof *columns->feature_at));
    free(roles);
    if (!status && columns->features > 0) {
        columns->categories = sp_allocate_zeroed(columns->features, sizeof *columns->categories);
        if (!columns->categories) status = sp_fail_memory(error, first->path, sp_bytes(room, sizeof(sp_categories)));
    }
    return status;
}
