#include "runs/ranking.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "data/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = 4096, VALUE = SP_VALUE_ROOM };

struct sp_ranking {
    const sp_queue *queue;
    size_t count;
    sp_rank *rank; /* owned [count] */
};

/* ---- Numbers --------------------------------------------------------------------------------- */

static const sp_trial *trial_at(const sp_ranking *r, size_t trial) {
    return &sp_queue_trials(r->queue)->trial[trial];
}

static bool is_good(const sp_trial_record *record) {
    return record->state != SP_TRIAL_FAILED && !isnan(record->result.value);
}

/* The sums over the good trials, which become means; `rank` is all zeros but for its group. */
static void add_trial(sp_rank *rank, const sp_trial_record *record, size_t trial) {
    if (rank->seeds++ == 0) rank->first = trial;
    if (!is_good(record)) return;
    if (rank->good++ == 0) {
        rank->first = trial;
        rank->monitor = record->result.monitor;
        rank->rungs = record->rungs;
    }
    if (record->rungs < rank->rungs) rank->rungs = record->rungs;
    rank->mean += record->result.value;
    rank->epochs += (double)record->result.epochs;
    rank->test_loss += record->result.test_loss;
    rank->test_accuracy += record->result.test_accuracy;
    rank->test_r2 += record->result.test_r2;
    rank->train_seconds += record->result.train_seconds;
}

static void divide(sp_rank *rank) {
    double n = rank->good > 0 ? (double)rank->good : NAN;
    double *const sums[] = {&rank->mean,          &rank->epochs,  &rank->test_loss,
                            &rank->test_accuracy, &rank->test_r2, &rank->train_seconds};
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) *sums[i] /= n;
}

static void measure(sp_ranking *r) {
    const sp_trials *trials = sp_queue_trials(r->queue);
    for (size_t g = 0; g < r->count; g++) r->rank[g] = (sp_rank){.group = g, .monitor = ""};
    for (size_t i = 0; i < trials->count; i++)
        add_trial(&r->rank[trials->trial[i].group], sp_queue_record(r->queue, i), i);
    for (size_t g = 0; g < r->count; g++) divide(&r->rank[g]);
    for (size_t i = 0; i < trials->count; i++) {
        sp_rank *rank = &r->rank[trials->trial[i].group];
        const sp_trial_record *record = sp_queue_record(r->queue, i);
        if (is_good(record)) rank->deviation += pow(record->result.value - rank->mean, 2);
    }
    for (size_t g = 0; g < r->count; g++)
        r->rank[g].deviation = r->rank[g].good > 1 ? sqrt(r->rank[g].deviation / (double)(r->rank[g].good - 1)) : NAN;
}

/* ---- Order ----------------------------------------------------------------------------------- */

static int in_order(const void *one, const void *other) {
    const sp_rank *a = one, *b = other;
    bool a_failed = a->good == 0, b_failed = b->good == 0;
    if (a_failed != b_failed) return a_failed ? 1 : -1;
    int by_metric = strcmp(a->monitor, b->monitor);
    if (by_metric != 0) return by_metric;
    bool a_whole = a->good == a->seeds, b_whole = b->good == b->seeds;
    if (a_whole != b_whole) return a_whole ? -1 : 1;
    if (a->rungs != b->rungs) return a->rungs > b->rungs ? -1 : 1;
    double sign = sp_trial_larger_is_better(a->monitor) ? 1 : -1;
    if (a->mean != b->mean && !a_failed) return sign * a->mean > sign * b->mean ? -1 : 1;
    return a->group < b->group ? -1 : a->group > b->group;
}

sp_status sp_ranking_create(const sp_queue *queue, sp_ranking **ranking, sp_error *error) {
    sp_ranking *made = calloc(1, sizeof *made);
    if (made) {
        made->queue = queue;
        made->count = sp_queue_trials(queue)->groups;
        made->rank = calloc(made->count, sizeof *made->rank);
    }
    if (!made || !made->rank) {
        free(made);
        return sp_fail_memory(error, "the ranking", sizeof *made);
    }
    measure(made);
    qsort(made->rank, made->count, sizeof *made->rank, in_order);
    for (size_t i = 0; i < made->count; i++) {
        sp_rank *rank = &made->rank[i];
        bool first = i == 0 || strcmp(rank->monitor, made->rank[i - 1].monitor) != 0;
        rank->rank = rank->good == 0 ? 0 : first ? 1 : made->rank[i - 1].rank + 1;
    }
    *ranking = made;
    return SP_OK;
}

void sp_ranking_destroy(sp_ranking *ranking) {
    if (!ranking) return;
    free(ranking->rank);
    free(ranking);
}

size_t sp_ranking_count(const sp_ranking *ranking) {
    return ranking->count;
}

const sp_rank *sp_ranking_at(const sp_ranking *ranking, size_t index) {
    return &ranking->rank[index];
}

/* ---- ranking.csv ----------------------------------------------------------------------------- */

static void print_text(FILE *stream, const char *text) {
    fputc(',', stream);
    if (*text) sp_csv_write_field(stream, text);
}

static void print_cell(FILE *stream, double value) {
    char text[40] = "";
    if (!isnan(value)) sp_print_real(value, text, sizeof text);
    fprintf(stream, ",%s", text);
}

static void print_row(FILE *stream, const sp_ranking *r, const sp_rank *rank) {
    const sp_trials *trials = sp_queue_trials(r->queue);
    const sp_trial *trial = trial_at(r, rank->first);
    if (rank->rank > 0) fprintf(stream, "%zu", rank->rank);
    print_text(stream, trial->label);
    for (size_t i = 0; i < trials->keys; i++) {
        char value[VALUE];
        sp_config_print(trial->config, trials->key[i], value, sizeof value);
        print_text(stream, value);
    }
    print_text(stream, rank->monitor);
    print_cell(stream, rank->mean);
    print_cell(stream, rank->deviation);
    fprintf(stream, ",%zu,%zu", rank->good, rank->seeds - rank->good);
    print_cell(stream, rank->epochs);
    print_cell(stream, rank->test_loss);
    print_cell(stream, rank->test_accuracy);
    print_cell(stream, rank->test_r2);
    print_cell(stream, rank->train_seconds);
    fputc('\n', stream);
}

static void print_csv(FILE *stream, const sp_ranking *r) {
    const sp_trials *trials = sp_queue_trials(r->queue);
    fputs("rank,name", stream);
    for (size_t i = 0; i < trials->keys; i++) fprintf(stream, ",%s.%s", trials->key[i]->section, trials->key[i]->name);
    fputs(",monitor,mean,deviation,trainings,failed,epochs,test_loss,test_accuracy,test_r2,train_seconds\n", stream);
    for (size_t i = 0; i < r->count; i++) print_row(stream, r, &r->rank[i]);
}

/* ---- ranking.json ---------------------------------------------------------------------------- */

static bool add_training(sp_json *list, const sp_trial *trial, const sp_trial_record *record) {
    const sp_trial_result *result = &record->result;
    bool failed = record->state == SP_TRIAL_FAILED;
    sp_json *entry = sp_json_append_object(list);
    bool good = sp_json_add_text(entry, "dir", trial->config->output.dir);
    good = sp_json_add_count(entry, "seed", (size_t)trial->config->train.seed) && good;
    good = sp_json_add_text(entry, "state", sp_trial_state_name(record->state)) && good;
    good = sp_json_add_number(entry, "value", failed ? NAN : result->value) && good;
    good = sp_json_add_count(entry, "epochs", result->epochs) && good;
    good = sp_json_add_count(entry, "best_epoch", result->best_epoch) && good;
    good = sp_json_add_number(entry, "test_loss", result->test_loss) && good;
    good = sp_json_add_number(entry, "test_accuracy", result->test_accuracy) && good;
    good = sp_json_add_number(entry, "test_r2", result->test_r2) && good;
    good = sp_json_add_text(entry, "weights_xxh64", result->weights) && good;
    good = sp_json_add_number(entry, "train_seconds", result->train_seconds) && good;
    return failed ? sp_json_add_text(entry, "why", record->why) && good : good;
}

static bool add_values(sp_json *entry, const sp_ranking *r, const sp_trial *trial) {
    const sp_trials *trials = sp_queue_trials(r->queue);
    sp_json *values = sp_json_add_object(entry, "values");
    bool good = values != NULL;
    for (size_t i = 0; i < trials->keys; i++) {
        char name[80], value[VALUE];
        snprintf(name, sizeof name, "%s.%s", trials->key[i]->section, trials->key[i]->name);
        sp_config_print(trial->config, trials->key[i], value, sizeof value);
        good = sp_json_add_text(values, name, value) && good;
    }
    return good;
}

static bool add_rank(sp_json *list, const sp_ranking *r, const sp_rank *rank) {
    const sp_trials *trials = sp_queue_trials(r->queue);
    sp_json *entry = sp_json_append_object(list);
    bool good = sp_json_add_number(entry, "rank", rank->rank > 0 ? (double)rank->rank : NAN);
    good = sp_json_add_text(entry, "name", trial_at(r, rank->first)->label) && good;
    good = add_values(entry, r, trial_at(r, rank->first)) && good;
    good = sp_json_add_text(entry, "monitor", rank->monitor) && good;
    good = sp_json_add_number(entry, "mean", rank->mean) && good;
    good = sp_json_add_number(entry, "deviation", rank->deviation) && good;
    sp_json *trainings = sp_json_add_array(entry, "trainings");
    for (size_t i = 0; i < trials->count; i++)
        if (trials->trial[i].group == rank->group)
            good = add_training(trainings, &trials->trial[i], sp_queue_record(r->queue, i)) && good;
    return good;
}

static char *print_json(const sp_ranking *r) {
    sp_json *root = sp_json_object(), *list;
    bool good = sp_json_add_text(root, "version", sp_version());
    list = sp_json_add_array(root, "ranking");
    for (size_t i = 0; i < r->count; i++) good = add_rank(list, r, &r->rank[i]) && good;
    char *text = good ? sp_json_print(root, true) : NULL;
    sp_json_destroy(root);
    return text;
}

/* ---- Files ----------------------------------------------------------------------------------- */

static sp_status open_file(const sp_ranking *r, const char *name, sp_output **output, sp_error *error) {
    char path[PATH];
    const char *folder = sp_queue_trials(r->queue)->folder;
    if (!sp_path_join(path, sizeof path, folder, name))
        return sp_fail(error, SP_BAD_CONFIG, "%s: is too long a path; choose another --output", folder);
    return sp_output_open(path, output, error);
}

sp_status sp_ranking_save(const sp_ranking *r, sp_error *error) {
    sp_output *output;
    sp_status status = open_file(r, "ranking.csv", &output, error);
    if (status) return status;
    print_csv(sp_output_stream(output), r);
    status = sp_output_commit(output, error);
    if (status) return status;
    char *text = print_json(r);
    if (!text) return sp_fail_memory(error, "ranking.json", 0);
    status = open_file(r, "ranking.json", &output, error);
    if (!status) {
        fprintf(sp_output_stream(output), "%s\n", text);
        status = sp_output_commit(output, error);
    }
    free(text);
    return status;
}
