/* The numbers of a scaling experiment as CSV and JSON. */
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "out/scaling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = 4096 };

static sp_status open_file(const sp_scaling *scaling, const char *name, sp_output **output, sp_error *error) {
    char path[PATH];
    if (sp_path_join(path, sizeof path, scaling->folder, name)) return sp_output_open(path, output, error);
    return sp_fail(error, SP_BAD_CONFIG, "%s: is too long a path; use a shorter one", scaling->folder);
}

/* ---- CSV ------------------------------------------------------------------------------------------ */

/* A comma, and the number; nothing where it is none. */
static void put(FILE *file, double value) {
    char text[40] = "";
    if (isfinite(value)) sp_print_real(value, text, sizeof text);
    fprintf(file, ",%s", text);
}

static void put_header(FILE *file) {
    fputs("batch_size,shards,threads,oversubscribed,shared_cores,epochs,repetitions,samples_per_second,lower_quartile,"
          "upper_quartile,least,most,speedup,efficiency,karp_flatt,flops,peak_flops,bytes,copy_bytes,roofline_share,"
          "disturbed",
          file);
    for (int i = 0; i < SP_PHASES; i++) fprintf(file, ",%s", sp_phase_name((sp_phase)i));
    fputs(",imbalance\n", file);
}

static void put_point(FILE *file, const sp_scaling *scaling, const sp_scale_point *point) {
    const double values[] = {point->rate.median, point->rate.lower,    point->rate.upper, point->rate.least,
                             point->rate.most,   point->speedup,       point->efficiency, point->karp_flatt,
                             point->flops,       point->ceiling.flops, point->bytes,      point->ceiling.bytes,
                             point->roofline,    point->disturbed};
    fprintf(file, "%zu,%zu,%zu,%d,%d,%zu,%zu", point->batch_size, point->shards, point->threads, point->oversubscribed,
            point->siblings, point->epochs - point->warm, scaling->repetitions);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) put(file, values[i]);
    for (int i = 0; i < SP_PHASES; i++) put(file, point->phases[i]);
    put(file, point->imbalance);
    fputc('\n', file);
}

sp_status sp_scaling_save_csv(const sp_scaling *scaling, sp_error *error) {
    sp_output *output;
    sp_status status = open_file(scaling, "scale.csv", &output, error);
    if (status) return status;
    FILE *file = sp_output_stream(output);
    put_header(file);
    for (size_t c = 0; c < scaling->curves; c++)
        for (size_t i = 0; i < scaling->curve[c].points; i++) put_point(file, scaling, &scaling->curve[c].point[i]);
    return sp_output_commit(output, error);
}

/* ---- JSON ----------------------------------------------------------------------------------------- */

static bool add_run(sp_json *array, const sp_scale_run *run) {
    static const char *const kinds[] = {"measured", "phases", "check"};
    char hash[20];
    sp_json *object = sp_json_append_object(array);
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)run->hash);
    bool good = sp_json_add_text(object, "name", run->name);
    good = sp_json_add_text(object, "kind", kinds[run->kind]) && good;
    good = sp_json_add_count(object, "threads", run->threads) && good;
    good = sp_json_add_number(object, "seconds", run->seconds) && good;
    good = sp_json_add_number(object, "samples_per_second", run->rate) && good;
    good = sp_json_add_number(object, "busy_with_others", run->others) && good;
    return sp_json_add_text(object, "weights_xxh64", hash) && good;
}

static bool add_rates(sp_json *point, const sp_spread *rate) {
    sp_json *object = sp_json_add_object(point, "samples_per_second");
    bool good = sp_json_add_number(object, "median", rate->median);
    good = sp_json_add_number(object, "lower_quartile", rate->lower) && good;
    good = sp_json_add_number(object, "upper_quartile", rate->upper) && good;
    good = sp_json_add_number(object, "least", rate->least) && good;
    return sp_json_add_number(object, "most", rate->most) && good;
}

static bool add_speed(sp_json *object, const sp_scale_point *point) {
    bool good = add_rates(object, &point->rate);
    good = sp_json_add_number(object, "speedup", point->speedup) && good;
    good = sp_json_add_number(object, "efficiency", point->efficiency) && good;
    good = sp_json_add_number(object, "karp_flatt", point->karp_flatt) && good;
    good = sp_json_add_number(object, "flops", point->flops) && good;
    good = sp_json_add_number(object, "peak_flops", point->ceiling.flops) && good;
    good = sp_json_add_number(object, "bytes", point->bytes) && good;
    good = sp_json_add_number(object, "copy_bytes", point->ceiling.bytes) && good;
    return sp_json_add_number(object, "roofline_share", point->roofline) && good;
}

static bool add_point(sp_json *array, const sp_scale_point *point) {
    sp_json *object = sp_json_append_object(array);
    bool good = sp_json_add_count(object, "batch_size", point->batch_size);
    good = sp_json_add_count(object, "shards", point->shards) && good;
    good = sp_json_add_count(object, "threads", point->threads) && good;
    good = sp_json_add_count(object, "oversubscribed", point->oversubscribed) && good;
    good = sp_json_add_count(object, "shared_cores", point->siblings) && good;
    good = sp_json_add_count(object, "warm_up_epochs", point->warm) && good;
    good = sp_json_add_count(object, "epochs", point->epochs) && good;
    good = add_speed(object, point) && good;
    good = sp_json_add_number(object, "disturbed", point->disturbed) && good;
    sp_json *phases = sp_json_add_object(object, "phases");
    for (int i = 0; i < SP_PHASES; i++)
        good = sp_json_add_number(phases, sp_phase_name((sp_phase)i), point->phases[i]) && good;
    good = sp_json_add_number(object, "imbalance", point->imbalance) && good;
    sp_json *runs = sp_json_add_array(object, "runs");
    for (size_t r = 0; r < point->runs; r++) good = add_run(runs, &point->run[r]) && good;
    return good;
}

static bool add_curve(sp_json *array, const sp_scale_curve *curve, bool weak) {
    sp_json *object = sp_json_append_object(array);
    bool good = sp_json_add_count(object, "fitted_points", curve->fitted);
    if (weak) {
        good = sp_json_add_number(object, "gustafson_serial", curve->gustafson) && good;
    } else {
        good = sp_json_add_number(object, "amdahl_serial", curve->amdahl.serial) && good;
        good = sp_json_add_number(object, "amdahl_serial_least", curve->serial_least) && good;
        good = sp_json_add_number(object, "amdahl_serial_most", curve->serial_most) && good;
        good = sp_json_add_number(object, "amdahl_error", curve->amdahl.error) && good;
        good = sp_json_add_number(object, "amdahl_ceiling", sp_amdahl_ceiling(curve->amdahl.serial)) && good;
    }
    sp_json *points = sp_json_add_array(object, "points");
    for (size_t i = 0; i < curve->points; i++) good = add_point(points, &curve->point[i]) && good;
    return good;
}

sp_status sp_scaling_save_json(const sp_scaling *scaling, sp_json *root, sp_error *error) {
    sp_output *output;
    bool good = sp_json_add_text(root, "config", scaling->name);
    good = sp_json_add_text(root, "scaling", scaling->weak ? "weak" : "strong") && good;
    good = sp_json_add_count(root, "rows", scaling->rows) && good;
    good = sp_json_add_number(root, "seconds", scaling->seconds) && good;
    good = sp_json_add_count(root, "repetitions", scaling->repetitions) && good;
    sp_json *curves = sp_json_add_array(root, "curves");
    for (size_t c = 0; c < scaling->curves; c++) good = add_curve(curves, &scaling->curve[c], scaling->weak) && good;
    char *text = good ? sp_json_print(root, true) : NULL;
    sp_json_destroy(root);
    if (!text) return sp_fail_memory(error, "scale.json", 1);
    sp_status status = open_file(scaling, "scale.json", &output, error);
    if (!status) {
        sp_output_write(output, text, strlen(text));
        status = sp_output_commit(output, error);
    }
    free(text);
    return status;
}
