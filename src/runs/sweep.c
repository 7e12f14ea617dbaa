#include "runs/sweep.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_AXES = 32, VALUE = SP_MOST_LAYERS * 16, NAME = 80 };

typedef enum shape { LIST, UNIFORM, LOGUNIFORM } shape;

/* A key and what it takes. */
typedef struct axis {
    const sp_key *key;
    char name[NAME]; /* section.key */
    int line;
    bool is_seed;
    shape shape;
    sp_names values; /* of a list, as a file would say them */
    double low, high;
} axis;

struct sp_sweep {
    const char *path; /* of the config, borrowed */
    size_t axes, runs, groups;
    axis axis[MOST_AXES];
    long long samples, seed; /* 0 samples: all combinations */
    int samples_line;
    sp_names texts; /* [runs * axes] */
    size_t *group;  /* owned [runs] */
};

/* A sweep while it is read: values are tried in a config of its own. */
typedef struct reading {
    sp_sweep *sweep;
    sp_config *scratch;
    const sp_sweep_line *line;
    char place[SP_PLACE];
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
    sp_print_real(value, text, VALUE);
}

/* ---- Values ---------------------------------------------------------------------------------- */

static sp_status no_memory(const reading *r) {
    return sp_fail_memory(r->error, "the sweep", SP_MOST_RUNS);
}

/* Adds a value as a file would say it, when the key takes it and has it not yet. */
static sp_status add_value(reading *r, axis *a, const char *text) {
    char value[VALUE];
    sp_status status = sp_config_assign(r->scratch, r->place, -1, a->key->section, a->key->name, text, r->error);
    if (status) return status;
    sp_config_print(r->scratch, a->key, value, sizeof value);
    if (sp_names_find(&a->values, value) != SP_NOT_FOUND)
        return sp_fail(r->error, SP_BAD_CONFIG, "%s: sweep.%s: takes %.60s twice; leave one out", r->place, a->name,
                       *value ? value : "nothing");
    if (a->values.count == SP_MOST_RUNS) return refuse(r, "has too many values; there may be 10000");
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
    char copy[VALUE], *at = copy;
    double count = 0;
    size_t name = strcspn(text, "(");
    snprintf(copy, sizeof copy, "%s", text);
    snprintf(found->name, sizeof found->name, "%.*s", (int)name, text);
    at += name + 1;
    bool counted = strchr(at, ',') != NULL;
    bool good =
        cut_number(&at, "..", &found->low) && cut_number(&at, counted ? "," : ")", &found->high) &&
        (!counted || (cut_number(&at, ")", &count) && count == floor(count) && count >= 2 && count <= SP_MOST_RUNS));
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
static sp_status add_steps(reading *r, axis *a, const range *of) {
    char text[VALUE];
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
static sp_status set_draws(reading *r, axis *a, const range *of) {
    axis ends = *a;
    char text[VALUE];
    sp_status status = SP_OK;
    ends.values = (sp_names){0};
    a->shape = strcmp(of->name, "uniform") == 0 ? UNIFORM : LOGUNIFORM;
    a->low = of->low;
    a->high = of->high;
    for (int i = 0; i < 2 && !status; i++) {
        sp_print_real(i == 0 ? of->low : of->high, text, sizeof text);
        status = add_value(r, &ends, text);
    }
    sp_names_clear(&ends.values);
    return status;
}

static sp_status add_range(reading *r, axis *a, const char *text, bool alone) {
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
static sp_status add_values(reading *r, axis *a) {
    char item[VALUE];
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

/* ---- Lines ----------------------------------------------------------------------------------- */

static sp_status read_setting(reading *r, long long low, long long *value) {
    if (sp_parse_whole(r->line->value, value) && *value >= low) return SP_OK;
    return refuse(r, low > 0 ? "takes a whole number of 1 or more" : "takes a whole number of 0 or more");
}

static sp_status read_axis(reading *r) {
    sp_sweep *s = r->sweep;
    axis *a = &s->axis[s->axes];
    char section[NAME];
    const char *dot = strchr(r->line->name, '.');
    if (!dot || strlen(r->line->name) >= NAME)
        return refuse(r, "is neither samples nor seed, nor a key; write section.key = value | value");
    if (s->axes == MOST_AXES) return refuse(r, "is one key too many; there may be 32");
    snprintf(section, sizeof section, "%.*s", (int)(dot - r->line->name), r->line->name);
    if (strcmp(section, "output") == 0 || strcmp(section, "parallel") == 0) /* of which the batch has the say */
        if (strcmp(dot + 1, "dir") == 0 || strcmp(dot + 1, "threads") == 0)
            return refuse(r, "is for the batch to say; leave it out");
    *a = (axis){.line = r->line->line, .is_seed = strcmp(r->line->name, "train.seed") == 0};
    snprintf(a->name, sizeof a->name, "%s", r->line->name);
    a->key = sp_config_key(section, dot + 1);
    if (!a->key) return sp_config_assign(r->scratch, r->place, -1, section, dot + 1, "", r->error); /* which says so */
    s->axes++;
    return add_values(r, a);
}

static void read_line(reading *r, const sp_sweep_line *line) {
    r->line = line;
    if (line->line > 0)
        snprintf(r->place, sizeof r->place, "%s:%d", r->sweep->path, line->line);
    else
        snprintf(r->place, sizeof r->place, "--set");
    if (strcmp(line->name, "samples") == 0) {
        r->sweep->samples_line = line->line;
        read_setting(r, 1, &r->sweep->samples);
    } else if (strcmp(line->name, "seed") == 0) {
        read_setting(r, 0, &r->sweep->seed);
    } else {
        read_axis(r);
    }
}

/* ---- Combinations ---------------------------------------------------------------------------- */

/* How many combinations of lists there are, with or without seeds; more than there may be: one more. */
static size_t grid_size(const sp_sweep *s, bool with_seeds) {
    size_t size = 1;
    for (size_t i = 0; i < s->axes; i++) {
        if (s->axis[i].is_seed && !with_seeds) continue;
        size *= s->axis[i].shape == LIST ? s->axis[i].values.count : SP_MOST_RUNS + 1;
        if (size > SP_MOST_RUNS) return SP_MOST_RUNS + 1;
    }
    return size;
}

static const axis *seeds_of(const sp_sweep *s) {
    for (size_t i = 0; i < s->axes; i++)
        if (s->axis[i].is_seed) return &s->axis[i];
    return NULL;
}

static sp_status make_grid(sp_sweep *s, sp_error *error) {
    const axis *seeds = seeds_of(s);
    for (size_t run = 0; run < s->runs; run++) {
        size_t group = 0, rest = run, place = s->runs;
        for (size_t i = 0; i < s->axes; i++) {
            const axis *a = &s->axis[i];
            place /= a->values.count; /* the last key changes from run to run */
            size_t choice = rest / place;
            rest %= place;
            if (!a->is_seed) group = group * a->values.count + choice;
            if (!sp_names_add(&s->texts, a->values.text[choice])) return sp_fail_memory(error, "the sweep", s->runs);
        }
        s->group[run] = group;
    }
    s->groups = s->runs / (seeds ? seeds->values.count : 1);
    return SP_OK;
}

/* The value of a key in combination `draw`, at so many tries. */
static void draw_value(const sp_sweep *s, const axis *a, size_t draw, size_t attempt, char text[VALUE]) {
    uint64_t round = sp_hash_bytes(a->name, strlen(a->name), attempt);
    double share = sp_random_uniform((uint64_t)s->seed, SP_RANDOM_SWEEP, draw, round), value = 0;
    if (a->shape == LIST) {
        size_t choice = (size_t)(share * (double)a->values.count);
        snprintf(text, VALUE, "%s", a->values.text[choice]);
        return;
    }
    if (a->shape == LOGUNIFORM)
        value = a->low * pow(a->high / a->low, share);
    else if (is_whole(a->key))
        value = floor(a->low + share * (a->high - a->low + 1)); /* each as likely */
    else
        value = a->low + share * (a->high - a->low);
    print_number(a->key, a->shape == LOGUNIFORM, value, a->low, a->high, text);
}

/* Whether combination `draw`, whose texts were added last, is one of those before. */
static bool is_drawn_before(const sp_sweep *s, size_t draw, size_t seeds) {
    char **own = s->texts.text + draw * seeds * s->axes;
    for (size_t other = 0; other < draw; other++) {
        char **text = s->texts.text + other * seeds * s->axes;
        size_t same = 0;
        for (size_t i = 0; i < s->axes; i++) same += s->axis[i].is_seed || strcmp(text[i], own[i]) == 0;
        if (same == s->axes) return true;
    }
    return false;
}

static void take_back(sp_names *names, size_t count) {
    while (names->count > count) free(names->text[--names->count]);
}

/* One combination, unlike all before, with its first seed. */
static sp_status draw_one(sp_sweep *s, size_t draw, size_t seeds, sp_error *error) {
    enum { MOST_ATTEMPTS = 10000 };
    char text[VALUE];
    size_t before = s->texts.count;
    for (size_t attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        take_back(&s->texts, before);
        for (size_t i = 0; i < s->axes; i++) {
            const axis *a = &s->axis[i];
            if (a->is_seed)
                snprintf(text, sizeof text, "%s", a->values.text[0]);
            else
                draw_value(s, a, draw, attempt, text);
            if (!sp_names_add(&s->texts, text)) return sp_fail_memory(error, "the sweep", s->runs);
        }
        if (!is_drawn_before(s, draw, seeds)) return SP_OK;
    }
    return sp_fail(error, SP_BAD_CONFIG,
                   "%s:%d: sweep.samples: no more than %zu different combinations are found; set it to less", s->path,
                   s->samples_line, draw);
}

static sp_status make_samples(sp_sweep *s, sp_error *error) {
    const axis *seeds = seeds_of(s);
    size_t each = seeds ? seeds->values.count : 1;
    s->groups = (size_t)s->samples;
    for (size_t draw = 0; draw < s->groups; draw++) {
        sp_status status = draw_one(s, draw, each, error);
        if (status) return status;
        for (size_t j = 0; j < each; j++) s->group[draw * each + j] = draw;
        for (size_t j = 1; j < each; j++)
            for (size_t i = 0; i < s->axes; i++) {
                const char *text =
                    s->axis[i].is_seed ? seeds->values.text[j] : s->texts.text[draw * each * s->axes + i];
                if (!sp_names_add(&s->texts, text)) return sp_fail_memory(error, "the sweep", s->runs);
            }
    }
    return SP_OK;
}

static sp_status check_size(sp_sweep *s, sp_error *error) {
    size_t grid = grid_size(s, false), each = seeds_of(s) ? seeds_of(s)->values.count : 1;
    for (size_t i = 0; i < s->axes; i++)
        if (s->axis[i].shape != LIST && s->samples == 0)
            return sp_fail(error, SP_BAD_CONFIG, "%s:%d: sweep.%s: is drawn at random; say how often, samples = 20",
                           s->path, s->axis[i].line, s->axis[i].name);
    if (s->samples > 0 && grid <= SP_MOST_RUNS && (size_t)s->samples >= grid && s->axes > 0)
        return sp_fail(error, SP_BAD_CONFIG,
                       "%s:%d: sweep.samples = %lld, but there are only %zu combinations; leave it out to train all",
                       s->path, s->samples_line, s->samples, grid);
    s->runs = s->samples > SP_MOST_RUNS ? SP_MOST_RUNS + 1
              : s->samples > 0          ? (size_t)s->samples * each
                                        : grid_size(s, true);
    if (s->runs <= SP_MOST_RUNS) return SP_OK;
    return sp_fail(error, SP_BAD_CONFIG, "%s: [sweep] comes to more than %d trainings; draw some: samples = 100",
                   s->path, SP_MOST_RUNS);
}

sp_status sp_sweep_create(const sp_sweep_lines *lines, const sp_config *base, sp_sweep **sweep, sp_error *error) {
    sp_sweep *made = calloc(1, sizeof *made);
    reading r = {.sweep = made, .scratch = sp_config_copy(base), .error = error};
    size_t before = error->faults;
    if (!made || !r.scratch) sp_fail_memory(error, "the sweep", sizeof *made);
    if (error->faults == before) {
        made->path = base->path;
        made->seed = 1;
        for (size_t i = 0; i < lines->count; i++) read_line(&r, &lines->line[i]);
    }
    if (error->faults == before) check_size(made, error);
    if (error->faults == before) {
        made->group = calloc(made->runs, sizeof *made->group);
        if (!made->group)
            sp_fail_memory(error, "the sweep", made->runs);
        else if (made->samples > 0)
            make_samples(made, error);
        else
            make_grid(made, error);
    }
    sp_config_destroy(r.scratch);
    if (error->faults == before) {
        *sweep = made;
        return SP_OK;
    }
    sp_sweep_destroy(made);
    return error->status;
}

void sp_sweep_destroy(sp_sweep *sweep) {
    if (!sweep) return;
    for (size_t i = 0; i < sweep->axes; i++) sp_names_clear(&sweep->axis[i].values);
    sp_names_clear(&sweep->texts);
    free(sweep->group);
    free(sweep);
}

/* ---- What it came to ------------------------------------------------------------------------- */

size_t sp_sweep_runs(const sp_sweep *sweep) {
    return sweep->runs;
}

size_t sp_sweep_keys(const sp_sweep *sweep) {
    return sweep->axes;
}

const char *sp_sweep_key(const sp_sweep *sweep, size_t key) {
    return sweep->axis[key].name;
}

const char *sp_sweep_value(const sp_sweep *sweep, size_t run, size_t key) {
    return sweep->texts.text[run * sweep->axes + key];
}

size_t sp_sweep_group(const sp_sweep *sweep, size_t run) {
    return sweep->group[run];
}

sp_status sp_sweep_apply(const sp_sweep *sweep, size_t run, sp_config *config, sp_error *error) {
    for (size_t i = 0; i < sweep->axes; i++) {
        const axis *a = &sweep->axis[i];
        sp_status status =
            sp_config_assign(config, a->name, -1, a->key->section, a->key->name, sp_sweep_value(sweep, run, i), error);
        if (status) return status;
        config->line[a->key - sp_keys] = a->line;
    }
    return SP_OK;
}

/* "learning_rate"; "optimizer" for optimizer.name; all of it where another key is called so, too. */
static const char *short_name(const sp_sweep *s, size_t which) {
    const sp_key *key = s->axis[which].key;
    if (strcmp(key->name, "name") == 0) return key->section;
    for (size_t i = 0; i < s->axes; i++)
        if (i != which &&
            (strcmp(s->axis[i].key->name, key->name) == 0 || strcmp(s->axis[i].key->section, key->name) == 0))
            return s->axis[which].name;
    return key->name;
}

void sp_sweep_name(const sp_sweep *sweep, size_t run, bool with_seed, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sweep->axes && used < size; i++) {
        if (sweep->axis[i].is_seed && !with_seed) continue;
        const char *value = sp_sweep_value(sweep, run, i);
        used += (size_t)snprintf(text + used, size - used, "%s%s=", used > 0 ? "_" : "", short_name(sweep, i));
        for (; *value && used + 1 < size; value++)
            if (!isspace((unsigned char)*value))
                text[used++] = isalnum((unsigned char)*value) || strchr("+-._", *value) ? *value : '-';
        if (used < size) text[used] = '\0';
    }
}
