#include "runs/sweep.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/text.h"
#include "runs/axis.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_AXES = 32 };

struct sp_sweep {
    const char *path; /* of the config, borrowed */
    size_t axes, runs, groups;
    sp_axis axis[MOST_AXES];
    long long samples, seed; /* 0 samples: all combinations */
    int samples_line;
    sp_names texts; /* [runs * axes] */
    size_t *group;  /* owned [runs] */
};

/* ---- Lines ----------------------------------------------------------------------------------- */

static sp_status read_setting(const sp_sweep_line *line, const char *place, long long low, long long *value,
                              sp_error *error) {
    if (sp_parse_whole(line->value, value) && *value >= low) return SP_OK;
    return sp_fail(error, SP_BAD_CONFIG, "%s: sweep.%s: takes a whole number of %lld or more", place, line->name, low);
}

static sp_status read_axis(sp_sweep *s, const sp_sweep_line *line, const char *place, sp_config *scratch,
                           sp_error *error) {
    if (s->axes == MOST_AXES)
        return sp_fail(error, SP_BAD_CONFIG, "%s: sweep.%s: is one key too many; there may be %d", place, line->name,
                       MOST_AXES);
    return sp_axis_read(line, place, scratch, &s->axis[s->axes++], error);
}

/* Values are tried in `scratch`. */
static sp_status read_line(sp_sweep *s, const sp_sweep_line *line, sp_config *scratch, sp_error *error) {
    char place[SP_PLACE];
    if (line->line > 0)
        snprintf(place, sizeof place, "%s:%d", s->path, line->line);
    else
        snprintf(place, sizeof place, "--set");
    if (strcmp(line->name, "samples") == 0) {
        s->samples_line = line->line;
        return read_setting(line, place, 1, &s->samples, error);
    }
    if (strcmp(line->name, "seed") == 0) return read_setting(line, place, 0, &s->seed, error);
    return read_axis(s, line, place, scratch, error);
}

/* ---- Combinations ---------------------------------------------------------------------------- */

/* How many combinations of lists there are, with or without seeds; more than there may be: one more. */
static size_t grid_size(const sp_sweep *s, bool with_seeds) {
    size_t size = 1;
    for (size_t i = 0; i < s->axes; i++) {
        if (s->axis[i].is_seed && !with_seeds) continue;
        size *= s->axis[i].shape == SP_AXIS_LIST ? s->axis[i].values.count : SP_MOST_RUNS + 1;
        if (size > SP_MOST_RUNS) return SP_MOST_RUNS + 1;
    }
    return size;
}

static const sp_axis *seeds_of(const sp_sweep *s) {
    for (size_t i = 0; i < s->axes; i++)
        if (s->axis[i].is_seed) return &s->axis[i];
    return NULL;
}

static sp_status make_grid(sp_sweep *s, sp_error *error) {
    const sp_axis *seeds = seeds_of(s);
    for (size_t run = 0; run < s->runs; run++) {
        size_t group = 0, rest = run, place = s->runs;
        for (size_t i = 0; i < s->axes; i++) {
            const sp_axis *a = &s->axis[i];
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
static void draw_value(const sp_sweep *s, const sp_axis *a, size_t draw, size_t attempt, char text[SP_AXIS_VALUE]) {
    uint64_t round = sp_hash_bytes(a->name, strlen(a->name), attempt);
    sp_axis_draw(a, sp_random_uniform((uint64_t)s->seed, SP_RANDOM_SWEEP, draw, round), text);
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
    char text[SP_AXIS_VALUE];
    size_t before = s->texts.count;
    for (size_t attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        take_back(&s->texts, before);
        for (size_t i = 0; i < s->axes; i++) {
            const sp_axis *a = &s->axis[i];
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
    const sp_axis *seeds = seeds_of(s);
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
        if (s->axis[i].shape != SP_AXIS_LIST && s->samples == 0)
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
    sp_config *scratch = sp_config_copy(base);
    size_t before = error->faults;
    if (!made || !scratch) sp_fail_memory(error, "the sweep", sizeof *made);
    if (error->faults == before) {
        made->path = base->path;
        made->seed = 1;
        for (size_t i = 0; i < lines->count; i++) read_line(made, &lines->line[i], scratch, error);
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
    sp_config_destroy(scratch);
    if (error->faults == before) {
        *sweep = made;
        return SP_OK;
    }
    sp_sweep_destroy(made);
    return error->status;
}

void sp_sweep_destroy(sp_sweep *sweep) {
    if (!sweep) return;
    for (size_t i = 0; i < sweep->axes; i++) sp_axis_clear(&sweep->axis[i]);
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
        const sp_axis *a = &sweep->axis[i];
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
