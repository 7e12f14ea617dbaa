/* The plots of a scaling experiment. */
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "out/chart.h"
#include "out/scaling.h"

#include <stdio.h>
#include <stdlib.h>

enum { PATH = 4096, NAME = 60, WIDTH = 760, HEIGHT = 480 };

static sp_status write_chart(const sp_scaling *scaling, const char *name, const sp_chart *chart, sp_error *error) {
    static const struct {
        const char *suffix;
        sp_chart_format format;
    } formats[] = {{"png", SP_CHART_PNG}, {"svg", SP_CHART_SVG}};
    for (int i = 0; i < 2; i++) {
        char path[PATH], file[NAME];
        snprintf(file, sizeof file, "%s.%s", name, formats[i].suffix);
        if (!sp_path_join(path, sizeof path, scaling->folder, file))
            return sp_fail(error, SP_BAD_CONFIG, "%s: is too long a path; use a shorter one", scaling->folder);
        sp_status status = sp_chart_write(chart, formats[i].format, path, error);
        if (status) return status;
    }
    return SP_OK;
}

/* What tells curve `c` from the others. */
static void name_curve(const sp_scaling *scaling, size_t c, char name[NAME]) {
    const sp_scale_point *first = &scaling->curve[c].point[0];
    snprintf(name, NAME, "batch %zu, %zu shard%s%s", first->batch_size, first->shards, first->shards == 1 ? "" : "s",
             scaling->weak ? " a thread" : "");
}

/* ---- Lines over threads --------------------------------------------------------------------------- */

/* One curve's numbers. */
typedef struct line {
    char name[NAME];
    double *x, *y, *spread; /* owned [points] */
} line;

static void clear_lines(line *lines, size_t count) {
    for (size_t c = 0; lines && c < count; c++) {
        free(lines[c].x);
        free(lines[c].y);
        free(lines[c].spread);
    }
    free(lines);
}

/* Speed-ups, or efficiencies in per cent, with half of what lies between the quartiles. */
static bool fill_line(const sp_scaling *scaling, size_t c, bool efficiency, line *to) {
    const sp_scale_curve *curve = &scaling->curve[c];
    name_curve(scaling, c, to->name);
    to->x = sp_allocate(curve->points, sizeof *to->x);
    to->y = sp_allocate(curve->points, sizeof *to->y);
    to->spread = sp_allocate(curve->points, sizeof *to->spread);
    if (!to->x || !to->y || !to->spread) return false;
    for (size_t i = 0; i < curve->points; i++) {
        const sp_scale_point *point = &curve->point[i];
        to->x[i] = (double)point->threads;
        to->y[i] = efficiency ? 100 * point->efficiency : point->speedup;
        to->spread[i] = to->y[i] * sp_spread_relative(&point->rate);
    }
    return true;
}

/* What would be ideal, from one thread to the most. */
static sp_series ideal_of(const sp_scaling *scaling, bool efficiency, double x[2], double y[2]) {
    x[0] = x[1] = 1;
    for (size_t c = 0; c < scaling->curves; c++)
        for (size_t i = 0; i < scaling->curve[c].points; i++)
            if ((double)scaling->curve[c].point[i].threads > x[1]) x[1] = (double)scaling->curve[c].point[i].threads;
    y[0] = efficiency ? 100 : x[0];
    y[1] = efficiency ? 100 : x[1];
    return (sp_series){.name = "ideal", .count = 2, .x = x, .y = y, .style = SP_CHART_LINES, .dashed = true};
}

static sp_status draw_lines(const sp_scaling *scaling, bool efficiency, sp_error *error) {
    size_t count = scaling->curves;
    double x[2], y[2];
    line *lines = calloc(count, sizeof *lines);
    sp_series *series = calloc(count + 1, sizeof *series);
    bool good = lines && series;
    char title[160];
    snprintf(title, sizeof title, "%s: %s of %s scaling", scaling->name, efficiency ? "efficiency" : "speed-up",
             scaling->weak ? "weak" : "strong");
    for (size_t c = 0; good && c < count; c++) {
        good = fill_line(scaling, c, efficiency, &lines[c]);
        series[c] = (sp_series){.name = lines[c].name,
                                .count = scaling->curve[c].points,
                                .x = lines[c].x,
                                .y = lines[c].y,
                                .spread = lines[c].spread};
    }
    sp_status status = good ? SP_OK : sp_fail_memory(error, "the plots", count * sizeof *series);
    if (!status) {
        series[count] = ideal_of(scaling, efficiency, x, y);
        sp_chart chart = {.title = title,
                          .x_label = "threads",
                          .y_label = efficiency ? "efficiency (%)" : "speed-up",
                          .whole_x = true,
                          .series = series,
                          .series_count = count + 1,
                          .width = WIDTH,
                          .height = HEIGHT};
        status = write_chart(scaling, efficiency ? "efficiency" : "speedup", &chart, error);
    }
    clear_lines(lines, count);
    free(series);
    return status;
}

/* ---- Phases --------------------------------------------------------------------------------------- */

/* Microseconds of all threads together for a row, by phase: bars that would stay as high, were scaling ideal. */
static sp_status draw_phases(const sp_scaling *scaling, size_t c, sp_error *error) {
    const sp_scale_curve *curve = &scaling->curve[c];
    char name[NAME] = "phases", of[NAME], title[200];
    double *y = sp_allocate(SP_PHASES * curve->points, sizeof *y);
    char(*labels)[24] = calloc(curve->points, sizeof *labels);
    const char **ticks = calloc(curve->points, sizeof *ticks);
    sp_series series[SP_PHASES];
    sp_status status = y && labels && ticks ? SP_OK : sp_fail_memory(error, "the plots", curve->points * sizeof *y);
    for (size_t i = 0; i < curve->points && !status; i++) {
        const sp_scale_point *point = &curve->point[i];
        double each = 1e6 * (double)point->threads / point->rate.median;
        for (size_t p = 0; p < SP_PHASES; p++) y[p * curve->points + i] = each * point->phases[p];
        snprintf(labels[i], sizeof *labels, "%zu", point->threads);
        ticks[i] = labels[i];
    }
    for (size_t p = 0; p < SP_PHASES && !status; p++)
        series[p] = (sp_series){.name = sp_phase_name((sp_phase)p),
                                .count = curve->points,
                                .y = y + p * curve->points,
                                .style = SP_CHART_STACKED};
    name_curve(scaling, c, of);
    snprintf(title, sizeof title, "%s: where the threads' time goes (%s)", scaling->name, of);
    if (scaling->curves > 1)
        snprintf(name, sizeof name, "phases-b%zu-s%zu", curve->point[0].batch_size, curve->point[0].shards);
    sp_chart chart = {.title = title,
                      .x_label = "threads",
                      .y_label = "us a row, all threads together",
                      .ticks = ticks,
                      .tick_count = curve->points,
                      .series = series,
                      .series_count = SP_PHASES,
                      .width = WIDTH,
                      .height = HEIGHT};
    if (!status) status = write_chart(scaling, name, &chart, error);
    free(y);
    free(labels);
    free(ticks);
    return status;
}

sp_status sp_scaling_draw(const sp_scaling *scaling, sp_error *error) {
    sp_status status = draw_lines(scaling, false, error);
    if (!status) status = draw_lines(scaling, true, error);
    for (size_t c = 0; c < scaling->curves && !status; c++) status = draw_phases(scaling, c, error);
    return status;
}
