/* Several runs side by side. */
#include "base/error.h"
#include "base/memory.h"
#include "out/report_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE = SP_VALUE_ROOM, MOST_LINES = 2 * SP_CHART_COLOURS };

/* ---- Curves over each other ------------------------------------------------------------------------------------ */

/* Whether two runs bear the same name, which their folders then tell apart. */
static const char *label_of(const sp_run_view *runs, size_t count, size_t run) {
    for (size_t i = 0; i < count; i++)
        if (i != run && strcmp(runs[i].name, runs[run].name) == 0) return runs[run].folder;
    return runs[run].name;
}

/* Colours are those of the table: by the place of the run. Beyond the colours there are, dashes. */
static void put_overlay(sp_page *page, const sp_run_view *runs, size_t count, const char *title, const char *name,
                        double scale) {
    sp_curve curves[MOST_LINES] = {{0}};
    sp_series series[MOST_LINES];
    sp_chart chart = {.title = title, .x_label = "epoch", .whole_x = true, .series = series};
    bool spans = false, loss = strstr(name, "loss") != NULL;
    for (size_t i = 0; i < count && i < MOST_LINES; i++) {
        if (!sp_curve_take(page, runs[i].history, name, &curves[i])) continue;
        for (size_t j = 0; j < curves[i].count; j++) curves[i].value[j] *= scale;
        series[chart.series_count] = sp_curve_series(&curves[i], label_of(runs, count, i), i + 1);
        series[chart.series_count++].dashed = i >= SP_CHART_COLOURS;
        spans = spans || (loss && sp_curve_spans(&curves[i], 20));
    }
    if (spans) chart.log_y = 10;
    if (chart.series_count > 0) sp_page_chart_figure(page, name, &chart);
    for (size_t i = 0; i < MOST_LINES; i++) sp_curve_clear(&curves[i]);
}

static void put_overlays(sp_page *page, const sp_run_view *runs, size_t count) {
    static const struct {
        const char *title, *name;
        double scale;
    } columns[] = {
        {"Training loss", "train_loss", 1},         {"Validation loss", "validation_loss", 1},
        {"Training accuracy", "train_accuracy", 1}, {"Validation accuracy", "validation_accuracy", 1},
        {"Learning rate", "learning_rate", 1},      {"Thousand samples per second", "samples_per_second", 1e-3}};
    sp_page_section(page, "curves", "Curves");
    sp_page_markup(page, "<div class=\"charts\">\n");
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        put_overlay(page, runs, count, columns[i].title, columns[i].name, columns[i].scale);
    sp_page_markup(page, "</div>\n");
    if (count > MOST_LINES)
        sp_page_markup(page, "<p class=\"soft small\">The first %d of %zu runs are drawn.</p>\n", MOST_LINES, count);
    sp_page_section_end(page);
}

/* ---- Results and what differs ---------------------------------------------------------------------------------- */

static const struct {
    const char *name, *title;
    enum { NUMBER, SHARE, DURATION } look;
} results[] = {{"test_accuracy", "test accuracy", SHARE},
               {"test_r2", "test R\u00b2", NUMBER},
               {"test_loss", "test loss", NUMBER},
               {"validation_accuracy", "validation accuracy", SHARE},
               {"validation_loss", "validation loss", NUMBER},
               {"train_accuracy", "training accuracy", SHARE},
               {"train_loss", "training loss", NUMBER},
               {"epochs", "epochs", NUMBER},
               {"best_epoch", "best epoch", NUMBER},
               {"parameters", "parameters", NUMBER},
               {"threads", "threads", NUMBER},
               {"train_seconds", "time", DURATION},
               {"samples_per_second", "samples/s", NUMBER}};
enum { RESULTS = sizeof results / sizeof *results };

static bool any_has(const sp_run_view *runs, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (!isnan(sp_run_view_number(&runs[i], name))) return true;
    return false;
}

static void put_result(sp_page *page, const sp_run_view *run, size_t result) {
    double value = sp_run_view_number(run, results[result].name);
    sp_page_markup(page, "<td class=\"n\">");
    if (results[result].look == SHARE)
        sp_page_share(page, value);
    else if (results[result].look == DURATION)
        sp_page_duration(page, value);
    else
        sp_page_number(page, strcmp(results[result].name, "samples_per_second") == 0 ? round(value) : value, 4);
    sp_page_markup(page, "</td>");
}

/* Where a run's files go says nothing about the run. */
static bool differs(const sp_run_view *runs, size_t count, const sp_key *key) {
    char first[VALUE], value[VALUE];
    bool known = false;
    if (strcmp(key->section, "output") == 0) return false;
    for (size_t i = 0; i < count; i++) {
        if (!runs[i].config) continue;
        sp_config_print(runs[i].config, key, known ? value : first, VALUE);
        if (known && strcmp(first, value) != 0) return true;
        known = true;
    }
    return false;
}

static void put_name(sp_page *page, const sp_run_view *runs, size_t count, size_t run) {
    sp_page_markup(page, "<tr><th scope=\"row\"><span class=\"swatch\" style=\"color:var(--c%zu)\"></span>",
                   run % SP_CHART_COLOURS + 1);
    sp_page_text(page, "%s", label_of(runs, count, run));
    sp_page_markup(page, "</th>");
}

static void put_results(sp_page *page, const sp_run_view *runs, size_t count) {
    sp_page_markup(page, "<div class=\"wide\"><table class=\"runs\"><thead><tr><th scope=\"col\">run</th><th "
                         "scope=\"col\">ended</th>");
    for (size_t r = 0; r < RESULTS; r++)
        if (any_has(runs, count, results[r].name))
            sp_page_markup(page, "<th scope=\"col\" class=\"n\">%s</th>", results[r].title);
    sp_page_markup(page, "<th scope=\"col\">weights, XXH64</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < count; i++) {
        const char *hash = sp_run_view_text(&runs[i], "weights_xxh64");
        put_name(page, runs, count, i);
        sp_page_markup(page, "<td>");
        sp_page_text(page, "%.40s", sp_run_view_status(&runs[i]));
        sp_page_markup(page, "</td>");
        for (size_t r = 0; r < RESULTS; r++)
            if (any_has(runs, count, results[r].name)) put_result(page, &runs[i], r);
        sp_page_markup(page, "<td><code class=\"hash\">");
        sp_page_text(page, "%s", hash ? hash : "-");
        sp_page_markup(page, "</code></td></tr>\n");
    }
    sp_page_markup(page, "</tbody></table></div>\n");
}

static void put_differing_value(sp_page *page, const sp_run_view *run, const sp_key *key) {
    char value[VALUE] = "?";
    if (run->config) sp_config_print(run->config, key, value, sizeof value);
    sp_page_markup(page, "<td><code>");
    sp_page_text(page, "%s", value);
    sp_page_markup(page, "</code></td>");
}

static void put_differences(sp_page *page, const sp_run_view *runs, size_t count) {
    size_t differing = 0;
    bool *shown = sp_allocate_zeroed(sp_key_count, sizeof *shown);
    for (size_t k = 0; shown && k < sp_key_count; k++) differing += shown[k] = differs(runs, count, &sp_keys[k]);
    sp_page_markup(page, "<h3>What was set differently</h3>\n");
    if (differing == 0) {
        sp_page_markup(page, "<p>Nothing: these runs have one and the same configuration.</p>\n");
    } else {
        sp_page_markup(page, "<div class=\"wide\"><table class=\"runs\"><thead><tr><th scope=\"col\">run</th>");
        for (size_t k = 0; k < sp_key_count; k++)
            if (shown[k]) sp_page_markup(page, "<th scope=\"col\">%s.%s</th>", sp_keys[k].section, sp_keys[k].name);
        sp_page_markup(page, "</tr></thead><tbody>\n");
        for (size_t i = 0; i < count; i++) {
            put_name(page, runs, count, i);
            for (size_t k = 0; k < sp_key_count; k++)
                if (shown[k]) put_differing_value(page, &runs[i], &sp_keys[k]);
            sp_page_markup(page, "</tr>\n");
        }
        sp_page_markup(page, "</tbody></table></div>\n");
    }
    free(shown);
}

/* What the runs have in common, in a sentence: whether they came to the same bits. */
static void put_bits(sp_page *page, const sp_run_view *runs, size_t count) {
    const char *first = sp_run_view_text(&runs[0], "weights_xxh64");
    for (size_t i = 1; i < count; i++) {
        const char *other = sp_run_view_text(&runs[i], "weights_xxh64");
        if (!first || !other || strcmp(first, other) != 0) return;
    }
    if (first) sp_page_markup(page, "<p><b>All runs have come to the same weights, bit for bit.</b></p>\n");
}

void sp_report_comparison(sp_page *page, const sp_run_view *runs, size_t count) {
    sp_page_section(page, "results", "Results");
    put_bits(page, runs, count);
    put_results(page, runs, count);
    put_differences(page, runs, count);
    sp_page_section_end(page);
    put_overlays(page, runs, count);
}
