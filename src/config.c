#include "config.h"

#include "base/error.h"
#include "base/file.h"

#include <ctype.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

/* inih holds a line in a buffer of this size; a longer one is refused, not cut. */
enum { LONGEST_LINE = INI_MAX_LINE - 3, LONGEST_TEXT = 160, PLACE = 4200 };

/* ---- Values ------------------------------------------------------------------------ */

static void *value_of(const sp_config *config, const sp_key *key) {
    return (char *)config + key->offset;
}

static const char *choice_name(const sp_key *key, long long index) {
    return key->choices[index];
}

static long long find_choice(const sp_key *key, const char *text) {
    for (long long i = 0; key->choices[i]; i++)
        if (strcmp(key->choices[i], text) == 0) return i;
    return SP_NOT_FOUND;
}

/* "yes", "true", "on", "1" are one; a switch takes them all. */
static const char *canonical_switch(const sp_key *key, const char *text) {
    static const char *const on[] = {"true", "on", "1"}, *const off[] = {"false", "off", "0"};
    if (find_choice(key, "yes") < 0 || find_choice(key, "no") < 0) return text;
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, on[i]) == 0) return "yes";
        if (strcmp(text, off[i]) == 0) return "no";
    }
    return text;
}

/* Takes one item; false when it is not of the key's type or range. */
static bool parse_item(const sp_key *key, const char *text, long long *item) {
    if (key->type == SP_KEY_CHOICE || key->type == SP_KEY_CHOICES) {
        *item = find_choice(key, canonical_switch(key, text));
        return *item >= 0;
    }
    if (key->word && strcmp(text, key->word) == 0) {
        *item = SP_AUTO;
        return true;
    }
    return sp_parse_whole(text, item) && (double)*item >= key->low && (double)*item <= key->high;
}

/* A list is items between commas; empty text is the empty list. */
static bool parse_list(const sp_key *key, const char *text, sp_list *list) {
    list->count = 0;
    for (const char *at = text; *text && at;) {
        const char *comma = strchr(at, ',');
        size_t length = comma ? (size_t)(comma - at) : strlen(at);
        while (length > 0 && isspace((unsigned char)*at)) at++, length--;
        while (length > 0 && isspace((unsigned char)at[length - 1])) length--;
        char item[32];
        if (length == 0 || length >= sizeof item || list->count == SP_MOST_LAYERS - 1) return false;
        memcpy(item, at, length);
        item[length] = '\0';
        if (!parse_item(key, item, &list->item[list->count++])) return false;
        at = comma ? comma + 1 : NULL;
    }
    return key->type == SP_KEY_WHOLES || list->count > 0;
}

bool sp_config_resolve_text(char **value, const char *text) {
    char *copy = strdup(text);
    if (!copy) return false;
    free(*value);
    *value = copy;
    return true;
}

/* Whether a file can say `text`: no comment would start within it, nothing would be trimmed. */
static bool fits_a_line(const char *text) {
    size_t length = strlen(text);
    if (length == 0) return true;
    if (length > LONGEST_TEXT || isspace((unsigned char)text[0]) || isspace((unsigned char)text[length - 1]))
        return false;
    for (size_t i = 0; i < length; i++) {
        bool comment = text[i] == '#' || text[i] == ';';
        if (iscntrl((unsigned char)text[i]) || (comment && (i == 0 || text[i - 1] == ' '))) return false;
    }
    return true;
}

/* Parses `text` into the key's place; the place is as it was when that fails. */
static bool parse_value(sp_config *config, const sp_key *key, const char *text) {
    void *value = value_of(config, key);
    long long item;
    double real;
    sp_list list;
    switch (key->type) {
    case SP_KEY_TEXT: return fits_a_line(text) && sp_config_resolve_text(value, text);
    case SP_KEY_REAL:
        if (!sp_parse_real(text, &real) || !(real >= key->low && real <= key->high)) return false;
        *(double *)value = real;
        return true;
    case SP_KEY_WHOLE:
        if (!parse_item(key, text, &item)) return false;
        *(long long *)value = item;
        return true;
    case SP_KEY_CHOICE:
        if (!parse_item(key, text, &item)) return false;
        *(int *)value = (int)item;
        return true;
    case SP_KEY_WHOLES:
    case SP_KEY_CHOICES:
        if (!parse_list(key, text, &list)) return false;
        *(sp_list *)value = list;
        return true;
    }
    return false;
}

static void print_list(const sp_key *key, const sp_list *list, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < list->count && used < size; i++) {
        const char *comma = i > 0 ? ", " : "";
        int length = key->type == SP_KEY_CHOICES
                         ? snprintf(text + used, size - used, "%s%s", comma, choice_name(key, list->item[i]))
                         : snprintf(text + used, size - used, "%s%lld", comma, list->item[i]);
        used += length > 0 ? (size_t)length : 0;
    }
}

void sp_config_print(const sp_config *config, const sp_key *key, char *text, size_t size) {
    const void *value = value_of(config, key);
    switch (key->type) {
    case SP_KEY_TEXT: snprintf(text, size, "%s", *(char *const *)value); break;
    case SP_KEY_REAL: sp_print_real(*(const double *)value, text, size); break;
    case SP_KEY_WHOLE:
        if (key->word && *(const long long *)value == SP_AUTO)
            snprintf(text, size, "%s", key->word);
        else
            snprintf(text, size, "%lld", *(const long long *)value);
        break;
    case SP_KEY_CHOICE: snprintf(text, size, "%s", choice_name(key, *(const int *)value)); break;
    case SP_KEY_WHOLES:
    case SP_KEY_CHOICES: print_list(key, value, text, size); break;
    }
}

void sp_key_range(const sp_key *key, char *text, size_t size) {
    const char *list = key->type == SP_KEY_WHOLES || key->type == SP_KEY_CHOICES ? "list of " : "";
    if (key->type == SP_KEY_TEXT) {
        snprintf(text, size, "text of at most %d bytes, no # or ; after a blank", LONGEST_TEXT);
    } else if (key->choices) {
        size_t used = (size_t)snprintf(text, size, "%s", list);
        for (size_t i = 0; key->choices[i] && used < size; i++)
            used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? " | " : "", key->choices[i]);
    } else if (key->type == SP_KEY_REAL) {
        snprintf(text, size, "number from %g to %g", key->low, key->high);
    } else {
        snprintf(text, size, "%swhole number%s from %.0f to %.0f%s%s", list, *list ? "s" : "", key->low, key->high,
                 key->word ? ", or " : "", key->word ? key->word : "");
    }
}

/* ---- Life --------------------------------------------------------------------------- */

sp_config *sp_config_create(void) {
    sp_config *config = calloc(1, sizeof *config);
    for (size_t i = 0; config && i < sp_key_count; i++)
        if (!parse_value(config, &sp_keys[i], sp_keys[i].initial)) {
            sp_config_destroy(config);
            return NULL;
        }
    return config;
}

void sp_config_destroy(sp_config *config) {
    if (!config) return;
    for (size_t i = 0; i < sp_key_count; i++)
        if (sp_keys[i].type == SP_KEY_TEXT) free(*(char **)value_of(config, &sp_keys[i]));
    free(config->path);
    free(config);
}

sp_config *sp_config_copy(const sp_config *config) {
    sp_config *copy = calloc(1, sizeof *copy);
    if (!copy) return NULL;
    *copy = *config;
    bool good = true;
    copy->path = NULL;
    if (config->path) good = sp_config_resolve_text(&copy->path, config->path);
    for (size_t i = 0; i < sp_key_count; i++) {
        if (sp_keys[i].type != SP_KEY_TEXT) continue;
        char **text = value_of(copy, &sp_keys[i]);
        const char *original = *text;
        *text = NULL; /* the other's */
        good = sp_config_resolve_text(text, original) && good;
    }
    if (good) return copy;
    sp_config_destroy(copy);
    return NULL;
}

/* ---- Setting one key ------------------------------------------------------------------ */

static bool section_exists(const char *section) {
    for (size_t i = 0; i < sp_key_count; i++)
        if (strcmp(sp_keys[i].section, section) == 0) return true;
    return false;
}

static const sp_key *find_key(const char *section, const char *name) {
    for (size_t i = 0; i < sp_key_count; i++)
        if (strcmp(sp_keys[i].section, section) == 0 && strcmp(sp_keys[i].name, name) == 0) return &sp_keys[i];
    return NULL;
}

/* The key nearest to a wrong one; one of the section asked for wins over its like elsewhere. */
static const sp_key *nearest_key(const char *section, const char *name) {
    const sp_key *nearest = &sp_keys[0];
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < sp_key_count; i++) {
        size_t distance = sp_edit_distance(name, sp_keys[i].name);
        size_t elsewhere = sp_edit_distance(section, sp_keys[i].section);
        if (distance < SIZE_MAX / 4 && elsewhere < SIZE_MAX / 4) distance = 4 * distance + elsewhere;
        if (distance < least) {
            least = distance;
            nearest = &sp_keys[i];
        }
    }
    return nearest;
}

static sp_status unknown_key(const char *place, const char *section, const char *name, sp_error *error) {
    if (!section_exists(section)) {
        const char *nearest = sp_keys[0].section;
        for (size_t i = 0; i < sp_key_count; i++)
            if (sp_edit_distance(section, sp_keys[i].section) < sp_edit_distance(section, nearest))
                nearest = sp_keys[i].section;
        if (*section == '\0')
            return sp_fail(error, SP_BAD_CONFIG,
                           "%s: key '%.40s' stands before any section; put it under one, say [%s]", place, name,
                           nearest_key("", name)->section);
        return sp_fail(error, SP_BAD_CONFIG, "%s: unknown section [%.40s] of key '%.40s'; did you mean [%s]?", place,
                       section, name, nearest);
    }
    const sp_key *nearest = nearest_key(section, name);
    return sp_fail(error, SP_BAD_CONFIG, "%s: unknown key '%.40s' in [%s]; did you mean '%s'%s%s%s?", place, name,
                   section, nearest->name, strcmp(nearest->section, section) == 0 ? "" : " of [",
                   strcmp(nearest->section, section) == 0 ? "" : nearest->section,
                   strcmp(nearest->section, section) == 0 ? "" : "]");
}

static sp_status bad_value(const char *place, const sp_key *key, const char *text, sp_error *error) {
    char range[300], nearest[64] = "";
    sp_key_range(key, range, sizeof range);
    size_t least = 3; /* farther ones are no help */
    for (size_t i = 0; key->choices && key->choices[i]; i++)
        if (sp_edit_distance(text, key->choices[i]) < least) {
            least = sp_edit_distance(text, key->choices[i]);
            snprintf(nearest, sizeof nearest, "did you mean '%s'? ", key->choices[i]);
        }
    return sp_fail(error, SP_BAD_CONFIG, "%s: %s.%s = '%.60s' is not valid; %sit takes: %s", place, key->section,
                   key->name, text, nearest, range);
}

/* Sets a key by its name; `line` as in struct sp_config. */
static sp_status set_key(sp_config *config, const char *place, int line, const char *section, const char *name,
                         const char *text, sp_error *error) {
    const sp_key *key = find_key(section, name);
    if (!key) return unknown_key(place, section, name, error);
    int *set_at = &config->line[key - sp_keys];
    if (line > 0 && *set_at > 0)
        return sp_fail(error, SP_BAD_CONFIG, "%s: %s.%s is repeated; it is set in line %d already, keep one", place,
                       section, name, *set_at);
    if (!parse_value(config, key, text)) return bad_value(place, key, text, error);
    *set_at = line;
    return SP_OK;
}

sp_status sp_config_set(sp_config *config, const char *assignment, sp_error *error) {
    char section[64], name[64], place[PLACE];
    snprintf(place, sizeof place, "--set %.100s", assignment);
    const char *dot = strchr(assignment, '.'), *equals = strchr(assignment, '=');
    if (!dot || !equals || dot == assignment || dot + 1 >= equals || dot - assignment >= 60 || equals - dot >= 60)
        return sp_fail(error, SP_BAD_CONFIG, "%s: is not an assignment; write section.key=value", place);
    snprintf(section, sizeof section, "%.*s", (int)(dot - assignment), assignment);
    snprintf(name, sizeof name, "%.*s", (int)(equals - dot - 1), dot + 1);
    return set_key(config, place, -1, section, name, equals + 1, error);
}

/* ---- Loading --------------------------------------------------------------------------- */

/*
 * Hands inih one line at a time. inih alone cuts long lines, takes an indented line for
 * the rest of the value above it, and knows no line numbers.
 */
typedef struct line_reader {
    sp_config *config;
    sp_error *error;
    const char *path;
    const char *at, *end; /* what is left of the file */
    int line;
    bool explained; /* this line's fault has been reported */
} line_reader;

static void line_place(const line_reader *reader, char *place) {
    snprintf(place, PLACE, "%s:%d", reader->path, reader->line);
}

/* A '#' after white space starts a comment, as ';' does for inih. */
static void cut_comment(char *text) {
    for (char *at = text; *at; at++)
        if (*at == '#' && (at == text || isspace((unsigned char)at[-1]))) *at = '\0';
}

static void refuse_line(line_reader *reader, const char *why) {
    char place[PLACE];
    line_place(reader, place);
    sp_fail(reader->error, SP_BAD_CONFIG, "%s: %s", place, why);
    reader->explained = true;
}

/* inih's ini_reader: the next line into `text`, or NULL at the end. */
static char *next_line(char *text, int size, void *stream) {
    line_reader *reader = stream;
    if (reader->at >= reader->end) return NULL;
    const char *newline = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
    const char *stop = newline ? newline : reader->end;
    const char *from = reader->at;
    reader->at = newline ? newline + 1 : reader->end;
    reader->line++;
    reader->explained = false;
    if (reader->line == 1 && stop - from >= 3 && memcmp(from, "\xef\xbb\xbf", 3) == 0) from += 3;
    while (from < stop && isspace((unsigned char)*from)) from++;
    while (stop > from && isspace((unsigned char)stop[-1])) stop--;

    int length = (int)(stop - from);
    text[0] = '\0';
    if (memchr(from, '\0', (size_t)length)) {
        refuse_line(reader, "holds a NUL byte; save the file as UTF-8 or ASCII text");
    } else if (length > LONGEST_LINE || length > size - 3) {
        char why[120];
        snprintf(why, sizeof why, "is %d bytes long; at most %d (relative paths are shorter)", length, LONGEST_LINE);
        refuse_line(reader, why);
    } else {
        memcpy(text, from, (size_t)length);
        text[length] = '\0';
        cut_comment(text);
        bool known_form = *text == '\0' || *text == ';' || (*text == '[' && strchr(text, ']')) || strpbrk(text, "=:");
        if (!known_form) {
            refuse_line(reader, "is neither [section] nor key = value; write one of them");
            text[0] = '\0';
        }
    }
    strcat(text, "\n");
    return text;
}

/* inih's ini_handler. */
static int take_pair(void *user, const char *section, const char *name, const char *value) {
    line_reader *reader = user;
    char place[PLACE];
    line_place(reader, place);
    if (!reader->explained) set_key(reader->config, place, reader->line, section, name, value, reader->error);
    return 1;
}

/* runs/NAME for CONFIG/NAME.ini, unless the config says otherwise. */
static bool choose_dir(sp_config *config) {
    char dir[LONGEST_TEXT + 1];
    if (*config->output.dir) return true;
    const char *name = strrchr(config->path, '/') ? strrchr(config->path, '/') + 1 : config->path;
    const char *dot = strrchr(name, '.');
    int length = dot && dot > name ? (int)(dot - name) : (int)strlen(name);
    snprintf(dir, sizeof dir, "runs/%.*s", length, name);
    return sp_config_resolve_text(&config->output.dir, dir);
}

sp_status sp_config_load(sp_config *config, const char *path, sp_error *error) {
    enum { LARGEST_FILE = 1 << 20 };
    char *bytes;
    size_t size;
    sp_status status = sp_file_read(path, LARGEST_FILE, &bytes, &size, error);
    if (status) {
        /* Whatever is wrong with the bytes of a config is a wrong configuration. */
        if (status == SP_BAD_DATA) error->status = SP_BAD_CONFIG;
        return error->status;
    }
    if (!sp_config_resolve_text(&config->path, path)) {
        free(bytes);
        return sp_fail_memory(error, path, strlen(path));
    }
    memset(config->line, 0, sizeof config->line);
    line_reader reader = {.config = config, .error = error, .path = path, .at = bytes, .end = bytes + size};
    size_t before = error->faults;
    ini_parse_stream(next_line, &reader, take_pair, &reader);
    free(bytes);
    if (!choose_dir(config)) return sp_fail_memory(error, path, LONGEST_TEXT);
    return error->faults > before ? SP_BAD_CONFIG : SP_OK;
}

/* ---- Checking what several keys say together ---------------------------------------------- */

void sp_config_place(const sp_config *config, const char *name, char *text, size_t size) {
    for (size_t i = 0; i < sp_key_count; i++) {
        char full[80];
        snprintf(full, sizeof full, "%s.%s", sp_keys[i].section, sp_keys[i].name);
        if (strcmp(full, name) != 0) continue;
        if (config->line[i] > 0)
            snprintf(text, size, "%s:%d", config->path, config->line[i]);
        else
            snprintf(text, size, "%s", config->line[i] < 0 ? "--set" : config->path ? config->path : "config");
        return;
    }
    snprintf(text, size, "config");
}

double sp_config_share(const char *value) {
    double share;
    return sp_parse_real(value, &share) ? share : 0;
}

/* A rule that is broken: `key` names the line to blame. */
static void fault(const sp_config *config, const char *key, const char *what, sp_error *error) {
    char place[PLACE];
    sp_config_place(config, key, place, sizeof place);
    sp_fail(error, SP_BAD_CONFIG, "%s: %s", place, what);
}

static void check_rows(const sp_config *config, const char *key, const char *value, const char *labels_key,
                       const char *labels, sp_error *error) {
    char what[200];
    double share;
    bool is_share = sp_parse_real(value, &share);
    if (is_share && !(share > 0 && share < 1)) {
        snprintf(what, sizeof what, "%s = %s is a number but no share; use one between 0 and 1, or a path", key, value);
        fault(config, key, what, error);
    }
    if (*labels && (is_share || !*value)) {
        snprintf(what, sizeof what, "%s is set, but %s names no file; set that too, or leave this out", labels_key,
                 key);
        fault(config, labels_key, what, error);
    }
}

sp_status sp_config_check(const sp_config *config, sp_error *error) {
    size_t before = error->faults;
    if (!*config->data.train)
        fault(config, "data.train", "data.train is missing; name the file with the training rows", error);
    check_rows(config, "data.test", config->data.test, "data.test_labels", config->data.test_labels, error);
    check_rows(config, "data.validation", config->data.validation, "data.validation_labels",
               config->data.validation_labels, error);
    double test = sp_config_share(config->data.test), validation = sp_config_share(config->data.validation);
    if (test > 0 && test < 1 && validation > 0 && validation < 1 && test + validation >= 1)
        fault(config, "data.validation", "the shares for test and validation leave no training rows; lower one", error);

    size_t named = config->network.activation.count, hidden = config->network.hidden.count;
    if (named > 1 && named != hidden) {
        char what[160];
        snprintf(what, sizeof what, "network.activation names %zu activations for %zu hidden layers; name 1 or %zu",
                 named, hidden, hidden);
        fault(config, "network.activation", what, error);
    }
    int output = config->network.output_activation, loss = config->train.loss;
    if (loss == SP_CROSS_ENTROPY + 1 && output != SP_AUTO && output != SP_SOFTMAX + 1)
        fault(config, "network.output_activation",
              "cross_entropy brings its own softmax; set network.output_activation to auto", error);
    if (loss == SP_SQUARED_ERROR + 1 && output == SP_SOFTMAX + 1)
        fault(config, "network.output_activation",
              "softmax goes with cross_entropy; for squared_error use sigmoid, tanh, relu or identity", error);
    if (config->data.task == SP_REGRESSION && loss == SP_CROSS_ENTROPY + 1)
        fault(config, "train.loss", "cross_entropy is for classes; for regression use squared_error", error);
    if (config->data.task == SP_REGRESSION && config->train.monitor == SP_MONITOR_ACCURACY)
        fault(config, "train.monitor", "regression has no accuracy; monitor validation_loss", error);
    if (config->train.patience > 0 && !*config->data.validation)
        fault(config, "train.patience", "train.patience needs validation rows; set data.validation", error);
    return error->faults > before ? SP_BAD_CONFIG : SP_OK;
}

/* ---- Writing ----------------------------------------------------------------------------- */

/* Prints `text` as comment lines of at most 80 columns. */
static void print_comment(FILE *stream, const char *text) {
    enum { COLUMNS = 76 };
    while (*text) {
        size_t length = strlen(text);
        if (length > COLUMNS) {
            length = COLUMNS;
            while (length > 1 && text[length] != ' ') length--;
        }
        fprintf(stream, "; %.*s\n", (int)length, text);
        text += length;
        while (*text == ' ') text++;
    }
}

static void print_keys(FILE *stream, const sp_config *config, bool with_ranges) {
    const char *section = "";
    for (size_t i = 0; i < sp_key_count; i++) {
        const sp_key *key = &sp_keys[i];
        char value[SP_MOST_LAYERS * 16], range[300];
        if (strcmp(key->section, section) != 0)
            fprintf(stream, "%s[%s]\n", i > 0 ? "\n" : "", key->section);
        else
            fputc('\n', stream);
        section = key->section;
        print_comment(stream, key->help);
        if (with_ranges) {
            sp_key_range(key, range, sizeof range);
            print_comment(stream, range);
        }
        sp_config_print(config, key, value, sizeof value);
        fprintf(stream, "%s =%s%s\n", key->name, *value ? " " : "", value);
    }
}

sp_status sp_config_save(const sp_config *config, const char *path, sp_error *error) {
    sp_output *output;
    sp_status status = sp_output_open(path, &output, error);
    if (status) return status;
    fprintf(sp_output_stream(output), "; The resolved configuration of a run of shardprop %s.\n\n", sp_version());
    print_keys(sp_output_stream(output), config, false);
    return sp_output_commit(output, error);
}

void sp_config_help(FILE *stream) {
    sp_config *config = sp_config_create();
    if (config) print_keys(stream, config, true);
    sp_config_destroy(config);
}
