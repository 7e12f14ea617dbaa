#include "identity.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { NAME = 80, VALUE = SP_MOST_LAYERS * 16 };

/* ---- The data --------------------------------------------------------------------------------- */

/* Of the rows for one purpose: their file's size and content, as they are after reading; how many, and which. */
enum { ROWS, FEATURES, CONTENT, TAKEN, WHICH, FIGURES };

static uint64_t content_of(const sp_dataset *data) {
    const sp_table *table = data->table;
    size_t values = table->rows * table->features * (table->bytes ? 1 : sizeof(float));
    uint64_t hash = sp_hash_bytes(table->values, values, 0);
    if (data->classes) hash = sp_hash_bytes(data->classes, table->rows * sizeof *data->classes, hash);
    if (data->values) hash = sp_hash_bytes(data->values, table->rows * data->targets * sizeof *data->values, hash);
    if (data->weights) hash = sp_hash_bytes(data->weights, table->rows * sizeof *data->weights, hash);
    return hash;
}

static void describe(const sp_part *part, uint64_t figures[FIGURES]) {
    memset(figures, 0, FIGURES * sizeof *figures);
    if (part->rows.count == 0) return;
    figures[ROWS] = part->data->table->rows;
    figures[FEATURES] = part->data->table->features;
    figures[CONTENT] = content_of(part->data);
    figures[TAKEN] = part->rows.count;
    figures[WHICH] = sp_hash_bytes(part->rows.index, part->rows.count * sizeof *part->rows.index, 0);
}

enum { PARTS = 3 };
static const char *const part_names[PARTS] = {"data.train", "data.validation", "data.test"};

static const sp_part *part_at(const sp_data *data, int index) {
    const sp_part *const parts[PARTS] = {&data->train, &data->validation, &data->test};
    return parts[index];
}

static sp_status check_part(const sp_data *data, int index, const sp_safetensors *file, sp_error *error) {
    uint64_t now[FIGURES], then[FIGURES];
    describe(part_at(data, index), now);
    sp_status status = sp_record_take_counts(file, part_names[index], then, FIGURES, error);
    if (status || memcmp(now, then, sizeof now) == 0) return status;
    const char *path = now[TAKEN] > 0 ? part_at(data, index)->data->table->path : "no rows";
    if (now[ROWS] != then[ROWS] || now[FEATURES] != then[FEATURES] || now[CONTENT] != then[CONTENT])
        return sp_fail(error, SP_BAD_DATA,
                       "%s: %s: holds other data (%llu rows, hash %016llx) than this run was trained on (%llu rows, "
                       "hash %016llx); put those back, or train anew without --resume",
                       path, part_names[index], (unsigned long long)now[ROWS], (unsigned long long)now[CONTENT],
                       (unsigned long long)then[ROWS], (unsigned long long)then[CONTENT]);
    return sp_fail(error, SP_BAD_DATA,
                   "%s: %s: other rows are taken (%llu) than this run was trained on (%llu); train anew without "
                   "--resume",
                   path, part_names[index], (unsigned long long)now[TAKEN], (unsigned long long)then[TAKEN]);
}

/* ---- The configuration ------------------------------------------------------------------------- */

static bool begins_with(const char *name, const char *start) {
    return strncmp(name, start, strlen(start)) == 0;
}

/* Whether the key names a file, whose content is compared instead; a share of rows is none. */
static bool is_file(const char *name, const char *now, const char *then) {
    static const char *const files[] = {"data.train", "data.test", "data.validation"};
    for (int i = 0; i < 3; i++) {
        if (!begins_with(name, files[i])) continue;
        bool labels = strcmp(name + strlen(files[i]), "_labels") == 0;
        if (labels || (*now && *then && sp_config_share(now) == 0 && sp_config_share(then) == 0)) return true;
    }
    return false;
}

/* Why a key may not have become `now`, in words that follow "so that"; NULL: it may. */
static const char *why_not(const sp_plan *plan, const char *name, const char *now, const char *then, size_t epochs) {
    long long more, before;
    if (strcmp(now, then) == 0 || begins_with(name, "output.") || is_file(name, now, then)) return NULL;
    if (strcmp(name, "parallel.threads") == 0 || strcmp(name, "parallel.reduction") == 0 ||
        strcmp(name, "parallel.kernels") == 0) /* whose name is compared */
        return NULL;
    bool numbers = sp_parse_whole(now, &more) && sp_parse_whole(then, &before);
    if (strcmp(name, "train.epochs") == 0 && numbers) {
        if (sp_schedule_knows_its_end(&plan->schedule)) return "the learning rates of its schedule depend on that";
        return (size_t)more >= epochs ? NULL : "more epochs than that are done";
    }
    if (strcmp(name, "train.patience") == 0 && numbers)
        return more == 0 || (before > 0 && more > before) ? NULL : "it might have stopped earlier";
    return "the weights would be others";
}

static void check_key(const sp_config *config, const sp_plan *plan, const sp_key *key, size_t epochs,
                      const sp_safetensors *file, sp_error *error) {
    char name[NAME], stored[NAME + 8], value[VALUE], place[SP_PLACE];
    snprintf(name, sizeof name, "%s.%s", key->section, key->name);
    snprintf(stored, sizeof stored, "config.%s", name);
    sp_config_print(config, key, value, sizeof value);
    const char *then = sp_safetensors_text(file, stored), *why = NULL;
    if (then) why = why_not(plan, name, value, then, epochs);
    if (then && !why) return;
    sp_config_place(config, name, place, sizeof place);
    sp_fail(error, SP_BAD_CONFIG,
            "%s: %s = '%.80s', but this run was trained with '%.80s': %s; set it back, or train anew without --resume",
            place, name, value, then ? then : "nothing of the kind", why ? why : "the weights would be others");
}

/* ---- All ---------------------------------------------------------------------------------------- */

/* Kernels have bits of their own, on each type of processor. */
static void name_kernels(const sp_plan *plan, char text[NAME]) {
    const char *target = sp_kernels_target(plan->kernels);
    snprintf(text, NAME, "%s%s%s", plan->kernels->name, *target ? " for " : "", target);
}

void sp_identity_record(const sp_config *config, const sp_data *data, const sp_plan *plan, sp_record *record) {
    char kernels[NAME], name[NAME + 8], value[VALUE];
    name_kernels(plan, kernels);
    sp_record_put_text(record, "kernels", kernels, NAME);
    for (size_t i = 0; i < sp_key_count; i++) {
        snprintf(name, sizeof name, "config.%s.%s", sp_keys[i].section, sp_keys[i].name);
        sp_config_print(config, &sp_keys[i], value, sizeof value);
        sp_record_put_text(record, name, value, strlen(value));
    }
    for (int i = 0; i < PARTS; i++) {
        uint64_t figures[FIGURES];
        describe(part_at(data, i), figures);
        sp_record_put_counts(record, part_names[i], figures, FIGURES);
    }
}

sp_status sp_identity_check(const sp_config *config, const sp_data *data, const sp_plan *plan, size_t epochs,
                            const sp_safetensors *file, sp_error *error) {
    size_t before = error->faults;
    char kernels[NAME];
    for (size_t i = 0; i < sp_key_count; i++) check_key(config, plan, &sp_keys[i], epochs, file, error);
    if (error->faults > before) return error->status; /* other data may be but what comes of that */
    name_kernels(plan, kernels);
    const char *then = sp_safetensors_text(file, "kernels");
    if (!then || strcmp(then, kernels) != 0) {
        char place[SP_PLACE];
        sp_config_place(config, "parallel.kernels", place, sizeof place);
        return sp_fail(error, SP_BAD_CONFIG,
                       "%s: the kernels are %s, but this run was trained with %s, whose bits are others; set "
                       "parallel.kernels, or use such a processor",
                       place, kernels, then ? then : "others");
    }
    for (int i = 0; i < PARTS; i++) check_part(data, i, file, error);
    return error->faults > before ? error->status : SP_OK;
}
