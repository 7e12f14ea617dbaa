#include "rundir.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/text.h"
#include "config.h"
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH = SP_RUNDIR_PATH };

/*
 * In the order in which they move away. The checkpoints first: once they are gone, nothing is resumed of a run whose
 * files have moved in part. The config last: where previous/ has none, what it has is a part of this run.
 */
static const char *const file_names[] = {SP_CHECKPOINT_BEFORE, SP_CHECKPOINT_NAME, "summary.json", "model.safetensors",
                                         "report.html",        "metrics.csv",      "config.ini"};
enum {
    RESULTS = 4,
    FILES = sizeof file_names / sizeof *file_names
}; /* the first ones show that a run came to something */

struct sp_rundir {
    const char *folder; /* borrowed from the configuration */
    sp_lock *lock;      /* owned; NULL: the file system knows none */
    int metrics;        /* owned: metrics.csv; negative: not opened */
    char *row;          /* owned [row_size]: where a row is put together */
    size_t row_size;
    sp_metrics_mark mark;
    sp_events *events; /* owned: output.tensorboard; NULL: no */
    bool kept;         /* an earlier run has moved to previous/ */
};

sp_status sp_rundir_path(const sp_rundir *rundir, const char *name, char path[PATH], sp_error *error) {
    if (sp_path_join(path, PATH, rundir->folder, name)) return SP_OK;
    return sp_fail(error, SP_BAD_CONFIG, "%s: is too long a path; set output.dir to a shorter one", rundir->folder);
}

bool sp_rundir_has(const sp_rundir *rundir, const char *name) {
    char path[PATH];
    return sp_path_join(path, PATH, rundir->folder, name) && sp_file_exists(path);
}

/* Whether metrics.csv is there, and has no more than the names of its columns. */
static bool has_no_epoch(const sp_rundir *rundir) {
    char path[PATH];
    FILE *file = sp_path_join(path, PATH, rundir->folder, "metrics.csv") ? fopen(path, "re") : NULL;
    int lines = 0, byte = file ? 0 : EOF;
    if (!file) return false;
    while (lines < 2 && (byte = getc(file)) != EOF) lines += byte == '\n';
    bool read = !ferror(file);
    fclose(file);
    return read && lines < 2;
}

/* Whether an earlier run has left something that is worth more than what is in previous/: not one that was ended in
 * its first epoch. *part: what is there is of this run, whose files were being moved when something ended that. */
static bool is_worth_keeping(const sp_rundir *rundir, bool *part) {
    bool results = false;
    *part = !sp_rundir_has(rundir, "previous/config.ini");
    for (int i = 0; i < (*part ? FILES : RESULTS) && !results; i++) results = sp_rundir_has(rundir, file_names[i]);
    return results && (*part || !has_no_epoch(rundir));
}

static sp_status fail_unread(const char *path, int cause, sp_error *error) {
    return sp_fail(error, SP_FAILED, "%s: cannot be read (%s); free it, or set output.dir to another folder", path,
                   strerror(cause));
}

/* The config of a run is written by this program, and says so. Another is somebody's, who would miss it. */
static sp_status check_owner(const sp_rundir *rundir, sp_error *error) {
    char path[PATH], line[sizeof SP_CONFIG_SAVED] = "";
    sp_status status = sp_rundir_path(rundir, "config.ini", path, error);
    if (status) return status;
    FILE *file = fopen(path, "re");
    if (!file) return errno == ENOENT ? SP_OK : fail_unread(path, errno, error);
    errno = 0;
    bool empty = !fgets(line, sizeof line, file), unread = ferror(file);
    int cause = errno;
    fclose(file);
    if (unread) return fail_unread(path, cause, error);
    if (empty || strcmp(line, SP_CONFIG_SAVED) == 0) return SP_OK;
    return sp_fail(error, SP_BAD_CONFIG,
                   "%s: is no run's, and would make room for this run's; give it another name, or set output.dir to "
                   "another folder",
                   path);
}

static sp_status remove_events(const char *folder, sp_error *error) {
    char name[SP_EVENTS_NAME], path[PATH];
    sp_status status;
    while (!(status = sp_events_find(folder, name, error)) && *name && sp_path_join(path, PATH, folder, name))
        if (remove(path)) return sp_fail(error, SP_FAILED, "%s: cannot be removed (%s)", path, strerror(errno));
    return status;
}

/* What a run has left that is not worth keeping; in the same order. */
static sp_status remove_files(const sp_rundir *rundir, sp_error *error) {
    char path[PATH];
    sp_status status = remove_events(rundir->folder, error);
    for (int i = 0; i < FILES && !status; i++) {
        status = sp_rundir_path(rundir, file_names[i], path, error);
        if (!status && remove(path) && errno != ENOENT)
            status =
                sp_fail(error, SP_FAILED, "%s: cannot be removed (%s); free it, or set output.dir to another folder",
                        path, strerror(errno));
    }
    return status;
}

/* The path of a file in previous/. */
static sp_status kept_path(const sp_rundir *rundir, const char *name, char path[PATH], sp_error *error) {
    char inside[sizeof "previous/" + SP_EVENTS_NAME];
    snprintf(inside, sizeof inside, "previous/%s", name);
    return sp_rundir_path(rundir, inside, path, error);
}

/* So that TensorBoard does not take its events for this run's. */
static sp_status keep_events(const sp_rundir *rundir, sp_error *error) {
    char name[SP_EVENTS_NAME], path[PATH], kept[PATH];
    sp_status status;
    while (!(status = sp_events_find(rundir->folder, name, error)) && *name) {
        status = sp_rundir_path(rundir, name, path, error);
        if (!status) status = kept_path(rundir, name, kept, error);
        if (status) return status;
        if (rename(path, kept))
            return sp_fail(error, SP_FAILED,
                           "%s: cannot be moved to %s (%s); free it, or set output.dir to another folder", path, kept,
                           strerror(errno));
    }
    return status;
}

/* An earlier run's files must not stand beside this one's; nor are they thrown away. */
static sp_status keep_previous(sp_rundir *rundir, sp_error *error) {
    char path[PATH], kept[PATH];
    bool part;
    if (!is_worth_keeping(rundir, &part)) return remove_files(rundir, error);
    sp_status status = sp_rundir_path(rundir, "previous", path, error);
    if (!status) status = sp_folder_create(path, "output.dir", error);
    if (!status && !part) status = remove_events(path, error);
    if (!status) status = keep_events(rundir, error);
    for (int i = 0; i < FILES && !status && !part; i++) {
        status = kept_path(rundir, file_names[i], kept, error);
        if (!status) remove(kept); /* of the run before that */
    }
    for (int i = 0; i < FILES && !status; i++) {
        status = sp_rundir_path(rundir, file_names[i], path, error);
        if (!status) status = kept_path(rundir, file_names[i], kept, error);
        if (!status && rename(path, kept) && errno != ENOENT)
            status = sp_fail(error, SP_FAILED,
                             "%s: cannot be moved to %s (%s); free it, or set output.dir to another folder", path, kept,
                             strerror(errno));
    }
    rundir->kept = !status;
    return status;
}

bool sp_rundir_kept(const sp_rundir *rundir) {
    return rundir->kept;
}

/* ---- metrics.csv ----------------------------------------------------------------------------- */

sp_metrics_mark sp_rundir_mark(const sp_rundir *rundir) {
    return rundir->mark;
}

static sp_metrics_mark mark_behind(sp_metrics_mark mark, const char *line, size_t length) {
    return (sp_metrics_mark){mark.bytes + length, sp_hash_bytes(line, length, mark.xxh64)};
}

/* Writes the line that stands in rundir->row at once: whenever the program is killed, there is none in part. */
static sp_status write_row(sp_rundir *rundir, size_t length, sp_error *error) {
    size_t done = 0;
    while (done < length) {
        ssize_t count = write(rundir->metrics, rundir->row + done, length - done);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        done += (size_t)count;
    }
    if (done == length) {
        rundir->mark = mark_behind(rundir->mark, rundir->row, length);
        return SP_OK;
    }
    int cause = errno;
    bool cut = ftruncate(rundir->metrics, (off_t)rundir->mark.bytes) == 0;
    return sp_fail(error, SP_FAILED, "%s/metrics.csv: writing failed (%s)%s; free some space", rundir->folder,
                   strerror(cause), cut ? "" : " within a row");
}

/* The file, and room for a row of so many layers. */
static sp_status open_metrics(sp_rundir *rundir, int flags, size_t layers, sp_error *error) {
    char path[PATH];
    sp_status status = sp_rundir_path(rundir, "metrics.csv", path, error);
    if (status) return status;
    rundir->row_size = 1024 + layers * 256;
    rundir->row = malloc(rundir->row_size);
    if (!rundir->row) return sp_fail_memory(error, path, rundir->row_size);
    rundir->metrics = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | flags, 0666);
    if (rundir->metrics >= 0) return SP_OK;
    return sp_fail(error, SP_FAILED, "%s: cannot be written (%s); set output.dir to a folder that can", path,
                   strerror(errno));
}

static sp_status start_metrics(sp_rundir *rundir, size_t layers, sp_error *error) {
    sp_status status = open_metrics(rundir, O_CREAT | O_TRUNC, layers, error);
    if (status) return status;
    size_t used = (size_t)snprintf(rundir->row, rundir->row_size,
                                   "epoch,seconds,learning_rate,train_loss,train_accuracy,validation_loss,"
                                   "validation_accuracy,samples_per_second");
    for (size_t l = 1; l <= layers; l++)
        used += (size_t)snprintf(rundir->row + used, rundir->row_size - used,
                                 ",layer%zu_gradient_norm,layer%zu_update_ratio,layer%zu_saturated,layer%zu_dead", l, l,
                                 l, l);
    rundir->row[used++] = '\n';
    return write_row(rundir, used, error);
}

/* Whether the file begins with what `mark` is of. */
static sp_status check_metrics(const char *path, sp_metrics_mark mark, sp_error *error) {
    char *text;
    size_t size;
    sp_metrics_mark found = {0};
    sp_status status = sp_file_read(path, SIZE_MAX / 4, &text, &size, error);
    if (status) return status;
    while (found.bytes < mark.bytes && found.bytes < size) {
        const char *line = text + found.bytes, *end = memchr(line, '\n', size - found.bytes);
        found = mark_behind(found, line, end ? (size_t)(end + 1 - line) : size - found.bytes);
    }
    free(text);
    if (found.bytes == mark.bytes && found.xxh64 == mark.xxh64) return SP_OK;
    return sp_fail(error, SP_BAD_DATA,
                   "%s: is not as the checkpoint left it, whose epochs it should begin with; put that back, or train "
                   "anew without --resume",
                   path);
}

static sp_status continue_metrics(sp_rundir *rundir, size_t layers, sp_metrics_mark mark, sp_error *error) {
    char path[PATH];
    sp_status status = sp_rundir_path(rundir, "metrics.csv", path, error);
    if (!status) status = check_metrics(path, mark, error);
    if (!status) status = open_metrics(rundir, 0, layers, error);
    if (status) return status;
    rundir->mark = mark;
    if (ftruncate(rundir->metrics, (off_t)mark.bytes) == 0) return SP_OK;
    return sp_fail(error, SP_FAILED, "%s: writing failed (%s); check the disk", path, strerror(errno));
}

sp_status sp_rundir_sync(const sp_rundir *rundir, sp_error *error) {
    int cause = sp_file_sync(rundir->metrics);
    if (cause == 0) return SP_OK;
    return sp_fail(error, SP_FAILED, "%s/metrics.csv: writing failed (%s); check the disk", rundir->folder,
                   strerror(cause));
}

/* Appends ",VALUE" to the row; nothing behind the comma where it was not measured. Returns its new length. */
static size_t print_cell(sp_rundir *rundir, size_t used, double value, const char *format) {
    char text[40] = "";
    if (!isnan(value)) {
        snprintf(text, sizeof text, format, value);
        char *comma = strchr(text, ','); /* a locale's decimal comma */
        if (comma) *comma = '.';
    }
    return used + (size_t)snprintf(rundir->row + used, rundir->row_size - used, ",%s", text);
}

sp_status sp_rundir_add_epoch(sp_rundir *rundir, const sp_epoch *epoch, sp_error *error) {
    size_t used = (size_t)snprintf(rundir->row, rundir->row_size, "%zu", epoch->epoch);
    used = print_cell(rundir, used, epoch->seconds, "%.6f");
    used = print_cell(rundir, used, epoch->learning_rate, "%.9g");
    used = print_cell(rundir, used, epoch->train_loss, "%.9g");
    used = print_cell(rundir, used, epoch->train_accuracy, "%.6f");
    used = print_cell(rundir, used, epoch->validation_loss, "%.9g");
    used = print_cell(rundir, used, epoch->validation_accuracy, "%.6f");
    used = print_cell(rundir, used, epoch->samples_per_second, "%.0f");
    for (size_t l = 0; l < epoch->layers; l++) {
        used = print_cell(rundir, used, epoch->health[l].gradient_norm, "%.6g");
        used = print_cell(rundir, used, epoch->health[l].update_ratio, "%.6g");
        used = print_cell(rundir, used, epoch->health[l].saturated, "%.6g");
        used = print_cell(rundir, used, epoch->health[l].dead, "%.6g");
    }
    rundir->row[used++] = '\n';
    sp_status status = write_row(rundir, used, error);
    return status || !rundir->events ? status : sp_events_add_epoch(rundir->events, epoch, error);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static sp_status take_lock(sp_rundir *rundir, sp_error *error) {
    char path[PATH], who[40] = "another process";
    long holder;
    sp_status status = sp_rundir_path(rundir, ".lock", path, error);
    if (!status) status = sp_lock_take(path, &rundir->lock, &holder, error);
    if (status || holder == 0) return status;
    if (holder > 0) snprintf(who, sizeof who, "process %ld", holder);
    return sp_fail(error, SP_FAILED, "%s: %s is training into it; wait for that, or set output.dir to another folder",
                   rundir->folder, who);
}

sp_status sp_rundir_open(const sp_config *config, sp_rundir **rundir, sp_error *error) {
    sp_rundir *made = calloc(1, sizeof *made);
    if (!made) return sp_fail_memory(error, "the run directory", sizeof *made);
    *made = (sp_rundir){.folder = config->output.dir, .metrics = -1};
    sp_status status = sp_folder_create(made->folder, "output.dir", error);
    if (!status) status = take_lock(made, error);
    if (status) {
        sp_rundir_destroy(made);
        return status;
    }
    *rundir = made;
    return SP_OK;
}

static sp_status save_config(const sp_rundir *rundir, const sp_config *config, sp_error *error) {
    char path[PATH];
    sp_status status = sp_rundir_path(rundir, "config.ini", path, error);
    return status ? status : sp_config_save(config, path, error);
}

sp_status sp_rundir_begin(sp_rundir *rundir, const sp_config *config, size_t layers, sp_error *error) {
    sp_status status = check_owner(rundir, error);
    if (!status) status = keep_previous(rundir, error);
    if (!status) status = save_config(rundir, config, error);
    if (!status) status = start_metrics(rundir, layers, error);
    if (status || !config->output.tensorboard) return status;
    return sp_events_create(rundir->folder, layers, &rundir->events, error);
}

sp_status sp_rundir_continue(sp_rundir *rundir, const sp_config *config, size_t layers, sp_metrics_mark mark,
                             sp_error *error) {
    char path[PATH];
    sp_status status = continue_metrics(rundir, layers, mark, error);
    if (!status) status = sp_rundir_path(rundir, "summary.json", path, error);
    if (!status && remove(path) && errno != ENOENT)
        status = sp_fail(error, SP_FAILED, "%s: cannot be removed (%s); free it", path, strerror(errno));
    if (!status) status = save_config(rundir, config, error);
    if (status || !config->output.tensorboard) return status;
    return sp_events_continue(rundir->folder, layers, &rundir->events, error);
}

void sp_rundir_destroy(sp_rundir *rundir) {
    if (!rundir) return;
    if (rundir->metrics >= 0) close(rundir->metrics);
    free(rundir->row);
    sp_events_destroy(rundir->events);
    sp_lock_release(rundir->lock);
    free(rundir);
}

/* ---- What it came to ------------------------------------------------------------------------- */

sp_status sp_rundir_save_model(sp_rundir *rundir, const sp_model *model, sp_error *error) {
    char path[PATH];
    sp_status status = sp_rundir_path(rundir, "model.safetensors", path, error);
    return status ? status : sp_model_save(model, path, error);
}

static bool add_phases(sp_json *root, const sp_summary *summary) {
    if (isnan(summary->phase_seconds[0])) return true; /* nobody asked */
    sp_json *phases = sp_json_add_object(root, "phases");
    bool good = true;
    for (int i = 0; i < SP_PHASES; i++)
        good = sp_json_add_number(phases, sp_phase_name((sp_phase)i), summary->phase_seconds[i]) && good;
    return sp_json_add_number(root, "imbalance", summary->imbalance) && good;
}

/* What the task has beyond loss and accuracy. */
static bool add_metrics(sp_json *root, const sp_summary *summary) {
    static const sp_metric metrics[] = {SP_METRIC_BALANCED_ACCURACY,
                                        SP_METRIC_SUBSET_ACCURACY,
                                        SP_METRIC_HAMMING_LOSS,
                                        SP_METRIC_MACRO_F1,
                                        SP_METRIC_AUC,
                                        SP_METRIC_R2,
                                        SP_METRIC_MAE,
                                        SP_METRIC_RMSE};
    char name[40];
    bool good = true;
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        snprintf(name, sizeof name, "test_%s", sp_metric_name(metrics[i]));
        good = sp_json_add_number(root, name, summary->test_metrics[metrics[i]]) && good;
    }
    return good;
}

static bool add_warnings(sp_json *root, const sp_diagnosis *diagnosis) {
    enum { MOST = 64 };
    const char *lines[MOST];
    size_t count = sp_diagnosis_count(diagnosis) < MOST ? sp_diagnosis_count(diagnosis) : MOST;
    for (size_t i = 0; i < count; i++) lines[i] = sp_diagnosis_line(diagnosis, i);
    return sp_json_add_texts(root, "warnings", lines, count);
}

static sp_json *summary_document(const sp_summary *summary, const sp_diagnosis *diagnosis, const sp_origin *origin) {
    char hash[20];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)summary->weights_xxh64);
    sp_json *root = sp_json_object();
    bool good = sp_json_add_text(root, "status", summary->status);
    good = sp_json_add_count(root, "epochs", summary->epochs) && good;
    good = sp_json_add_count(root, "steps", summary->steps) && good;
    good = sp_json_add_count(root, "best_epoch", summary->best_epoch) && good;
    good = sp_json_add_number(root, "train_loss", summary->train_loss) && good;
    good = sp_json_add_number(root, "train_accuracy", summary->train_accuracy) && good;
    good = sp_json_add_number(root, "validation_loss", summary->validation_loss) && good;
    good = sp_json_add_number(root, "validation_accuracy", summary->validation_accuracy) && good;
    good = sp_json_add_number(root, "test_loss", summary->test_loss) && good;
    good = sp_json_add_number(root, "test_accuracy", summary->test_accuracy) && good;
    good = add_metrics(root, summary) && good;
    good = sp_json_add_text(root, "monitor", summary->monitor) && good;
    good = sp_json_add_number(root, "monitor_value", summary->monitor_value) && good;
    good = sp_json_add_number(root, "train_seconds", summary->train_seconds) && good;
    good = sp_json_add_number(root, "total_seconds", summary->total_seconds) && good;
    good = sp_json_add_number(root, "samples_per_second", summary->samples_per_second) && good;
    good = sp_json_add_count(root, "threads", summary->threads) && good;
    good = sp_json_add_count(root, "shards", summary->shards) && good;
    good = sp_json_add_count(root, "parameters", summary->parameters) && good;
    good = sp_json_add_count(root, "dropped_rows", summary->dropped_rows) && good;
    double peak = summary->peak_rss_bytes > 0 ? (double)summary->peak_rss_bytes / (1 << 20) : NAN;
    good = sp_json_add_number(root, "peak_rss_mb", peak) && good;
    good = add_phases(root, summary) && good;
    good = add_warnings(root, diagnosis) && good;
    good = sp_json_add_text(root, "weights_xxh64", hash) && good;
    good = sp_json_add_text(root, "version", sp_version()) && good;
    good = sp_origin_add(origin, root) && good;
    if (good) return root;
    sp_json_destroy(root);
    return NULL;
}

sp_status sp_rundir_save_summary(sp_rundir *rundir, const sp_summary *summary, const sp_diagnosis *diagnosis,
                                 const sp_origin *origin, sp_error *error) {
    char path[PATH];
    sp_output *output;
    sp_status status = sp_rundir_path(rundir, "summary.json", path, error);
    if (!status) status = sp_rundir_sync(rundir, error); /* the epochs that it is about */
    if (status) return status;
    sp_json *root = summary_document(summary, diagnosis, origin);
    char *text = root ? sp_json_print(root, true) : NULL;
    sp_json_destroy(root);
    if (!text) return sp_fail_memory(error, path, 0);
    status = sp_output_open(path, &output, error);
    if (!status) {
        fprintf(sp_output_stream(output), "%s\n", text);
        status = sp_output_commit(output, error);
    }
    free(text);
    return status || !rundir->events ? status : sp_events_add_summary(rundir->events, summary, error);
}
