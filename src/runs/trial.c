#include "runs/trial.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { NAME = 120, PATH = 4096, VALUE = SP_VALUE_ROOM };

/* Files that were hashed already, so that each is read once. */
typedef struct seen_files {
    sp_names paths;
    uint64_t *hash; /* owned */
    size_t capacity;
} seen_files;

typedef struct making {
    sp_trials *trials;
    size_t capacity, key_capacity;
    sp_names names;    /* of all trials so far */
    sp_names prefixes; /* and of the configs */
    seen_files seen;
    char complaint[SP_ERROR_TEXT]; /* the last, which is not said for every run of a sweep */
    sp_error *error;
} making;

static sp_status no_memory(const making *m) {
    return sp_fail_memory(m->error, "the trainings of a batch", sizeof(sp_trial));
}

/* ---- Fingerprints ---------------------------------------------------------------------------- */

/* Of the content; of a file of more than a gigabyte, its size and the time of its last change. */
static sp_status hash_file(const char *path, uint64_t *hash, sp_error *error) {
    enum { PIECE = 1 << 16 };
    static const off_t most = 1 << 30;
    struct stat about;
    char piece[PIECE];
    sp_input *input;
    size_t got = PIECE;
    *hash = 0;
    sp_status status = sp_input_open(path, &input, error);
    if (status) return status;
    if (stat(path, &about) == 0 && about.st_size > most) {
        uint64_t figures[] = {(uint64_t)about.st_size, (uint64_t)about.st_mtim.tv_sec, (uint64_t)about.st_mtim.tv_nsec};
        *hash = sp_hash_bytes(figures, sizeof figures, 0);
    } else {
        while (!status && got == PIECE) {
            status = sp_input_read(input, piece, PIECE, &got, error);
            if (!status) *hash = sp_hash_bytes(piece, got, *hash);
        }
    }
    sp_input_close(input);
    return status;
}

/* The same, at once for a file that was seen. */
static sp_status look_up(making *m, const sp_config *config, const char *key, const char *path, uint64_t *hash) {
    seen_files *seen = &m->seen;
    long found = sp_names_find(&seen->paths, path);
    if (found != SP_NOT_FOUND) {
        *hash = seen->hash[found];
        return SP_OK;
    }
    /* A file that is missing is told of once, too. */
    sp_status status = sp_config_find_file(config, key, path, m->error);
    if (!status) status = hash_file(path, hash, m->error);
    size_t count = seen->paths.count;
    if (!sp_grow((void **)&seen->hash, &seen->capacity, count + 1, sizeof *seen->hash) ||
        !sp_names_add(&seen->paths, path))
        return no_memory(m);
    seen->hash[count] = *hash;
    return status;
}

static sp_status add_files(making *m, const sp_config *config, uint64_t *hash) {
    const char *const paths[] = {config->data.train,       config->data.train_labels, config->data.test,
                                 config->data.test_labels, config->data.validation,   config->data.validation_labels,
                                 config->network.init_from};
    static const char *const keys[] = {"data.train",       "data.train_labels", "data.test",
                                       "data.test_labels", "data.validation",   "data.validation_labels",
                                       "network.init_from"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        uint64_t own;
        if (!*paths[i] || sp_config_share(paths[i]) > 0 || sp_is_folder(paths[i])) continue;
        sp_status status = look_up(m, config, keys[i], paths[i], &own);
        if (status) return status;
        *hash = sp_hash_bytes(&own, sizeof own, *hash);
    }
    return SP_OK;
}

/* All keys but those of which the weights are independent: where files go, how many threads. */
static sp_status take_fingerprint(making *m, sp_trial *t) {
    char line[VALUE + NAME], value[VALUE];
    uint64_t hash = sp_hash_bytes(sp_version(), strlen(sp_version()), 0);
    for (size_t i = 0; i < sp_key_count; i++) {
        const sp_key *key = &sp_keys[i];
        if (strcmp(key->section, "output") == 0 || strcmp(key->name, "threads") == 0) continue;
        sp_config_print(t->config, key, value, sizeof value);
        int length = snprintf(line, sizeof line, "%s.%s=%s\n", key->section, key->name, value);
        hash = sp_hash_bytes(line, (size_t)length, hash);
    }
    sp_status status = add_files(m, t->config, &hash);
    t->fingerprint = hash;
    return status;
}

/* ---- Names ----------------------------------------------------------------------------------- */

/* "digits" of "configs/digits.ini", and "digits-2" where another config of the batch is called so. */
static bool name_source(making *m, const sp_config *base, char prefix[NAME]) {
    sp_path_stem(base->path, prefix, NAME - 20);
    for (char *at = prefix; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("+-._=", *at)) *at = '-';
    size_t length = strlen(prefix);
    for (unsigned i = 2; sp_names_find(&m->prefixes, prefix) != SP_NOT_FOUND; i++)
        snprintf(prefix + length, NAME - length, "-%u", i);
    return sp_names_add(&m->prefixes, prefix);
}

/* A name that is too long for a file, or another's, is cut and gets a hash of what it stands for. */
static void make_unique(const making *m, const char *meant, uint64_t fingerprint, char name[2 * NAME]) {
    snprintf(name, 2 * NAME, "%.*s", 2 * NAME - 20, meant);
    if (strlen(name) < NAME && sp_names_find(&m->names, name) == SP_NOT_FOUND) return;
    size_t keep = strlen(name) < NAME ? strlen(name) : NAME - 20;
    for (unsigned i = 0; i == 0 || sp_names_find(&m->names, name) != SP_NOT_FOUND; i++)
        snprintf(name + keep, 2 * NAME - keep, "-%08x", (unsigned)fingerprint + i);
}

static sp_status name_trial(making *m, sp_trial *t, const char *prefix, const char *own) {
    char meant[VALUE], name[2 * NAME], path[PATH];
    snprintf(meant, sizeof meant, "%s%s%.*s", prefix, *prefix && *own ? "/" : "", VALUE - 2 * NAME, own);
    make_unique(m, meant, t->fingerprint, name);
    t->name = strdup(name);
    if (!t->name || !sp_names_add(&m->names, name)) return no_memory(m);
    if (!sp_path_join(path, sizeof path, m->trials->folder, name))
        return sp_fail(m->error, SP_BAD_CONFIG,
                       "%.200s/%s: is too long for a run directory, at most %d bytes; choose a shorter --output",
                       m->trials->folder, name, PATH - 1);
    return sp_config_resolve_text(&t->config->output.dir, path) ? SP_OK : no_memory(m);
}

/* ---- Trials ---------------------------------------------------------------------------------- */

/* The rules across keys; what is wrong with many runs of a sweep alike is told once. */
static sp_status check(making *m, const sp_config *config) {
    sp_error fault = {0};
    sp_status status = sp_config_check(config, &fault);
    if (!status) return SP_OK;
    if (strcmp(fault.text, m->complaint) != 0) {
        memcpy(m->complaint, fault.text, sizeof fault.text);
        for (char *line = strtok(fault.text, "\n"); line; line = strtok(NULL, "\n"))
            sp_fail(m->error, status, "%s", line);
    }
    return status;
}

static sp_status make_trial(making *m, const sp_trial_source *source, size_t run, const char *prefix, size_t group) {
    char own[VALUE], label[VALUE];
    sp_trial *t = &m->trials->trial[m->trials->count++];
    *t = (sp_trial){.config = sp_config_copy(source->base), .group = group};
    if (!t->config) return no_memory(m);
    sp_status status = sp_sweep_apply(source->sweep, run, t->config, m->error);
    if (!status) status = check(m, t->config);
    if (!status) status = take_fingerprint(m, t);
    if (status) return status;
    sp_sweep_name(source->sweep, run, true, own, sizeof own);
    status = name_trial(m, t, prefix, own);
    sp_sweep_name(source->sweep, run, false, own, sizeof own);
    snprintf(label, sizeof label, "%s%s%.*s", prefix, *prefix && *own ? "/" : "", VALUE - 2 * NAME, own);
    t->label = strdup(label);
    return t->label ? status : no_memory(m);
}

static bool is_known(const sp_trials *trials, const sp_key *key) {
    for (size_t i = 0; i < trials->keys; i++)
        if (trials->key[i] == key) return true;
    return false;
}

static sp_status add_keys(making *m, const sp_sweep *sweep) {
    sp_trials *trials = m->trials;
    for (size_t i = 0; i < sp_sweep_keys(sweep); i++) {
        char section[NAME];
        const char *name = sp_sweep_key(sweep, i), *dot = strchr(name, '.');
        snprintf(section, sizeof section, "%.*s", (int)(dot - name), name);
        const sp_key *key = sp_config_key(section, dot + 1);
        if (strcmp(name, "train.seed") == 0 || is_known(trials, key)) continue;
        if (!sp_grow((void **)&trials->key, &m->key_capacity, trials->keys + 1, sizeof *trials->key))
            return no_memory(m);
        trials->key[trials->keys++] = key;
    }
    return SP_OK;
}

/* All runs of a config. What is wrong with one is told; the others are looked at, too. */
static void add_source(making *m, const sp_trial_source *source, bool alone) {
    char prefix[NAME] = "";
    size_t runs = sp_sweep_runs(source->sweep), first = m->trials->groups, last = 0;
    bool named = alone && sp_sweep_keys(source->sweep) > 0; /* by its values alone */
    if ((!named && !name_source(m, source->base, prefix)) ||
        !sp_grow((void **)&m->trials->trial, &m->capacity, m->trials->count + runs, sizeof *m->trials->trial)) {
        no_memory(m);
        return;
    }
    add_keys(m, source->sweep);
    for (size_t run = 0; run < runs; run++) {
        size_t group = sp_sweep_group(source->sweep, run);
        if (group > last) last = group;
        make_trial(m, source, run, prefix, first + group);
    }
    m->trials->groups = first + last + 1;
}

sp_status sp_trials_create(const sp_trial_source *sources, size_t count, const char *folder, sp_trials **trials,
                           sp_error *error) {
    size_t before = error->faults;
    making *m = calloc(1, sizeof *m);
    if (!m) return sp_fail_memory(error, "the trainings of a batch", sizeof *m);
    m->error = error;
    m->trials = calloc(1, sizeof *m->trials);
    if (!m->trials) {
        free(m);
        return sp_fail_memory(error, "the trainings of a batch", sizeof *m->trials);
    }
    m->trials->folder = folder;
    for (size_t i = 0; i < count; i++) add_source(m, &sources[i], count == 1);
    *trials = m->trials;
    sp_names_clear(&m->names);
    sp_names_clear(&m->prefixes);
    sp_names_clear(&m->seen.paths);
    free(m->seen.hash);
    free(m);
    if (error->faults == before) return SP_OK;
    sp_trials_destroy(*trials);
    *trials = NULL;
    return error->status;
}

void sp_trials_destroy(sp_trials *trials) {
    if (!trials) return;
    for (size_t i = 0; i < trials->count; i++) {
        free(trials->trial[i].name);
        free(trials->trial[i].label);
        sp_config_destroy(trials->trial[i].config);
    }
    free(trials->trial);
    free(trials->key);
    free(trials);
}

/* ---- What a run directory tells -------------------------------------------------------------- */

static void copy_text(const sp_json *root, const char *name, char *text, size_t size) {
    const char *found = sp_json_text(sp_json_member(root, name));
    snprintf(text, size, "%s", found ? found : "");
}

void sp_trial_result_read(const sp_trial *trial, sp_trial_result *result) {
    enum { LARGEST = 1 << 20 };
    char path[PATH], *text = NULL;
    size_t size;
    sp_error unread = {0};
    *result = (sp_trial_result){.value = NAN, .test_loss = NAN, .test_accuracy = NAN, .test_r2 = NAN};
    if (!sp_path_join(path, sizeof path, trial->config->output.dir, "summary.json")) return;
    if (!sp_file_exists(path) || sp_file_read(path, LARGEST, &text, &size, &unread)) return;
    sp_json *root = sp_json_parse(text, size);
    if (sp_json_is_object(root)) {
        copy_text(root, "status", result->status, sizeof result->status);
        copy_text(root, "monitor", result->monitor, sizeof result->monitor);
        copy_text(root, "weights_xxh64", result->weights, sizeof result->weights);
        result->value = sp_json_number_of(root, "monitor_value");
        result->epochs = sp_json_count_of(root, "epochs");
        result->best_epoch = sp_json_count_of(root, "best_epoch");
        result->test_loss = sp_json_number_of(root, "test_loss");
        result->test_accuracy = sp_json_number_of(root, "test_accuracy");
        result->test_r2 = sp_json_number_of(root, "test_r2");
        result->train_seconds = sp_json_number_of(root, "train_seconds");
    }
    sp_json_destroy(root);
    free(text);
}

bool sp_trial_larger_is_better(const char *monitor) {
    return strstr(monitor, "loss") == NULL;
}
