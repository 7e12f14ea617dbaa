#include "runs/axis.h"

#include "base/error.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A line while it is read. */
typedef struct reading {
    const sp_sweep_line *line;
    const char *place;
    sp_config *scratch;
    sp_error *error;
} reading;

static sp_status refuse(const reading *r, const char *what) {
    return sp_fail(r->error, SP_BAD_CONFIG, "%s: sweep.%s: %s", r->place, r->line->name, what);
}

/* ---- Numbers --------------------------------------------------------------------------------- */

static bool is_whole(const sp_key *key) {
    return key->type == SP_KEY_WHOLE || key->type == SP_KEY_WHOLES;
}

static bool is_number(const sp_key *key) {
    return is_whole(key) || key->type == SP_KEY_REAL || key->type == SP_KEY_REALS;
}

/* To as many digits, so that names and tables show what is trained. */
static double rounded(double value, int digits) {
    char text[40];
    double again = value;
    snprintf(text, sizeof text, "%.*e", digits - 1, value);
    char *comma = strchr(text, ',');
    if (comma) *comma = '.';
    return sp_parse_real(text, &again) ? again : value;
}

/* To four decimals of the power of ten that the interval is at least as long as. */
static double rounded_within(double value, double low, double high) {
    const int most_digits = 15;
    double unit = floor(log10(high - low)) - 4;
    double digits = value == 0 ? 1 : floor(log10(fabs(value))) - unit + 1;
    if (digits < 1) return fabs(value) < pow(10, unit) / 2 ? 0 : rounded(value, 1);
    return rounded(value, digits < most_digits ? (int)digits : most_digits);
}

static void print_number(const sp_key *key, bool logarithmic, double value, double low, double high, char *text) {
    if (is_whole(key))
        value = round(value);
    else
        value = logarithmic ? rounded(value, 4) : rounded_within(value, low, high);
    if (!is_whole(key)) value = fmin(fmax(value, low), high);
    sp_print_real(value, text, SP_AXIS_VALUE);
}

/* ---- Values ---------------------------------------------------------------------------------- */

static sp_status no_memory(const reading *r) {
    return sp_fail_memory(r->error, "the sweep", SP_MOST_VALUES);
}

/* Adds a value as a file would say it, when the key takes it and has it not yet. */
static sp_status add_value(reading *r, sp_axis *a, const char *text) {
    char value[SP_AXIS_VALUE];
    sp_status status = sp_config_assign(r->scratch, r->place, -1, a->key->section, a->key->name, text, r->error);
    if (status) return status;
    sp_config_print(r->scratch, a->key, value, sizeof value);
    if (sp_names_find(&a->values, value) != SP_NOT_FOUND)
        return sp_fail(r->error, SP_BAD_CONFIG, "%s: sweep.%s: takes %.60s twice; leave one out", r->place, a->name,
                       *value ? value : "nothing");
    if (a->values.count == SP_MOST_VALUES) return refuse(r, "has too many values; there may be 10000");
    return sp_names_add(&a->values, value) ? SP_OK : no_memory(r);
}

/* "NAME(A..B" or "NAME(A..B, N", which stands in `text` up to its last ')'. */
typedef struct range {
    char name[16];
    double low, high;
    long long count; /* 0: none was given */
} range;

/* Cuts the number at the start of *at off, up to `end`; false: none. */
static bool cut_number(char **at, const char *end, double *number) {
    char *stop = strstr(*at, end);
    if (!stop) return false;
    char *next = stop + strlen(end);
    while (stop > *at && isspace((unsigned char)stop[-1])) stop--;
    *stop = '\0';
    while (isspace((unsigned char)**at)) (*at)++;
    bool good = sp_parse_real(*at, number) && isfinite(*number);
    *at = next;
    return good;
}

static bool parse_range(const char *text, range *found) {
    char copy[SP_AXIS_VALUE], *at = copy;
    double count = 0;
    size_t name = strcspn(text, "(");
    snprintf(copy, sizeof copy, "%s", text);
    snprintf(found->name, sizeof found->name, "%.*s", (int)name, text);
    at += name + 1;
    bool counted = strchr(at, ',') != NULL;
    bool good =
        cut_number(&at, "..", &found->low) && cut_number(&at, counted ? "," : ")", &found->high) &&
        (!counted || (cut_number(&at, ")", &count) && count == floor(count) && count >= 2 && count <= SP_MOST_VALUES));
    found->count = (long long)count;
    return good && *at == '\0' && found->low < found->high;
}

static bool is_range(const char *text) {
    static const char *const names[] = {"log(", "linear(", "uniform(", "loguniform("};
    for (int i = 0; i < 4; i++)
        if (strncmp(text, names[i], strlen(names[i])) == 0) return true;
    return false;
}

/* log(a..b, n), linear(a..b, n). */
static sp_status add_steps(reading *r, sp_axis *a, const range *of) {
    char text[SP_AXIS_VALUE];
    bool logarithmic = strcmp(of->name, "log") == 0;
    sp_status status = SP_OK;
    for (long long i = 0; i < of->count && !status; i++) {
        double share = (double)i / (double)(of->count - 1);
        double value = logarithmic ? of->low * pow(of->high / of->low, share) : of->low + (of->high - of->low) * share;
        print_number(a->key, logarithmic, value, of->low, of->high, text);
        status = add_value(r, a, text);
    }
    return status;
}

/* Whether the key takes both ends. */
static sp_status set_draws(reading *r, sp_axis *a, const range *of) {
    sp_axis ends = *a;
    char text[SP_AXIS_VALUE];
    sp_status status = SP_OK;
    ends.values = (sp_names){0};
    a->shape = strcmp(of->name, "uniform") == 0 ? SP_AXIS_UNIFORM : SP_AXIS_LOGUNIFORM;
    a->low = of->low;
    a->high = of->high;
    for (int i = 0; i < 2 && !status; i++) {
        sp_print_real(i == 0 ? of->low : of->high, text, sizeof text);
        status = add_value(r, &ends, text);
    }
    sp_names_clear(&ends.values);
    return status;
}

static sp_status add_range(reading *r, sp_axis *a, const char *text, bool alone) {
    range of = {.low = 0};
    if (!is_number(a->key)) return refuse(r, "takes no numbers, so no range; list its values: a | b | c");
    bool good = parse_range(text, &of), drawn = strstr(of.name, "uniform") != NULL;
    if (!good || drawn == (of.count > 0))
        return sp_fail(r->error, SP_BAD_CONFIG,
                       "%s: sweep.%s: '%.60s' is no range; write log(a..b, n), linear(a..b, n) with n of 2 or more, "
                       "uniform(a..b) or loguniform(a..b), with a below b",
                       r->place, a->name, text);
    if (strncmp(of.name, "log", 3) == 0 && of.low <= 0)
        return refuse(r,
                      "a logarithmic range begins above 0; use linear or uniform, or list 0 beside it: 0 | log(...)");
    if (!drawn) return add_steps(r, a, &of);
    if (!alone || a->is_seed)
        return refuse(r, a->is_seed ? "is not drawn; list the seeds: 1 | 2 | 3"
                                    : "what is drawn stands alone; leave the other values out");
    return set_draws(r, a, &of);
}

/* All between the bars. */
static sp_status add_values(reading *r, sp_axis *a) {
    char item[SP_AXIS_VALUE];
    sp_status status = SP_OK;
    bool alone = strchr(r->line->value, '|') == NULL;
    for (const char *at = r->line->value; at && !status;) {
        const char *bar = strchr(at, '|');
        size_t length = bar ? (size_t)(bar - at) : strlen(at);
        while (length > 0 && isspace((unsigned char)*at)) at++, length--;
        while (length > 0 && isspace((unsigned char)at[length - 1])) length--;
        snprintf(item, sizeof item, "%.*s", (int)length, at);
        status = is_range(item) ? add_range(r, a, item, alone) : add_value(r, a, item);
        at = bar ? bar + 1 : NULL;
    }
    return status;
}

/* ---- The line -------------------------------------------------------------------------------- */

static sp_status read_key(reading *r, sp_axis *a) {
    char section[SP_AXIS_NAME];
    const char *dot = strchr(r->line->name, '.');
    if (!dot || strlen(r->line->name) >= SP_AXIS_NAME)
        return refuse(r, "is neither samples nor seed, nor a key; write section.key = value | value");
    snprintf(section, sizeof section, "%.*s", (int)(dot - r->line->name), r->line->name);
    if (strcmp(section, "output") == 0 || strcmp(section, "parallel") == 0) /* of which the batch has the say */
        if (strcmp(dot + 1, "dir") == 0 || strcmp(dot + 1, "threads") == 0)
            return refuse(r, "is for the batch to say; leave it out");
    snprintf(a->name, sizeof a->name, "%s", r->line->name);
    a->key = sp_config_key(section, dot + 1);
    if (a->key) return SP_OK;
    return sp_config_assign(r->scratch, r->place, -1, section, dot + 1, "", r->error); /* which says so */
}

sp_status sp_axis_read(const sp_sweep_line *line, const char *place, sp_config *scratch, sp_axis *axis,
                       sp_error *error) {
    reading r = {.line = line, .place = place, .scratch = scratch, .error = error};
    *axis = (sp_axis){.line = line->line, .is_seed = strcmp(line->name, "train.seed") == 0};
    sp_status status = read_key(&r, axis);
    return status ? status : add_values(&r, axis);
}

void sp_axis_clear(sp_axis *axis) {
    sp_names_clear(&axis->values);
}

void sp_axis_draw(const sp_axis *axis, double share, char text[SP_AXIS_VALUE]) {
    double low = axis->low, high = axis->high, value = low + share * (high - low);
    if (axis->shape == SP_AXIS_LIST) {
        size_t choice = (size_t)(share * (double)axis->values.count);
        snprintf(text, SP_AXIS_VALUE, "%s", axis->values.text[choice]);
        return;
    }
    if (axis->shape == SP_AXIS_LOGUNIFORM)
        value = low * pow(high / low, share);
    else if (is_whole(axis->key))
        value = floor(low + share * (high - low + 1)); /* each as likely */
    print_number(axis->key, axis->shape == SP_AXIS_LOGUNIFORM, value, low, high, text);
}
