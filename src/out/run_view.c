#include "out/run_view.h"

#include "base/error.h"
#include "base/file.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = 4096, NOTE = 2000 };

void sp_run_view_note(sp_run_view *run, const char *format, ...) {
    char text[NOTE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sp_names_add(&run->notes, text);
}

/* ---- Its files ------------------------------------------------------------------------------------ */

static sp_status read_config(sp_run_view *run, const char *path, sp_error *error) {
    run->config = sp_config_create();
    if (!run->config) return sp_fail_memory(error, path, 1);
    sp_status status = sp_config_load(run->config, path, error);
    if (!status) status = sp_config_check(run->config, error);
    if (!status) return SP_OK;
    sp_config_destroy(run->config);
    run->config = NULL;
    return status;
}

static sp_status read_history(sp_run_view *run, const char *path, sp_error *error) {
    return sp_history_read(path, &run->history, error);
}

static sp_status read_summary(sp_run_view *run, const char *path, sp_error *error) {
    return sp_json_load(path, &run->summary, error);
}

static sp_status read_model(sp_run_view *run, const char *path, sp_error *error) {
    return sp_model_load(path, &run->model, error);
}

/* What a missing file means to whoever reads the page. */
static const struct {
    const char *name, *missing;
    sp_status (*read)(sp_run_view *run, const char *path, sp_error *error);
} files[] = {{"config.ini", "There is no config.ini: how this run was configured is not known.", read_config},
             {"metrics.csv", "There is no metrics.csv: there are no curves.", read_history},
             {"summary.json", "There is no summary.json: this run is still going, or was killed.", read_summary},
             {"model.safetensors", "There is no model.safetensors yet: there is nothing to judge.", read_model}};
enum { FILES = sizeof files / sizeof *files };

static const char *last_part(const char *folder) {
    size_t length = strlen(folder);
    while (length > 0 && folder[length - 1] == '/') length--;
    while (length > 0 && folder[length - 1] != '/') length--;
    return folder[length] ? folder + length : folder;
}

/* One file; what is wrong with it is a note, the first line of the fault. SP_FAILED: there was no memory, or it could
 * not be read, which says nothing of the run. */
static sp_status read_file(sp_run_view *run, size_t file, size_t *read, sp_error *error) {
    char path[PATH];
    sp_error fault = {0};
    if (!sp_path_join(path, sizeof path, run->folder, files[file].name))
        return sp_fail(error, SP_BAD_CONFIG, "%s: is too long a path; use a shorter one", run->folder);
    if (!sp_file_exists(path)) {
        sp_run_view_note(run, "%s", files[file].missing);
        return SP_OK;
    }
    sp_status status = files[file].read(run, path, &fault);
    *read += status == SP_OK;
    if (status == SP_FAILED) return sp_fail(error, SP_FAILED, "%s", fault.text);
    if (status) sp_run_view_note(run, "%.*s", (int)strcspn(fault.text, "\n"), fault.text);
    return SP_OK;
}

sp_status sp_run_view_read(const char *folder, sp_run_view *run, sp_error *error) {
    size_t read = 0;
    sp_status status = SP_OK;
    *run = (sp_run_view){.folder = folder, .name = last_part(folder)};
    for (size_t i = 0; i < FILES && !status; i++) status = read_file(run, i, &read, error);
    if (status || read > 0) return status;
    return sp_fail(error, SP_BAD_DATA, "%s: no file of a run can be read in it (%s); name a run directory", folder,
                   run->notes.count > 0 ? run->notes.text[0] : "and there is no memory to say why");
}

void sp_run_view_clear(sp_run_view *run) {
    sp_config_destroy(run->config);
    sp_history_destroy(run->history);
    sp_json_destroy(run->summary);
    sp_model_destroy(run->model);
    sp_names_clear(&run->notes);
    *run = (sp_run_view){0};
}

/* ---- Its summary ---------------------------------------------------------------------------------- */

const char *sp_run_view_text(const sp_run_view *run, const char *name) {
    return run->summary ? sp_json_text(sp_json_member(run->summary, name)) : NULL;
}

double sp_run_view_number(const sp_run_view *run, const char *name) {
    return sp_json_number_of(run->summary, name);
}

const char *sp_run_view_status(const sp_run_view *run) {
    const char *status = sp_run_view_text(run, "status");
    return status ? status : run->summary ? "unknown" : "unfinished";
}
