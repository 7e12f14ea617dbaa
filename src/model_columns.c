#include "model_columns.h"

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Numbers and names ---------------------------------------------------------------------------- */

char *sp_print_floats(const float *values, size_t count) {
    size_t printed = 1;
    for (size_t i = 1; i < count && printed == 1; i++)
        if (values[i] != values[0]) printed = count;
    size_t size = printed * 20 + 1, used = 0;
    char *text = malloc(size);
    for (size_t i = 0; text && i < printed; i++) {
        char number[32];
        sp_print_real(values[i], number, sizeof number);
        used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? " " : "", number);
    }
    return text;
}

bool sp_parse_floats(const char *text, float *values, size_t count) {
    size_t parsed = 0;
    while (text && *text && parsed < count) {
        char number[32];
        size_t length = strcspn(text, " ");
        double value;
        if (length >= sizeof number) return false;
        snprintf(number, sizeof number, "%.*s", (int)length, text);
        if (!sp_parse_real(number, &value)) return false;
        values[parsed++] = (float)value;
        text += length + strspn(text + length, " ");
    }
    if (!text || *text) return false;
    for (size_t i = 1; i < count && parsed == 1; i++) values[i] = values[0];
    return parsed == 1 || parsed == count;
}

char *sp_print_names(const sp_names *names) {
    sp_json *array = sp_json_texts(names->text, names->count);
    char *text = array ? sp_json_print(array, false) : NULL;
    sp_json_destroy(array);
    return text;
}

bool sp_parse_names(const char *text, sp_names *names) {
    sp_json *array = text ? sp_json_parse(text, strlen(text)) : NULL;
    bool good = array != NULL;
    for (const sp_json *item = sp_json_first(array); item && good; item = sp_json_next(item))
        good = sp_json_text(item) && sp_names_add(names, sp_json_text(item));
    sp_json_destroy(array);
    return good;
}

/* "3 5": places between blanks; fresh memory. */
static char *print_places(const size_t *places, size_t count) {
    size_t size = count * 21 + 1, used = 0;
    char *text = malloc(size);
    if (text) *text = '\0';
    for (size_t i = 0; text && i < count; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%zu", i > 0 ? " " : "", places[i]);
    return text;
}

/* ---- Out ------------------------------------------------------------------------------------------- */

void sp_column_texts_clear(sp_column_texts *texts) {
    for (size_t i = 0; i < texts->count; i++) free(texts->owned[i]);
    *texts = (sp_column_texts){0};
}

/* Adds a text, which is then owned there; false: it is NULL. */
static bool add(sp_column_texts *texts, const char *name, char *text) {
    if (!text) return false;
    texts->metadata[texts->count] = (sp_metadata){name, text};
    texts->owned[texts->count++] = text;
    return true;
}

/* The columns of the training file that are neither features nor targets. */
static char *print_others(const sp_columns *columns) {
    char *used = sp_allocate_zeroed(columns->count, 1), *text = NULL;
    size_t *others = sp_allocate(columns->count, sizeof *others), count = 0;
    if (used && others) {
        for (size_t j = 0; j < columns->features; j++) used[columns->feature_at[j]] = 1;
        for (size_t k = 0; k < columns->targets; k++) used[columns->target_at[k]] = 1;
        for (size_t i = 0; i < columns->count; i++)
            if (!used[i]) others[count++] = i;
        text = print_places(others, count);
    }
    free(used);
    free(others);
    return text;
}

/* {"2": ["blue", "red"]}: of each feature column of text its categories. */
static char *print_categories(const sp_columns *columns) {
    sp_json *root = sp_json_object();
    bool good = root != NULL;
    for (size_t j = 0; j < columns->features && good; j++) {
        const sp_names *names = &columns->categories[j].names;
        char number[24];
        if (names->count == 0) continue;
        snprintf(number, sizeof number, "%zu", j);
        good = sp_json_add_texts(root, number, (const char *const *)names->text, names->count);
    }
    char *text = good ? sp_json_print(root, false) : NULL;
    sp_json_destroy(root);
    return text;
}

static bool add_targets(const sp_model *model, sp_column_texts *texts) {
    const sp_columns *columns = &model->columns;
    const sp_preprocess *scale = &model->target_scale;
    bool good = add(texts, "target_columns", print_places(columns->target_at, columns->targets));
    if (columns->target_names.count > 0)
        good = good && add(texts, "target_names", sp_print_names(&columns->target_names));
    if (scale->features == 0) return good;
    return good && add(texts, "target_normalize", strdup(sp_normalize_names[scale->kind])) &&
           add(texts, "target_shift", sp_print_floats(scale->shift, scale->features)) &&
           add(texts, "target_scale", sp_print_floats(scale->scale, scale->features));
}

bool sp_column_texts_create(const sp_model *model, sp_column_texts *texts) {
    const sp_columns *columns = &model->columns;
    bool good = add(texts, "features", sp_print_names(&columns->feature_names)) && add_targets(model, texts);
    if (columns->count > columns->features + columns->targets)
        good = good && add(texts, "other_columns", print_others(columns));
    if (sp_columns_have_text(columns)) good = good && add(texts, "categories", print_categories(columns));
    if (columns->missing != SP_MISSING_ERROR)
        good = good && add(texts, "missing", strdup(sp_missing_names[columns->missing]));
    if (columns->separator != SP_SEPARATOR_AUTO)
        good = good && add(texts, "separator", strdup(sp_separator_names[columns->separator]));
    if (model->preprocess.fill)
        good = good && add(texts, "input_fill", sp_print_floats(model->preprocess.fill, columns->features));
    return good;
}

/* ---- In -------------------------------------------------------------------------------------------- */

static const char *text_of(const sp_safetensors *file, const char *name) {
    return sp_safetensors_text(file, name);
}

/* Places between blanks, fresh memory; false: another text. */
static bool parse_places(const char *text, size_t **places, size_t *count) {
    size_t room = 0;
    *count = 0;
    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        char number[24];
        size_t length = strcspn(text, " ");
        long long place;
        if (length >= sizeof number) return false;
        snprintf(number, sizeof number, "%.*s", (int)length, text);
        if (!sp_parse_whole(number, &place) || place < 0) return false;
        if (!sp_grow((void **)places, &room, *count + 1, sizeof **places)) return false;
        (*places)[(*count)++] = (size_t)place;
        text += length;
    }
    return true;
}

/* Index of a text in a list of names, `none` where the file does not have it; negative: none of them. */
static int choice(const sp_safetensors *file, const char *name, const char *const *names, int none) {
    const char *text = text_of(file, name);
    if (!text) return none;
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], text) == 0) return i;
    return -1;
}

/* Marks places as used; false: one is not below `count`, or used. */
static bool mark(const size_t *places, size_t number, size_t count, char *used) {
    for (size_t i = 0; i < number; i++) {
        if (places[i] >= count || used[places[i]]) return false;
        used[places[i]] = 1;
    }
    return true;
}

/* The categories of all columns that have some. */
static bool parse_categories(const char *text, sp_columns *columns) {
    sp_json *root = sp_json_parse(text, strlen(text));
    bool good = sp_json_is_object(root);
    for (const sp_json *member = good ? sp_json_first(root) : NULL; member && good; member = sp_json_next(member)) {
        long long column;
        good = sp_parse_whole(sp_json_name(member), &column) && column >= 0 && (size_t)column < columns->features &&
               sp_json_items(member) <= SP_MOST_CATEGORIES && columns->categories[column].names.count == 0;
        for (const sp_json *item = sp_json_first(member); item && good; item = sp_json_next(item)) {
            const char *name = sp_json_text(item);
            good = name && sp_categories_find(&columns->categories[column], name) == SP_NOT_FOUND &&
                   sp_categories_add(&columns->categories[column], name);
        }
    }
    sp_json_destroy(root);
    return good;
}

/* Columns where they stood in the training file: `features` of them, and the places that the file lists. */
static bool place_columns(const size_t *others, size_t other_count, sp_columns *columns) {
    columns->count = columns->features + columns->targets + other_count;
    char *used = sp_allocate_zeroed(columns->count, 1);
    columns->feature_at = sp_allocate(columns->features, sizeof *columns->feature_at);
    columns->categories = sp_allocate_zeroed(columns->features, sizeof *columns->categories);
    bool good = used && columns->feature_at && columns->categories &&
                mark(columns->target_at, columns->targets, columns->count, used) &&
                mark(others, other_count, columns->count, used);
    for (size_t i = 0, j = 0; good && i < columns->count; i++)
        if (!used[i]) columns->feature_at[j++] = i;
    free(used);
    return good;
}

/* How many features the categories of a file make, and of how many columns; false: not of that form. */
static bool count_categories(const char *text, size_t *features, size_t *columns) {
    sp_json *root = text ? sp_json_parse(text, strlen(text)) : NULL;
    bool good = !text || sp_json_is_object(root);
    for (const sp_json *member = root && good ? sp_json_first(root) : NULL; member; member = sp_json_next(member)) {
        good = good && sp_json_items(member) > 0 && sp_json_first(member);
        *features += sp_json_items(member);
        *columns += 1;
    }
    sp_json_destroy(root);
    return good;
}

static bool read_columns(const sp_safetensors *file, size_t inputs, sp_columns *columns) {
    const char *targets = text_of(file, "target_columns"), *other = text_of(file, "other_columns");
    const char *categories = text_of(file, "categories");
    size_t *others = NULL, other_count = 0, of_text = 0, texts = 0;
    if (!targets) targets = text_of(file, "target_column"); /* older files */
    bool good = targets && parse_places(targets, &columns->target_at, &columns->targets) && columns->targets > 0 &&
                (!other || parse_places(other, &others, &other_count)) &&
                count_categories(categories, &of_text, &texts) && of_text <= inputs;
    if (good) columns->features = inputs - of_text + texts;
    good =
        good && place_columns(others, other_count, columns) && (!categories || parse_categories(categories, columns));
    free(others);
    return good;
}

static bool read_names(const sp_safetensors *file, sp_columns *columns) {
    const char *targets = text_of(file, "target_names"), *target = text_of(file, "target_name");
    if (!sp_parse_names(text_of(file, "features"), &columns->feature_names)) return false;
    if (targets && !sp_parse_names(targets, &columns->target_names)) return false;
    if (!targets && target && !sp_names_add(&columns->target_names, target)) return false; /* older files */
    return (columns->feature_names.count == 0 || columns->feature_names.count == columns->features) &&
           (columns->target_names.count == 0 || columns->target_names.count == columns->targets);
}

static bool all_finite(const float *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i])) return false;
    return true;
}

/* What becomes of the columns, but for the normalisation of numbers. */
static bool read_preprocess(const sp_safetensors *file, size_t inputs, sp_model *model) {
    const sp_columns *columns = &model->columns;
    sp_error ignored = {0};
    size_t *widths = sp_allocate(columns->features, sizeof *widths);
    if (!widths) return false;
    for (size_t j = 0; j < columns->features; j++) widths[j] = columns->categories[j].names.count;
    bool text = sp_columns_have_text(columns);
    sp_status status = text ? sp_preprocess_create_onehot(columns->features, widths, &model->preprocess, &ignored)
                            : sp_preprocess_create(columns->features, &model->preprocess, &ignored);
    free(widths);
    if (status || model->preprocess.features != inputs) return false;
    if (columns->missing != SP_MISSING_MEAN) return true;
    model->preprocess.fill = sp_allocate(columns->features, sizeof *model->preprocess.fill);
    return model->preprocess.fill &&
           sp_parse_floats(text_of(file, "input_fill"), model->preprocess.fill, columns->features) &&
           all_finite(model->preprocess.fill, columns->features);
}

static bool read_target_scale(const sp_safetensors *file, sp_model *model) {
    size_t targets = model->columns.targets;
    sp_error ignored = {0};
    int kind = choice(file, "target_normalize", sp_normalize_names, SP_NORMALIZE_NONE);
    sp_preprocess *scale = &model->target_scale;
    if (kind == SP_NORMALIZE_NONE) return true;
    if (kind < 0 || sp_preprocess_create(targets, scale, &ignored)) return false;
    scale->kind = (sp_normalize)kind;
    if (!sp_parse_floats(text_of(file, "target_shift"), scale->shift, targets) ||
        !sp_parse_floats(text_of(file, "target_scale"), scale->scale, targets))
        return false;
    for (size_t k = 0; k < targets; k++)
        if (!(scale->scale[k] > 0)) return false;
    return all_finite(scale->shift, targets) && all_finite(scale->scale, targets);
}

const char *sp_column_texts_read(const sp_safetensors *file, size_t inputs, sp_model *model) {
    sp_columns *columns = &model->columns;
    int missing = choice(file, "missing", sp_missing_names, SP_MISSING_ERROR);
    int separator = choice(file, "separator", sp_separator_names, SP_SEPARATOR_AUTO);
    columns->weight_at = SP_NOT_FOUND;
    if (missing < 0 || separator < 0) return "its missing or separator is unknown";
    columns->missing = (sp_missing)missing;
    columns->separator = (sp_separator)separator;
    if (!read_columns(file, inputs, columns)) return "its columns or categories are malformed";
    if (!read_names(file, columns)) return "its features or target names do not fit its columns";
    if (!read_preprocess(file, inputs, model)) return "its categories or input_fill do not fit its inputs";
    if (!read_target_scale(file, model)) return "its target normalisation is malformed";
    return NULL;
}
