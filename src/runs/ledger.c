#include "runs/ledger.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = 4096 };

static const char *const state_names[] = {"waiting", "running", "paused", "dropped", "done", "failed"};

const char *sp_trial_state_name(sp_trial_state state) {
    return state_names[state];
}

double sp_trial_worth(const sp_trial_result *result) {
    return sp_trial_larger_is_better(result->monitor) ? result->value : -result->value;
}

static void print_fingerprint(const sp_trial *trial, char text[20]) {
    snprintf(text, 20, "%016llx", (unsigned long long)trial->fingerprint);
}

/* ---- In -------------------------------------------------------------------------------------- */

static bool is_text(const sp_json *object, const char *name, const char *expected) {
    const char *text = sp_json_text(sp_json_member(object, name));
    return text && strcmp(text, expected) == 0;
}

static void take_rungs(const sp_json *list, sp_trial_record *record) {
    for (const sp_json *item = sp_json_first(list); item && record->rungs < SP_MOST_RUNGS; item = sp_json_next(item))
        if (!sp_json_number(item, &record->rung[record->rungs++])) {
            record->rungs--; /* it had failed there */
            return;
        }
}

/* `entry` is of the trial; what the run directory says has to go with it. */
static void take_entry(const sp_json *entry, const sp_trial *trial, bool same_rungs, sp_trial_record *record) {
    char fingerprint[20];
    print_fingerprint(trial, fingerprint);
    sp_trial_result_read(trial, &record->result);
    if (!is_text(entry, "fingerprint", fingerprint) || !is_text(entry, "weights_xxh64", record->result.weights) ||
        !*record->result.weights)
        return;
    if (same_rungs) take_rungs(sp_json_member(entry, "rungs"), record);
    bool ended = strcmp(record->result.status, "completed") == 0 || strcmp(record->result.status, "stopped_early") == 0;
    if (is_text(entry, "state", "done") && ended) record->state = SP_TRIAL_DONE;
    if (is_text(entry, "state", "failed") && strcmp(record->result.status, "diverged") == 0) {
        const char *why = sp_json_text(sp_json_member(entry, "why"));
        record->state = SP_TRIAL_FAILED; /* as it would again */
        snprintf(record->why, sizeof record->why, "%s", why ? why : "diverged");
    }
    record->before = record->state != SP_TRIAL_WAITING;
}

/* The entry of that name, from `from` on or before it: they mostly are in order. */
static const sp_json *find_entry(const sp_json *list, const sp_json *from, const char *name) {
    for (const sp_json *entry = from; entry; entry = sp_json_next(entry))
        if (is_text(entry, "name", name)) return entry;
    for (const sp_json *entry = sp_json_first(list); entry && entry != from; entry = sp_json_next(entry))
        if (is_text(entry, "name", name)) return entry;
    return NULL;
}

void sp_ledger_read(const sp_trials *trials, size_t eta, sp_trial_record *records) {
    enum { LARGEST = 1 << 28 };
    char path[PATH], *text;
    size_t size;
    sp_error unread = {0};
    if (!sp_path_join(path, sizeof path, trials->folder, "batch.json") || !sp_file_exists(path)) return;
    if (sp_file_read(path, LARGEST, &text, &size, &unread)) return;
    sp_json *root = sp_json_parse(text, size);
    const sp_json *list = sp_json_member(root, "trainings"), *from = sp_json_first(list);
    double eta_then;
    bool same_rungs = sp_json_number(sp_json_member(root, "halving"), &eta_then) && eta_then == (double)eta;
    for (size_t i = 0; i < trials->count; i++) {
        const sp_json *entry = find_entry(list, from, trials->trial[i].name);
        if (!entry) continue;
        take_entry(entry, &trials->trial[i], same_rungs, &records[i]);
        from = sp_json_next(entry);
    }
    sp_json_destroy(root);
    free(text);
}

/* ---- Out ------------------------------------------------------------------------------------- */

static bool add_entry(sp_json *list, const sp_trial *trial, const sp_trial_record *record) {
    char fingerprint[20];
    print_fingerprint(trial, fingerprint);
    sp_json *entry = sp_json_append_object(list);
    bool good = sp_json_add_text(entry, "name", trial->name);
    good = sp_json_add_text(entry, "fingerprint", fingerprint) && good;
    good = sp_json_add_text(entry, "state", sp_trial_state_name(record->state)) && good;
    good = sp_json_add_text(entry, "weights_xxh64", record->result.weights) && good;
    if (record->state == SP_TRIAL_FAILED) good = sp_json_add_text(entry, "why", record->why) && good;
    sp_json *rungs = sp_json_add_array(entry, "rungs");
    for (size_t i = 0; i < record->rungs; i++) good = sp_json_append_number(rungs, record->rung[i]) && good;
    return good;
}

sp_status sp_ledger_write(const sp_trials *trials, size_t eta, const sp_trial_record *records, sp_error *error) {
    char path[PATH];
    sp_output *output;
    if (!sp_path_join(path, sizeof path, trials->folder, "batch.json"))
        return sp_fail(error, SP_BAD_CONFIG, "%s: is too long a path; choose another --output", trials->folder);
    sp_json *root = sp_json_object(), *list;
    bool good = sp_json_add_text(root, "version", sp_version());
    good = sp_json_add_count(root, "halving", eta) && good;
    list = sp_json_add_array(root, "trainings");
    for (size_t i = 0; i < trials->count; i++) good = add_entry(list, &trials->trial[i], &records[i]) && good;
    char *text = good ? sp_json_print(root, true) : NULL;
    sp_json_destroy(root);
    if (!text) return sp_fail_memory(error, path, 0);
    sp_status status = sp_output_open(path, &output, error);
    if (!status) {
        fprintf(sp_output_stream(output), "%s\n", text);
        status = sp_output_commit(output, error);
    }
    free(text);
    return status;
}
