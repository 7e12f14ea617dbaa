#include "cmd/scale_plan.h"

#include "base/error.h"
#include "base/text.h"
#include "config.h"
#include "shard.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ITEMS = 32, MOST_THREADS = 4096 };

/* ---- Lists ------------------------------------------------------------------------------------------ */

/* Ascending, each once. */
typedef struct list {
    size_t count, item[MOST_ITEMS];
} list;

static bool insert(list *l, size_t value) {
    size_t at = 0;
    while (at < l->count && l->item[at] < value) at++;
    if (at < l->count && l->item[at] == value) return true;
    if (l->count == MOST_ITEMS) return false;
    memmove(&l->item[at + 1], &l->item[at], (l->count - at) * sizeof *l->item);
    l->item[at] = value;
    l->count++;
    return true;
}

/* "1,2,4": whole numbers from 1 to `most`. */
static sp_status parse_list(const char *option, const char *text, size_t most, const char * or, list *l,
                            sp_error *error) {
    const char *at = text;
    l->count = 0;
    for (bool more = true; more;) {
        char number[24];
        long long value;
        size_t length = strcspn(at, ",");
        snprintf(number, sizeof number, "%.*s", (int)(length < 23 ? length : 23), at);
        if (!sp_parse_whole(number, &value) || value < 1 || (unsigned long long)value > most ||
            !insert(l, (size_t)value))
            return sp_fail(error, SP_BAD_CONFIG,
                           "%s: '%s' is not valid; it takes: whole numbers from 1 to %zu, up to %d, with commas "
                           "between%s",
                           option, text, most, MOST_ITEMS, or);
        more = at[length] == ',';
        at += length + more;
    }
    return SP_OK;
}

/* Powers of two, and the most that training may use here. */
static void list_threads(size_t most, list *l) {
    l->count = 0;
    for (size_t threads = 1; threads < most && l->count + 1 < MOST_ITEMS; threads *= 2) insert(l, threads);
    insert(l, most);
}

static sp_status choose_threads(const sp_options *options, const sp_findings *findings, list *l, sp_error *error) {
    if (options->threads && strcmp(options->threads, "auto") != 0)
        return parse_list("--threads", options->threads, MOST_THREADS, ", or auto", l, error);
    list_threads(findings->machine.threads, l);
    return SP_OK;
}

/* ---- Curves ----------------------------------------------------------------------------------------- */

/* What all points have in common. */
typedef struct common {
    const sp_plan *plan;
    list threads;
    size_t granted, cores; /* CPUs by mask and quota; cores by the mask */
    bool weak;
} common;

/* `shards` 0: as many as the batch size asks for. */
static void fill_point(const common *all, size_t batch, size_t shards, size_t threads, sp_scale_point *point) {
    size_t times = all->weak ? threads : 1;
    *point = (sp_scale_point){.batch_size = batch * times,
                              .threads = threads,
                              .row_flops = sp_row_flops(all->plan),
                              .step_bytes = sp_step_bytes(all->plan, batch * times),
                              .ceiling = {NAN, NAN},
                              .oversubscribed = threads > all->granted,
                              .siblings = threads > all->cores};
    point->shards =
        shards > 0 ? shards * times : sp_shard_auto(point->batch_size, point->row_flops * (double)point->batch_size);
}

static sp_status check_point(const common *all, const sp_scale_point *point, sp_error *error) {
    if (point->batch_size > all->plan->rows)
        return sp_fail(error, SP_BAD_CONFIG,
                       "scale: mini-batches of %zu rows want more than the %zu training rows; use smaller ones%s",
                       point->batch_size, all->plan->rows, all->weak ? ", or fewer threads" : "");
    if (point->shards > SP_MOST_SHARDS)
        return sp_fail(error, SP_BAD_CONFIG, "scale: %zu shards are too many; at most %d can be had", point->shards,
                       (int)SP_MOST_SHARDS);
    return SP_OK;
}

static sp_status add_curve(const common *all, size_t batch, size_t shards, sp_scaling *scaling, sp_error *error) {
    sp_scale_curve *curve = &scaling->curve[scaling->curves++];
    sp_status status = SP_OK;
    curve->point = calloc(all->threads.count, sizeof *curve->point);
    if (!curve->point) return sp_fail_memory(error, "the scaling", all->threads.count * sizeof *curve->point);
    curve->points = all->threads.count;
    for (size_t i = 0; i < curve->points && !status; i++) {
        fill_point(all, batch, shards, all->threads.item[i], &curve->point[i]);
        status = check_point(all, &curve->point[i], error);
    }
    return status;
}

static sp_status add_curves(const common *all, const list *batches, const list *shards, sp_scaling *scaling,
                            sp_error *error) {
    scaling->curve = calloc(batches->count * shards->count, sizeof *scaling->curve);
    sp_status status = scaling->curve ? SP_OK : sp_fail_memory(error, "the scaling", sizeof *scaling->curve);
    for (size_t b = 0; b < batches->count; b++)
        for (size_t s = 0; s < shards->count && !status; s++)
            status = add_curve(all, batches->item[b], shards->item[s], scaling, error);
    return status;
}

/* Batch sizes and shards as the config has them, where no list is given. */
static sp_status choose_curves(const sp_options *options, common *all, bool auto_shards, sp_scaling *scaling,
                               sp_error *error) {
    list batches = {1, {all->plan->batch_size}}, shards = {1, {auto_shards ? 0 : all->plan->shards}};
    sp_status status = SP_OK;
    if (options->batch_sizes)
        status = parse_list("--batch-sizes", options->batch_sizes, 1000000000, "", &batches, error);
    if (!status && options->shards)
        status = parse_list("--shards", options->shards, SP_MOST_SHARDS, "", &shards, error);
    scaling->rows = all->plan->rows;
    scaling->granted = all->granted;
    return status ? status : add_curves(all, &batches, &shards, scaling, error);
}

/* CPUs that are granted: of the affinity mask, by the quota. */
static size_t granted_cpus(const sp_machine *machine) {
    size_t quota = (size_t)ceil(machine->quota), cpus = machine->topology.allowed_cpus;
    return quota > 0 && quota < cpus ? quota : cpus;
}

sp_status sp_scale_plan(const sp_options *options, const sp_findings *findings, sp_scaling *scaling, sp_error *error) {
    common all = {.weak = scaling->weak,
                  .granted = granted_cpus(&findings->machine),
                  .cores = findings->machine.topology.allowed_cores};
    sp_config *config;
    sp_data *data = NULL;
    sp_plan plan = {0};
    sp_status status = choose_threads(options, findings, &all.threads, error);
    if (!status) status = sp_options_config(options, &config, error);
    if (status) return status;
    bool auto_shards = config->parallel.shards == SP_AUTO;
    status = sp_data_load(config, &data, error);
    if (!status) status = sp_plan_create(config, data, &plan, error);
    all.plan = &plan;
    if (!status) status = choose_curves(options, &all, auto_shards, scaling, error);
    sp_plan_clear(&plan);
    sp_data_destroy(data);
    sp_config_destroy(config);
    return status;
}
