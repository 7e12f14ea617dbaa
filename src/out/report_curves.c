#include "base/error.h"
#include "base/memory.h"
#include "out/report_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- A column ----------------------------------------------------------------------------------------- */

enum { MOST_POINTS = 400, NAME = 64 };

bool sp_curve_take(sp_page *page, const sp_history *history, const char *name, sp_curve *curve) {
    long column = history ? sp_history_find(history, name) : SP_NOT_FOUND;
    *curve = (sp_curve){.least = INFINITY, .most = -INFINITY};
    if (column == SP_NOT_FOUND || page->status) return false;
    size_t rows = sp_history_rows(history);
    curve->step = rows / MOST_POINTS + 1;
    curve->epoch = sp_allocate(rows, sizeof *curve->epoch);
    curve->value = sp_allocate(rows, sizeof *curve->value);
    if (!curve->epoch || !curve->value)
        page->status = sp_fail_memory(page->error, "a curve", sp_bytes(rows, 2 * sizeof(double)));
    for (size_t i = 0; i < rows && !page->status; i++) {
        if (i % curve->step != 0 && i + 1 < rows) continue;
        double value = sp_history_value(history, i, (size_t)column);
        curve->epoch[curve->count] = sp_history_value(history, i, 0);
        curve->value[curve->count++] = value;
        if (!isfinite(value)) continue;
        curve->measured++;
        curve->least = fmin(curve->least, value);
        curve->most = fmax(curve->most, value);
    }
    if (curve->measured > 0) return true;
    sp_curve_clear(curve);
    return false;
}

void sp_curve_clear(sp_curve *curve) {
    free(curve->epoch);
    free(curve->value);
    *curve = (sp_curve){0};
}

sp_series sp_curve_series(const sp_curve *curve, const char *name, size_t colour) {
    return (sp_series){.name = name, .count = curve->count, .x = curve->epoch, .y = curve->value, .colour = colour};
}

bool sp_curve_spans(const sp_curve *curve, double ratio) {
    return curve->measured > 0 && curve->least > 0 && curve->most > ratio * curve->least;
}

/* ---- Of the training ------------------------------------------------------------------------------------ */

enum { TRAINING, VALIDATION, PARTS, WIDE_SPAN = 20 };

/* The weights that were saved are those of the best epoch. */
static bool mark_best(const sp_run_view *run, const sp_curve *curve, double point[2]) {
    double best = sp_run_view_number(run, "best_epoch");
    for (size_t i = 0; i < curve->count; i++)
        if (curve->epoch[i] == best && isfinite(curve->value[i])) {
            point[0] = best;
            point[1] = curve->value[i];
            return true;
        }
    return false;
}

/* One figure of the training rows and of the validation rows. */
static void put_pair(sp_page *page, const sp_run_view *run, const char *title, const char *name) {
    static const char *const parts[PARTS] = {"train", "validation"};
    sp_curve curves[PARTS] = {{0}};
    sp_series series[PARTS + 1];
    double best[2];
    sp_chart chart = {.title = title, .x_label = "epoch", .whole_x = true, .series = series};
    for (size_t p = 0; p < PARTS; p++) {
        char column[NAME];
        snprintf(column, sizeof column, "%s_%s", parts[p], name);
        if (!sp_curve_take(page, run->history, column, &curves[p])) continue;
        series[chart.series_count++] = sp_curve_series(
            &curves[p], p == TRAINING ? "training rows, while they are learned" : "validation rows", p + 1);
        if (strcmp(name, "loss") == 0 && sp_curve_spans(&curves[p], WIDE_SPAN)) chart.log_y = 10;
    }
    if (mark_best(run, &curves[VALIDATION], best))
        series[chart.series_count++] = (sp_series){.name = "best epoch, whose weights were saved",
                                                   .count = 1,
                                                   .x = &best[0],
                                                   .y = &best[1],
                                                   .style = SP_CHART_POINTS,
                                                   .colour = 7};
    if (chart.series_count > 0) sp_page_chart_figure(page, name, &chart);
    for (size_t p = 0; p < PARTS; p++) sp_curve_clear(&curves[p]);
}

/* `scale`: of the values, to units in which their digits are few. */
static void put_single(sp_page *page, const sp_run_view *run, const char *title, const char *name, double scale,
                       size_t colour) {
    sp_curve curve;
    if (!sp_curve_take(page, run->history, name, &curve)) return;
    for (size_t i = 0; i < curve.count; i++) curve.value[i] *= scale;
    sp_series series = sp_curve_series(&curve, NULL, colour);
    sp_chart chart = {.title = title, .x_label = "epoch", .whole_x = true, .series = &series, .series_count = 1};
    chart.y_to = 1.15 * scale * curve.most;
    sp_page_chart_figure(page, name, &chart);
    sp_curve_clear(&curve);
}

static void put_thinned(sp_page *page, const sp_run_view *run) {
    size_t rows = sp_history_rows(run->history), step = rows / MOST_POINTS + 1;
    if (step > 1) sp_page_markup(page, "<p class=\"soft small\">Of %zu epochs every %zuth is drawn.</p>\n", rows, step);
}

void sp_report_curves(sp_page *page, const sp_run_view *run) {
    if (!run->history) return;
    sp_page_section(page, NULL, "Training");
    if (sp_history_rows(run->history) == 0) {
        sp_page_markup(page, "<p>No epoch has ended.</p>\n");
    } else {
        sp_page_markup(page, "<div class=\"charts\">\n");
        put_pair(page, run, "Loss", "loss");
        put_pair(page, run, "Accuracy", "accuracy");
        put_single(page, run, "Learning rate", "learning_rate", 1, 4);
        put_single(page, run, "Thousand samples per second", "samples_per_second", 1e-3, 3);
        sp_page_markup(page, "</div>\n");
        put_thinned(page, run);
    }
    sp_page_section_end(page);
}

/* ---- Of the layers -------------------------------------------------------------------------------------- */

enum { MOST_LINES = SP_CHART_COLOURS };

static size_t layers_of(const sp_history *history) {
    char name[NAME];
    size_t layers = 0;
    do snprintf(name, sizeof name, "layer%zu_gradient_norm", layers + 1);
    while (sp_history_find(history, name) != SP_NOT_FOUND && ++layers < SP_MOST_LAYERS);
    return layers;
}

/* Of many layers some, the first and the last among them. */
static size_t layer_at(size_t line, size_t lines, size_t layers) {
    return lines > 1 ? line * (layers - 1) / (lines - 1) : 0;
}

/* `shares`: from 0 to 1; nothing is drawn of shares that are all 0. */
static bool put_layers(sp_page *page, const sp_run_view *run, size_t layers, const char *title, const char *name,
                       bool shares) {
    sp_curve curves[MOST_LINES] = {{0}};
    sp_series series[MOST_LINES];
    char names[MOST_LINES][NAME], column[NAME];
    size_t lines = layers < MOST_LINES ? layers : MOST_LINES;
    double most = 0;
    bool positive = true;
    sp_chart chart = {.title = title, .x_label = "epoch", .whole_x = true, .series = series};
    for (size_t i = 0; i < lines; i++) {
        size_t layer = layer_at(i, lines, layers) + 1;
        snprintf(column, sizeof column, "layer%zu_%s", layer, name);
        snprintf(names[i], NAME, "layer %zu%s", layer, layer == layers ? " (output)" : "");
        if (!sp_curve_take(page, run->history, column, &curves[i])) continue;
        series[chart.series_count++] = sp_curve_series(&curves[i], names[i], i + 1);
        most = fmax(most, curves[i].most);
        positive = positive && curves[i].least > 0;
    }
    if (shares) {
        chart.y_to = most > 0.5 ? 1.02 : 1.1 * most;
    } else if (positive) {
        chart.log_y = 10;
    }
    bool drawn = chart.series_count > 0 && (!shares || most > 0);
    if (drawn) sp_page_chart_figure(page, name, &chart);
    for (size_t i = 0; i < lines; i++) sp_curve_clear(&curves[i]);
    return drawn;
}

void sp_report_layers(sp_page *page, const sp_run_view *run) {
    size_t layers = run->history && sp_history_rows(run->history) > 0 ? layers_of(run->history) : 0;
    if (layers == 0) return;
    sp_page_section(page, NULL, "Layers");
    sp_page_markup(page, "<div class=\"charts\">\n");
    put_layers(page, run, layers, "Norm of the gradient", "gradient_norm", false);
    put_layers(page, run, layers, "Update, as a share of the weights", "update_ratio", false);
    bool saturated = put_layers(page, run, layers, "Share of saturated units", "saturated", true);
    bool dead = put_layers(page, run, layers, "Share of dead units", "dead", true);
    sp_page_markup(page,
                   "</div>\n<p class=\"soft small\">Gradients and updates are those of the epoch's last whole "
                   "mini-batch.%s%s</p>\n",
                   saturated ? " A sigmoid or tanh unit is saturated where its slope is below a tenth of its largest."
                             : "",
                   dead ? " A ReLU unit is dead in an epoch in which it was 0 for every row."
                        : " No unit was dead for a whole epoch.");
    sp_page_section_end(page);
}
