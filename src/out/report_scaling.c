/* A scaling experiment, from the scale.json that `shardprop scale` leaves. Nothing in it is believed to be there. */
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "out/report.h"
#include "out/report_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PATH = 4096, MOST_CURVES = SP_CHART_COLOURS - 1, MOST_POINTS = 64, NAME = 80 };

/* One curve: points that differ in their threads alone. */
typedef struct scaled {
    const sp_json *json; /* borrowed */
    char name[NAME];
    size_t points;
    double threads[MOST_POINTS], speedup[MOST_POINTS], efficiency[MOST_POINTS], rate[MOST_POINTS], spread[MOST_POINTS];
    double speedup_spread[MOST_POINTS], efficiency_spread[MOST_POINTS], phases[SP_PHASES][MOST_POINTS];
} scaled;

static void read_point(scaled *curve, const sp_json *json) {
    size_t i = curve->points++;
    const sp_json *rate = sp_json_member(json, "samples_per_second"), *phases = sp_json_member(json, "phases");
    curve->threads[i] = sp_json_number_of(json, "threads");
    curve->speedup[i] = sp_json_number_of(json, "speedup");
    curve->efficiency[i] = 100 * sp_json_number_of(json, "efficiency");
    curve->rate[i] = sp_json_number_of(rate, "median");
    /* Half of what lies between the quartiles, as a share. */
    curve->spread[i] =
        (sp_json_number_of(rate, "upper_quartile") - sp_json_number_of(rate, "lower_quartile")) / 2 / curve->rate[i];
    curve->speedup_spread[i] = curve->speedup[i] * curve->spread[i];
    curve->efficiency_spread[i] = curve->efficiency[i] * curve->spread[i];
    for (size_t p = 0; p < SP_PHASES; p++) {
        double share = sp_json_number_of(phases, sp_phase_name((sp_phase)p));
        curve->phases[p][i] = 1e6 * curve->threads[i] / curve->rate[i] * share;
    }
}

static void read_curve(scaled *curve, const sp_json *json, bool weak) {
    *curve = (scaled){.json = json};
    const sp_json *points = sp_json_member(json, "points"), *first = points ? sp_json_first(points) : NULL;
    for (const sp_json *point = first; point && curve->points < MOST_POINTS; point = sp_json_next(point))
        read_point(curve, point);
    snprintf(curve->name, NAME, "batch %.9g, %.9g shards%s", sp_json_number_of(first, "batch_size"),
             sp_json_number_of(first, "shards"), weak ? " a thread" : "");
}

static void put_lines(sp_page *page, const scaled *curves, size_t count, bool efficiency) {
    sp_series series[MOST_CURVES + 1];
    double ends[2] = {1, 1}, ideal[2] = {100, 100};
    for (size_t c = 0; c < count; c++) {
        const scaled *curve = &curves[c];
        for (size_t i = 0; i < curve->points; i++) ends[1] = fmax(ends[1], curve->threads[i]);
        series[c] = (sp_series){.name = curve->name,
                                .count = curve->points,
                                .x = curve->threads,
                                .y = efficiency ? curve->efficiency : curve->speedup,
                                .spread = efficiency ? curve->efficiency_spread : curve->speedup_spread};
    }
    series[count] = (sp_series){
        .name = "ideal", .count = 2, .x = ends, .y = efficiency ? ideal : ends, .dashed = true, .colour = 8};
    const sp_chart chart = {.title = efficiency ? "Efficiency (%)" : "Speed-up",
                            .x_label = "threads",
                            .whole_x = true,
                            .series = series,
                            .series_count = count + 1};
    sp_page_chart_figure(page, efficiency ? "efficiency" : "speedup", &chart);
}

static void put_phases(sp_page *page, const scaled *curve) {
    sp_series series[SP_PHASES];
    char labels[MOST_POINTS][24], title[NAME + 80];
    const char *ticks[MOST_POINTS];
    for (size_t i = 0; i < curve->points; i++) {
        snprintf(labels[i], sizeof *labels, "%.4g", curve->threads[i]);
        ticks[i] = labels[i];
    }
    for (size_t p = 0; p < SP_PHASES; p++)
        series[p] = (sp_series){.name = sp_phase_name((sp_phase)p),
                                .count = curve->points,
                                .y = curve->phases[p],
                                .style = SP_CHART_STACKED};
    snprintf(title, sizeof title, "Microseconds a row, all threads together (%s)", curve->name);
    const sp_chart chart = {.title = title,
                            .x_label = "threads",
                            .ticks = ticks,
                            .tick_count = curve->points,
                            .series = series,
                            .series_count = SP_PHASES};
    sp_page_chart_figure(page, "phases", &chart);
}

static void put_cell(sp_page *page, double value, int digits) {
    sp_page_markup(page, "<td class=\"n\">");
    sp_page_number(page, value, digits);
    sp_page_markup(page, "</td>");
}

static void put_table(sp_page *page, const scaled *curve) {
    size_t i = 0;
    sp_page_markup(page, "<h3>");
    sp_page_text(page, "%s", curve->name);
    sp_page_markup(page, "</h3>\n<div class=\"wide\"><table><thead><tr>");
    static const char *const heads[] = {"threads",    "samples/s",  "spread",     "speed-up",
                                        "efficiency", "Karp-Flatt", "of the roof"};
    for (size_t h = 0; h < sizeof heads / sizeof *heads; h++)
        sp_page_markup(page, "<th scope=\"col\" class=\"n\">%s</th>", heads[h]);
    sp_page_markup(page, "</tr></thead><tbody>\n");
    for (const sp_json *point = sp_json_first(sp_json_member(curve->json, "points")); i < curve->points;
         point = sp_json_next(point), i++) {
        sp_page_markup(page, "<tr>");
        put_cell(page, curve->threads[i], 4);
        put_cell(page, round(curve->rate[i]), 9);
        sp_page_markup(page, "<td class=\"n\">");
        sp_page_share(page, curve->spread[i]);
        sp_page_markup(page, "</td>");
        put_cell(page, curve->speedup[i], 3);
        sp_page_markup(page, "<td class=\"n\">");
        sp_page_share(page, curve->efficiency[i] / 100);
        sp_page_markup(page, "</td>");
        put_cell(page, sp_json_number_of(point, "karp_flatt"), 3);
        sp_page_markup(page, "<td class=\"n\">");
        sp_page_share(page, sp_json_number_of(point, "roofline_share"));
        sp_page_markup(page, "</td></tr>\n");
    }
    sp_page_markup(page, "</tbody></table></div>\n");
}

/* The law that was fitted, where one was. */
static void put_law(sp_page *page, const scaled *curve) {
    double amdahl = sp_json_number_of(curve->json, "amdahl_serial"),
           ceiling = sp_json_number_of(curve->json, "amdahl_ceiling");
    double gustafson = sp_json_number_of(curve->json, "gustafson_serial");
    if (isnan(amdahl) && isnan(gustafson)) return;
    sp_page_markup(page, "<p>%s law: a serial share of ", isnan(amdahl) ? "Gustafson's" : "Amdahl's");
    sp_page_share(page, isnan(amdahl) ? gustafson : amdahl);
    if (!isnan(amdahl) && !isnan(ceiling)) {
        sp_page_markup(page, ", so a speed-up of at most ");
        sp_page_number(page, ceiling, 3);
    }
    sp_page_markup(page, ".</p>\n");
}

static void put_experiment(sp_page *page, const sp_json *root) {
    scaled curves[MOST_CURVES];
    size_t count = 0;
    const char *kind = sp_json_text(sp_json_member(root, "scaling")),
               *config = sp_json_text(sp_json_member(root, "config"));
    const sp_json *list = sp_json_member(root, "curves");
    char heading[NAME + 40];
    for (const sp_json *json = list ? sp_json_first(list) : NULL; json && count < MOST_CURVES;
         json = sp_json_next(json)) {
        read_curve(&curves[count], json, kind && strcmp(kind, "weak") == 0);
        count += curves[count].points > 0;
    }
    snprintf(heading, sizeof heading, "How %.60s scales%s%.10s%s", config ? config : "it", kind ? " (" : "",
             kind ? kind : "", kind ? " scaling)" : "");
    sp_page_section(page, NULL, heading);
    if (count == 0) sp_page_markup(page, "<p>Nothing was measured.</p>\n");
    sp_page_markup(page, "<div class=\"charts\">\n");
    if (count > 0) put_lines(page, curves, count, false);
    if (count > 0) put_lines(page, curves, count, true);
    for (size_t c = 0; c < count; c++) put_phases(page, &curves[c]);
    sp_page_markup(page, "</div>\n");
    for (size_t c = 0; c < count; c++) {
        put_table(page, &curves[c]);
        put_law(page, &curves[c]);
    }
    sp_page_section_end(page);
}

bool sp_report_is_scaling(const char *folder) {
    char path[PATH];
    return sp_path_join(path, sizeof path, folder, "scale.json") && sp_file_exists(path);
}

void sp_report_scaling(sp_page *page, const char *folder) {
    char path[PATH];
    sp_json *root = NULL;
    if (page->status || !sp_path_join(path, sizeof path, folder, "scale.json")) return;
    page->status = sp_json_load(path, &root, page->error);
    if (!page->status) put_experiment(page, root);
    sp_json_destroy(root);
}
