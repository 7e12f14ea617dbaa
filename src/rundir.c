#include "rundir.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = 4096 };

static const char *const file_names[] = {"config.ini", "metrics.csv", "summary.json", "model.safetensors", NULL};

struct sp_rundir {
    const char *folder; /* borrowed from the configuration */
    FILE *metrics;      /* owned */
};

static sp_status path_of(const sp_rundir *rundir, const char *name, char path[PATH], sp_error *error) {
    if (sp_path_join(path, PATH, rundir->folder, name)) return SP_OK;
    return sp_fail(error, SP_BAD_CONFIG, "%s: is too long a path; set output.dir to a shorter one", rundir->folder);
}

/* An earlier run's files must not stand beside this one's; nor are they thrown away. */
static sp_status keep_previous(const sp_rundir *rundir, sp_error *error) {
    char path[PATH], previous[PATH], kept[PATH];
    bool any = false;
    sp_status status = path_of(rundir, "previous", previous, error);
    for (int i = 0; file_names[i] && !status; i++) {
        status = path_of(rundir, file_names[i], path, error);
        any = any || (!status && sp_file_exists(path));
    }
    if (status || !any) return status;
    status = sp_folder_create(previous, error);
    for (int i = 0; file_names[i] && !status; i++) {
        status = path_of(rundir, file_names[i], path, error);
        if (status || !sp_path_join(kept, sizeof kept, previous, file_names[i])) break;
        remove(kept); /* of the run before the previous one */
        if (rename(path, kept) && errno != ENOENT)
            status = sp_fail(error, SP_FAILED,
                             "%s: cannot be moved to %s (%s); free it, or set output.dir to another folder", path,
                             previous, strerror(errno));
    }
    return status;
}

static sp_status start_metrics(sp_rundir *rundir, size_t layers, sp_error *error) {
    char path[PATH];
    sp_status status = path_of(rundir, "metrics.csv", path, error);
    if (status) return status;
    rundir->metrics = fopen(path, "we");
    if (rundir->metrics) {
        fputs("epoch,seconds,learning_rate,train_loss,train_accuracy,validation_loss,"
              "validation_accuracy,samples_per_second",
              rundir->metrics);
        for (size_t l = 1; l <= layers; l++)
            fprintf(rundir->metrics, ",layer%zu_gradient_norm,layer%zu_update_ratio,layer%zu_saturated,layer%zu_dead",
                    l, l, l, l);
        fputc('\n', rundir->metrics);
        if (fflush(rundir->metrics) == 0 && !ferror(rundir->metrics)) return SP_OK;
    }
    return sp_fail(error, SP_FAILED, "%s: cannot be written (%s); set output.dir to a folder that can", path,
                   strerror(errno));
}

sp_status sp_rundir_create(const sp_config *config, size_t layers, sp_rundir **rundir, sp_error *error) {
    char path[PATH];
    sp_rundir *made = calloc(1, sizeof *made);
    if (!made) return sp_fail_memory(error, "the run directory", sizeof *made);
    made->folder = config->output.dir;
    sp_status status = sp_folder_create(made->folder, error);
    if (!status) status = keep_previous(made, error);
    if (!status) status = path_of(made, "config.ini", path, error);
    if (!status) status = sp_config_save(config, path, error);
    if (!status) status = start_metrics(made, layers, error);
    if (status) {
        sp_rundir_destroy(made);
        return status;
    }
    *rundir = made;
    return SP_OK;
}

/* Appends ",VALUE"; nothing behind the comma where it was not measured. */
static void print_cell(FILE *stream, double value, const char *format) {
    char text[40] = "";
    if (!isnan(value)) {
        snprintf(text, sizeof text, format, value);
        char *comma = strchr(text, ','); /* a locale's decimal comma */
        if (comma) *comma = '.';
    }
    fprintf(stream, ",%s", text);
}

sp_status sp_rundir_add_epoch(sp_rundir *rundir, const sp_epoch *epoch, sp_error *error) {
    FILE *stream = rundir->metrics;
    fprintf(stream, "%zu", epoch->epoch);
    print_cell(stream, epoch->seconds, "%.6f");
    print_cell(stream, epoch->learning_rate, "%.9g");
    print_cell(stream, epoch->train_loss, "%.9g");
    print_cell(stream, epoch->train_accuracy, "%.6f");
    print_cell(stream, epoch->validation_loss, "%.9g");
    print_cell(stream, epoch->validation_accuracy, "%.6f");
    print_cell(stream, epoch->samples_per_second, "%.0f");
    for (size_t l = 0; l < epoch->layers; l++) {
        print_cell(stream, epoch->health[l].gradient_norm, "%.6g");
        print_cell(stream, epoch->health[l].update_ratio, "%.6g");
        print_cell(stream, epoch->health[l].saturated, "%.6g");
        print_cell(stream, epoch->health[l].dead, "%.6g");
    }
    fputc('\n', stream);
    if (fflush(stream) == 0 && !ferror(stream)) return SP_OK;
    return sp_fail(error, SP_FAILED, "%s/metrics.csv: writing failed (%s); free some space", rundir->folder,
                   strerror(errno));
}

sp_status sp_rundir_save_model(sp_rundir *rundir, const sp_model *model, sp_error *error) {
    char path[PATH];
    sp_status status = path_of(rundir, "model.safetensors", path, error);
    return status ? status : sp_model_save(model, path, error);
}

static bool add_phases(sp_json *root, const sp_summary *summary) {
    if (isnan(summary->phase_seconds[0])) return true; /* nobody asked */
    sp_json *phases = sp_json_add_object(root, "phases");
    bool good = true;
    for (int i = 0; i < SP_PHASES; i++)
        good = sp_json_add_number(phases, sp_phase_name((sp_phase)i), summary->phase_seconds[i]) && good;
    return good;
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

static sp_json *summary_document(const sp_summary *summary, const sp_diagnosis *diagnosis) {
    char hash[20];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)summary->weights_xxh64);
    sp_json *root = sp_json_object();
    bool good = sp_json_add_text(root, "status", summary->status);
    good = sp_json_add_count(root, "epochs", summary->epochs) && good;
    good = sp_json_add_count(root, "best_epoch", summary->best_epoch) && good;
    good = sp_json_add_number(root, "train_loss", summary->train_loss) && good;
    good = sp_json_add_number(root, "train_accuracy", summary->train_accuracy) && good;
    good = sp_json_add_number(root, "validation_loss", summary->validation_loss) && good;
    good = sp_json_add_number(root, "validation_accuracy", summary->validation_accuracy) && good;
    good = sp_json_add_number(root, "test_loss", summary->test_loss) && good;
    good = sp_json_add_number(root, "test_accuracy", summary->test_accuracy) && good;
    good = add_metrics(root, summary) && good;
    good = sp_json_add_number(root, "train_seconds", summary->train_seconds) && good;
    good = sp_json_add_number(root, "total_seconds", summary->total_seconds) && good;
    good = sp_json_add_number(root, "samples_per_second", summary->samples_per_second) && good;
    good = sp_json_add_count(root, "threads", summary->threads) && good;
    good = sp_json_add_count(root, "shards", summary->shards) && good;
    good = sp_json_add_count(root, "parameters", summary->parameters) && good;
    good = sp_json_add_count(root, "dropped_rows", summary->dropped_rows) && good;
    good = add_phases(root, summary) && good;
    good = add_warnings(root, diagnosis) && good;
    good = sp_json_add_text(root, "weights_xxh64", hash) && good;
    good = sp_json_add_text(root, "version", sp_version()) && good;
    if (good) return root;
    sp_json_destroy(root);
    return NULL;
}

sp_status sp_rundir_save_summary(sp_rundir *rundir, const sp_summary *summary, const sp_diagnosis *diagnosis,
                                 sp_error *error) {
    char path[PATH];
    sp_output *output;
    sp_status status = path_of(rundir, "summary.json", path, error);
    if (status) return status;
    sp_json *root = summary_document(summary, diagnosis);
    char *text = root ? sp_json_print(root, true) : NULL;
    sp_json_destroy(root);
    if (!text) return sp_fail_memory(error, path, 0);
    status = sp_output_open(path, &output, error);
    if (!status) {
        fprintf(sp_output_stream(output), "%s\n", text);
        status = sp_output_commit(output, error);
    }
    free(text);
    return status;
}

void sp_rundir_destroy(sp_rundir *rundir) {
    if (!rundir) return;
    if (rundir->metrics) fclose(rundir->metrics);
    free(rundir);
}
