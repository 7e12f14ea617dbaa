#include "identity.h"

#include "base/error.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum { NAME = 80, VALUE = SP_VALUE_ROOM };

/* ---- The data --------------------------------------------------------------------------------- */

static sp_status check_part(const sp_fingerprint *print, const char *name, const sp_safetensors *file,
                            sp_error *error) {
    uint64_t then[SP_PRINT_FIGURES];
    const uint64_t *now = print->figure;
    sp_status status = sp_record_take_counts(file, name, then, SP_PRINT_FIGURES, error);
    if (status || memcmp(now, then, sizeof then) == 0) return status;
    const char *path = print->path ? print->path : "no rows";
    if (now[SP_PRINT_ROWS] != then[SP_PRINT_ROWS] || now[SP_PRINT_FEATURES] != then[SP_PRINT_FEATURES] ||
        now[SP_PRINT_CONTENT] != then[SP_PRINT_CONTENT])
        return sp_fail(error, SP_BAD_DATA,
                       "%s: %s: holds other data (%llu rows, hash %016llx) than this run was trained on (%llu rows, "
                       "hash %016llx); put those back, or train anew without --resume",
                       path, name, (unsigned long long)now[SP_PRINT_ROWS], (unsigned long long)now[SP_PRINT_CONTENT],
                       (unsigned long long)then[SP_PRINT_ROWS], (unsigned long long)then[SP_PRINT_CONTENT]);
    return sp_fail(error, SP_BAD_DATA,
                   "%s: %s: other rows are taken (%llu) than this run was trained on (%llu); train anew without "
                   "--resume",
                   path, name, (unsigned long long)now[SP_PRINT_TAKEN], (unsigned long long)then[SP_PRINT_TAKEN]);
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

/* Whether the key says where the values are while they are used; they are the same anywhere. */
static bool is_of_cache(const char *name) {
    return begins_with(name, "data.cache") || strcmp(name, "data.memory_mb") == 0;
}

static void check_key(const sp_config *config, const sp_plan *plan, const sp_key *key, size_t epochs,
                      const sp_safetensors *file, sp_error *error) {
    char name[NAME], stored[NAME + 8], value[VALUE], place[SP_PLACE];
    snprintf(name, sizeof name, "%s.%s", key->section, key->name);
    if (is_of_cache(name)) return;
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

void sp_identity_record(const sp_config *config, const sp_origin *origin, sp_record *record) {
    char name[NAME + 8], value[VALUE];
    sp_record_put_text(record, "kernels", origin->kernels, sizeof origin->kernels);
    for (size_t i = 0; i < sp_key_count; i++) {
        snprintf(name, sizeof name, "config.%s.%s", sp_keys[i].section, sp_keys[i].name);
        sp_config_print(config, &sp_keys[i], value, sizeof value);
        sp_record_put_text(record, name, value, strlen(value));
    }
    for (int i = 0; i < SP_PARTS; i++)
        sp_record_put_counts(record, sp_origin_part_name(i), origin->parts[i].figure, SP_PRINT_FIGURES);
}

sp_status sp_identity_check(const sp_config *config, const sp_origin *origin, const sp_plan *plan, size_t epochs,
                            const sp_safetensors *file, sp_error *error) {
    size_t before = error->faults;
    for (size_t i = 0; i < sp_key_count; i++) check_key(config, plan, &sp_keys[i], epochs, file, error);
    if (error->faults > before) return error->status; /* other data may be but what comes of that */
    const char *then = sp_safetensors_text(file, "kernels");
    if (!then || strcmp(then, origin->kernels) != 0) {
        char place[SP_PLACE];
        sp_config_place(config, "parallel.kernels", place, sizeof place);
        return sp_fail(error, SP_BAD_CONFIG,
                       "%s: the kernels are %s, but this run was trained with %s, whose bits are others; set "
                       "parallel.kernels, or use such a processor",
                       place, origin->kernels, then ? then : "others");
    }
    for (int i = 0; i < SP_PARTS; i++) check_part(&origin->parts[i], sp_origin_part_name(i), file, error);
    return error->faults > before ? error->status : SP_OK;
}
