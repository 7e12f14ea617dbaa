#include "config.h"

#include "base/error.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

enum { LONGEST_ITEM = 32 };

/* The item of a list at *at, up to a comma; *at moves behind that, or is NULL behind the last. False: no item. */
static bool next_item(const char **at, char item[LONGEST_ITEM]) {
    const char *start = *at, *comma = strchr(start, ',');
    size_t length = comma ? (size_t)(comma - start) : strlen(start);
    while (length > 0 && isspace((unsigned char)*start)) start++, length--;
    while (length > 0 && isspace((unsigned char)start[length - 1])) length--;
    if (length == 0 || length >= LONGEST_ITEM) return false;
    memcpy(item, start, length);
    item[length] = '\0';
    *at = comma ? comma + 1 : NULL;
    return true;
}

/* A list is items between commas; empty text is the empty list. */
static bool parse_list(const sp_key *key, const char *text, sp_list *list) {
    char item[LONGEST_ITEM];
    list->count = 0;
    for (const char *at = text; *text && at;)
        if (list->count == SP_MOST_LAYERS - 1 || !next_item(&at, item) ||
            !parse_item(key, item, &list->item[list->count++]))
            return false;
    return key->type == SP_KEY_WHOLES || list->count > 0;
}

static bool parse_real(const sp_key *key, const char *text, double *real) {
    return sp_parse_real(text, real) && *real >= key->low && *real <= key->high;
}

static bool parse_reals(const sp_key *key, const char *text, sp_reals *list) {
    char item[LONGEST_ITEM];
    list->count = 0;
    for (const char *at = text; at;)
        if (list->count == SP_MOST_LAYERS - 1 || !next_item(&at, item) ||
            !parse_real(key, item, &list->item[list->count++]))
            return false;
    return true;
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
    if (length > SP_LONGEST_TEXT || isspace((unsigned char)text[0]) || isspace((unsigned char)text[length - 1]))
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
    sp_reals reals;
    switch (key->type) {
    case SP_KEY_TEXT: return fits_a_line(text) && sp_config_resolve_text(value, text);
    case SP_KEY_REAL:
        if (!parse_real(key, text, &real)) return false;
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
    case SP_KEY_REALS:
        if (!parse_reals(key, text, &reals)) return false;
        *(sp_reals *)value = reals;
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

static void print_reals(const sp_reals *list, char *text, size_t size) {
    char number[LONGEST_ITEM];
    size_t used = 0;
    for (size_t i = 0; i < list->count && used < size; i++) {
        sp_print_real(list->item[i], number, sizeof number);
        used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "", number);
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
    case SP_KEY_REALS: print_reals(value, text, size); break;
    }
}

void sp_key_range(const sp_key *key, char *text, size_t size) {
    const char *list = key->type == SP_KEY_WHOLES || key->type == SP_KEY_CHOICES ? "list of " : "";
    if (key->type == SP_KEY_TEXT) {
        snprintf(text, size, "text of at most %d bytes, no # or ; after a blank", SP_LONGEST_TEXT);
    } else if (key->choices) {
        size_t used = (size_t)snprintf(text, size, "%s", list);
        for (size_t i = 0; key->choices[i] && used < size; i++)
            used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? " | " : "", key->choices[i]);
    } else if (key->type == SP_KEY_REAL) {
        snprintf(text, size, "number from %.10g to %.10g", key->low, key->high);
    } else if (key->type == SP_KEY_REALS) {
        snprintf(text, size, "list of numbers from %.10g to %.10g", key->low, key->high);
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

bool sp_config_section_exists(const char *section, const char **nearest) {
    const char *before = "";
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < sp_key_count; i++)
        if (strcmp(sp_keys[i].section, section) == 0) return true;
    *nearest = sp_keys[0].section;
    for (size_t i = 0; i < sp_key_count; i++) {
        const char *one = sp_keys[i].section;
        if (strcmp(one, before) == 0) continue; /* the keys of a section stand together */
        before = one;
        size_t distance = sp_edit_distance(section, one);
        if (distance >= least) continue;
        least = distance;
        *nearest = one;
    }
    return false;
}

const sp_key *sp_config_key(const char *section, const char *name) {
    for (size_t i = 0; i < sp_key_count; i++)
        if (strcmp(sp_keys[i].section, section) == 0 && strcmp(sp_keys[i].name, name) == 0) return &sp_keys[i];
    return NULL;
}

/* As other programs call it. */
typedef struct alias {
    const char *name, *here;
} alias;

static const alias key_aliases[] = {
    {"lr", "learning_rate"},        {"eta", "learning_rate"}, {"step_size", "learning_rate"},
    {"wd", "weight_decay"},         {"layers", "hidden"},     {"units", "hidden"},
    {"early_stopping", "patience"}, {"random_state", "seed"}, {"n_jobs", "threads"},
    {"num_threads", "threads"},     {"num_epochs", "epochs"}, {"n_epochs", "epochs"},
    {"max_epochs", "epochs"},       {"max_iter", "epochs"},   {"outdir", "dir"},
    {"standardize", "normalize"},   {"scaling", "normalize"}, {NULL, NULL},
};

static const alias choice_aliases[] = {
    {"mse", "squared_error"},
    {"l2", "squared_error"},
    {"mae", "absolute_error"},
    {"l1", "absolute_error"},
    {"smooth_l1", "huber"},
    {"ce", "cross_entropy"},
    {"crossentropy", "cross_entropy"},
    {"categorical_crossentropy", "cross_entropy"},
    {"nll", "cross_entropy"},
    {"log_loss", "cross_entropy"},
    {"softmax", "cross_entropy"},
    {"bce", "binary_cross_entropy"},
    {"binary_crossentropy", "binary_cross_entropy"},
    {"logistic", "binary_cross_entropy"},
    {"logistic", "sigmoid"},
    {"swish", "silu"},
    {"linear", "identity"},
    {"lrelu", "leaky_relu"},
    {"nag", "nesterov"},
    {"zscore", "standard"},
    {"standardize", "standard"},
    {"batch_norm", "batch"},
    {"layer_norm", "layer"},
    {"glorot", "xavier"},
    {"kaiming", "he"},
    {NULL, NULL},
};

/* What `name` is called here; `key` NULL, or one that has it among its choices. NULL: nothing. */
static const char *alias_of(const alias *known, const char *name, const sp_key *key) {
    for (; known->name; known++)
        if (strcasecmp(known->name, name) == 0 && (!key || find_choice(key, known->here) >= 0)) return known->here;
    return NULL;
}

/* The key that may have been meant by a wrong one; of the section asked for before its like elsewhere. `section` is "",
 * or exists. NULL: none is near. */
static const sp_key *nearest_key(const char *section, const char *name) {
    const sp_key *nearest = NULL;
    size_t least = SIZE_MAX;
    const char *meant = alias_of(key_aliases, name, NULL);
    if (meant) name = meant;
    for (size_t i = 0; i < sp_key_count; i++) {
        if (!sp_is_near(name, sp_keys[i].name)) continue;
        size_t distance = 4 * sp_edit_distance(name, sp_keys[i].name) + sp_edit_distance(section, sp_keys[i].section);
        if (strcmp(section, sp_keys[i].section) == 0 ? distance > least : distance >= least) continue;
        least = distance;
        nearest = &sp_keys[i];
    }
    return nearest;
}

/* "it has: a, b, c": the keys of a section. */
static void list_keys(const char *section, char *text, size_t size) {
    size_t used = 0;
    for (size_t i = 0; i < sp_key_count && used < size; i++)
        if (strcmp(sp_keys[i].section, section) == 0)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used == 0 ? "it has: " : ", ", sp_keys[i].name);
}

static sp_status unknown_key(const char *place, const char *section, const char *name, sp_error *error) {
    const char *near_section;
    const sp_key *nearest = nearest_key(section, name);
    if (*section == '\0')
        return sp_fail(error, SP_BAD_CONFIG, "%s: key '%.40s' stands before any section; put it under one, say [%s]",
                       place, name, nearest ? nearest->section : sp_keys[0].section);
    if (!sp_config_section_exists(section, &near_section))
        return sp_fail(error, SP_BAD_CONFIG, "%s: unknown section [%.40s]; did you mean [%s]?", place, section,
                       near_section);
    if (!nearest) {
        char keys[800] = "";
        list_keys(section, keys, sizeof keys);
        return sp_fail(error, SP_BAD_CONFIG, "%s: unknown key '%.40s' in [%s]; %s", place, name, section, keys);
    }
    bool elsewhere = strcmp(nearest->section, section) != 0;
    return sp_fail(error, SP_BAD_CONFIG, "%s: unknown key '%.40s' in [%s]; did you mean '%s'%s%s%s?", place, name,
                   section, nearest->name, elsewhere ? " of [" : "", elsewhere ? nearest->section : "",
                   elsewhere ? "]" : "");
}

static sp_status bad_value(const char *place, const sp_key *key, const char *text, sp_error *error) {
    char range[300], nearest[100] = "";
    sp_guess guess = {.text = text};
    sp_key_range(key, range, sizeof range);
    if (key->choices) guess.nearest = alias_of(choice_aliases, text, key);
    for (size_t i = 0; key->choices && key->choices[i]; i++) sp_guess_look(&guess, key->choices[i]);
    sp_guess_print(&guess, nearest, sizeof nearest);
    return sp_fail(error, SP_BAD_CONFIG, "%s: %s.%s = '%.60s' is not valid; %sit takes: %s", place, key->section,
                   key->name, text, nearest, range);
}

sp_status sp_config_assign(sp_config *config, const char *place, int line, const char *section, const char *name,
                           const char *text, sp_error *error) {
    const sp_key *key = sp_config_key(section, name);
    if (!key) return unknown_key(place, section, name, error);
    int *set_at = &config->line[key - sp_keys];
    if (line > 0 && *set_at > 0)
        return sp_fail(error, SP_BAD_CONFIG, "%s: %s.%s is repeated; it is set in line %d already, keep one", place,
                       section, name, *set_at);
    if (!parse_value(config, key, text)) {
        bool fits = key->type == SP_KEY_TEXT && fits_a_line(text);
        return fits ? sp_fail_memory(error, place, strlen(text) + 1) : bad_value(place, key, text, error);
    }
    *set_at = line;
    return SP_OK;
}

sp_status sp_config_set(sp_config *config, const char *assignment, sp_error *error) {
    char section[64], name[64], place[SP_PLACE];
    snprintf(place, sizeof place, "--set %.100s", assignment);
    const char *dot = strchr(assignment, '.'), *equals = strchr(assignment, '=');
    if (!dot || !equals || dot == assignment || dot + 1 >= equals || dot - assignment >= 60 || equals - dot >= 60)
        return sp_fail(error, SP_BAD_CONFIG, "%s: is not an assignment; write section.key=value", place);
    snprintf(section, sizeof section, "%.*s", (int)(dot - assignment), assignment);
    snprintf(name, sizeof name, "%.*s", (int)(equals - dot - 1), dot + 1);
    sp_status status = sp_config_assign(config, place, -1, section, name, equals + 1, error);
    if (status || !config->path || sp_config_choose_dir(config)) return status;
    return sp_fail_memory(error, place, SP_PLACE);
}

/* ---- Where it was said ------------------------------------------------------------------ */

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

bool sp_config_was_read(const sp_config *config) {
    return config->path != NULL;
}

double sp_config_share(const char *value) {
    double share;
    return sp_parse_real(value, &share) ? share : 0;
}
