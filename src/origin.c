#include "origin.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const part_names[SP_PARTS] = {"data.train", "data.validation", "data.test"};

const char *sp_origin_part_name(int part) {
    return part_names[part];
}

/* ---- As it is now ------------------------------------------------------------------------------ */

static uint64_t inputs_of(const sp_dataset *data) {
    const sp_table *table = data->table;
    if (table->store) return sp_store_hash(table->store);
    return sp_hash_bytes(table->values, sp_table_value_bytes(table), 0);
}

static uint64_t content_of(const sp_dataset *data, uint64_t inputs) {
    size_t rows = data->table->rows;
    uint64_t hash = inputs;
    if (data->classes) hash = sp_hash_bytes(data->classes, rows * sizeof *data->classes, hash);
    if (data->values) hash = sp_hash_bytes(data->values, rows * data->targets * sizeof *data->values, hash);
    if (data->weights) hash = sp_hash_bytes(data->weights, rows * sizeof *data->weights, hash);
    return hash;
}

/* `before`: the fingerprints there are, as parts may share a file, which is hashed once. */
static sp_fingerprint describe(const sp_part *part, const sp_data *data, const char *const labels[SP_PARTS],
                               const sp_fingerprint *before, int count) {
    sp_fingerprint print = {0};
    if (part->rows.count == 0) return print;
    print.path = part->data->table->path;
    print.figure[SP_PRINT_ROWS] = part->data->table->rows;
    print.figure[SP_PRINT_FEATURES] = part->data->table->features;
    print.figure[SP_PRINT_TAKEN] = part->rows.count;
    print.figure[SP_PRINT_WHICH] = sp_hash_bytes(part->rows.index, part->rows.count * sizeof *part->rows.index, 0);
    for (int i = 0; i < SP_PARTS; i++)
        if (part->data == data->files[i] && *labels[i]) print.labels = labels[i];
    for (int i = 0; i < count; i++) {
        if (before[i].path != print.path) continue;
        print.inputs = before[i].inputs;
        print.figure[SP_PRINT_CONTENT] = before[i].figure[SP_PRINT_CONTENT];
        return print;
    }
    print.inputs = inputs_of(part->data);
    print.figure[SP_PRINT_CONTENT] = content_of(part->data, print.inputs);
    return print;
}

static uint64_t hash_of_file(const char *path) {
    sp_error ignored = {0};
    char *bytes;
    size_t size;
    if (!*path || sp_file_read(path, SIZE_MAX / 4, &bytes, &size, &ignored)) return 0;
    uint64_t hash = sp_hash_bytes(bytes, size, 0);
    free(bytes);
    return hash;
}

static const char *file_of_model(const char *path, char joined[4096]) {
    return sp_is_folder(path) && sp_path_join(joined, 4096, path, "model.safetensors") ? joined : path;
}

void sp_origin_describe(const sp_config *config, const sp_data *data, const sp_kernels *kernels, sp_origin *origin) {
    char path[4096];
    const sp_part *const parts[SP_PARTS] = {&data->train, &data->validation, &data->test};
    const char *const labels[SP_PARTS] = {config->data.train_labels, config->data.validation_labels,
                                          config->data.test_labels};
    const char *target = sp_kernels_target(kernels);
    for (int i = 0; i < SP_PARTS; i++) origin->parts[i] = describe(parts[i], data, labels, origin->parts, i);
    snprintf(origin->kernels, sizeof origin->kernels, "%s%s%s", kernels->name, *target ? " for " : "", target);
    origin->init_from = config->network.init_from;
    origin->init_xxh64 = hash_of_file(file_of_model(origin->init_from, path));
}

/* ---- In summary.json --------------------------------------------------------------------------- */

static bool add_hash(sp_json *object, const char *name, uint64_t hash) {
    char text[20];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
    return sp_json_add_text(object, name, text);
}

static bool add_part(sp_json *data, const char *name, const sp_fingerprint *print) {
    if (!print->path) return true;
    sp_json *part = sp_json_add_object(data, name);
    bool good = sp_json_add_text(part, "path", sp_is_utf8(print->path) ? print->path : "?");
    if (print->labels) good = sp_json_add_text(part, "labels", sp_is_utf8(print->labels) ? print->labels : "?") && good;
    good = sp_json_add_count(part, "rows", print->figure[SP_PRINT_ROWS]) && good;
    good = sp_json_add_count(part, "columns", print->figure[SP_PRINT_FEATURES]) && good;
    good = add_hash(part, "inputs_xxh64", print->inputs) && good;
    good = add_hash(part, "content_xxh64", print->figure[SP_PRINT_CONTENT]) && good;
    good = sp_json_add_count(part, "taken", print->figure[SP_PRINT_TAKEN]) && good;
    return add_hash(part, "taken_xxh64", print->figure[SP_PRINT_WHICH]) && good;
}

bool sp_origin_add(const sp_origin *origin, sp_json *summary) {
    bool good = sp_json_add_text(summary, "kernels", origin->kernels);
    good = sp_json_add_text(summary, "compiler", sp_host_compiler()) && good;
    sp_json *data = sp_json_add_object(summary, "data");
    for (int i = 0; i < SP_PARTS; i++)
        good = add_part(data, part_names[i] + strlen("data."), &origin->parts[i]) && good;
    if (origin->init_xxh64 != 0) good = add_hash(data, "init_from_xxh64", origin->init_xxh64) && good;
    return good && data;
}

/* ---- As it was then ---------------------------------------------------------------------------- */

static bool hash_is(const sp_json *object, const char *name, uint64_t hash) {
    char text[20];
    const char *then = sp_json_text(sp_json_member(object, name));
    snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
    return then && strcmp(then, text) == 0;
}

static void check_part(const char *name, const sp_fingerprint *print, const sp_json *part, sp_error *error) {
    if (!print->path && !part) return;
    if (!print->path || !part) {
        sp_fail(error, SP_BAD_DATA, "%s: %s: there are %s rows for that now, and the run had %s; put its data back",
                print->path ? print->path : "no file", name, print->path ? "some" : "no", part ? "some" : "none");
        return;
    }
    bool inputs = hash_is(part, "inputs_xxh64", print->inputs);
    bool shape = sp_json_count_of(part, "rows") == print->figure[SP_PRINT_ROWS] &&
                 sp_json_count_of(part, "columns") == print->figure[SP_PRINT_FEATURES];
    const char *path = inputs && shape && print->labels ? print->labels : print->path;
    if (!shape || !hash_is(part, "content_xxh64", print->figure[SP_PRINT_CONTENT])) {
        const char *then = sp_json_text(sp_json_member(part, "content_xxh64"));
        sp_fail(error, SP_BAD_DATA,
                "%s: %s: its %s are others now (%llu rows, hash %016llx) than the run was trained on (%zu rows, hash "
                "%.16s); put that file back",
                path, name, inputs && shape ? "targets" : "values", (unsigned long long)print->figure[SP_PRINT_ROWS],
                (unsigned long long)print->figure[SP_PRINT_CONTENT], sp_json_count_of(part, "rows"),
                then ? then : "unknown");
    } else if (!hash_is(part, "taken_xxh64", print->figure[SP_PRINT_WHICH]))
        sp_fail(error, SP_BAD_DATA,
                "%s: %s: other rows of it are taken (%llu) than by the run (%zu); is config.ini as "
                "the run left it?",
                path, name, (unsigned long long)print->figure[SP_PRINT_TAKEN], sp_json_count_of(part, "taken"));
}

sp_status sp_origin_check_data(const sp_origin *origin, const sp_json *summary, bool *known, sp_error *error) {
    const sp_json *data = sp_json_member(summary, "data");
    size_t before = error->faults;
    *known = data != NULL;
    if (!data) return SP_OK;
    for (int i = 0; i < SP_PARTS; i++) {
        const char *path = origin->parts[i].path; /* which may be shared: told once */
        if (i > 0 && path && path == origin->parts[0].path && error->faults > before) continue;
        check_part(part_names[i], &origin->parts[i], sp_json_member(data, part_names[i] + strlen("data.")), error);
    }
    if (sp_json_member(data, "init_from_xxh64") && !hash_is(data, "init_from_xxh64", origin->init_xxh64))
        sp_fail(error, SP_BAD_DATA, "%s: network.init_from is another model than when the run started; put that back",
                origin->init_from);
    return error->faults > before ? error->status : SP_OK;
}
