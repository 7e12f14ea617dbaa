#include "base/error.h"
#include "base/memory.h"
#include "out/report_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_MATRIX = 20, MOST_LISTED = 20, MOST_ITEMS = 40, MOST_CHARTS = 4, MOST_DOTS = 500, NAME = 200 };

static void put_name(sp_page *page, const sp_judgement *judgement, size_t item) {
    sp_page_text(page, "%.60s", judgement->names.text[item]);
}

/* ---- All rows together -------------------------------------------------------------------------------- */

typedef struct titled {
    sp_metric metric;
    const char *title;
    bool share;
} titled;

static const titled overall[] = {{SP_METRIC_ACCURACY, "Accuracy", true},
                                 {SP_METRIC_BALANCED_ACCURACY, "Balanced accuracy", true},
                                 {SP_METRIC_SUBSET_ACCURACY, "Rows with every label right", true},
                                 {SP_METRIC_HAMMING_LOSS, "Labels that are wrong", true},
                                 {SP_METRIC_LOSS, "Loss", false},
                                 {SP_METRIC_LOG_LOSS, "Log-loss", false},
                                 {SP_METRIC_MACRO_F1, "F1, mean of the classes", false},
                                 {SP_METRIC_AUC, "Area under the ROC curve", false},
                                 {SP_METRIC_R2, "R\u00b2", false},
                                 {SP_METRIC_MAE, "Mean absolute error", false},
                                 {SP_METRIC_RMSE, "Root mean squared error", false}};

static void put_overall(sp_page *page, const sp_judgement *judgement) {
    const sp_scores *scores = judgement->judge->scores;
    sp_page_markup(page, "<div class=\"wide\"><table><tbody>\n");
    for (size_t i = 0; i < sizeof overall / sizeof *overall; i++) {
        double value = scores->value[overall[i].metric];
        if (isnan(value)) continue;
        sp_page_markup(page, "<tr><th scope=\"row\">%s</th><td class=\"n\">", overall[i].title);
        if (overall[i].share)
            sp_page_share(page, value);
        else
            sp_page_number(page, value, 5);
        sp_page_markup(page, "</td></tr>\n");
    }
    sp_page_markup(page, "</tbody></table></div>\n");
}

/* ---- One by one --------------------------------------------------------------------------------------- */

static const titled of_classes[] = {{SP_METRIC_PRECISION, "precision", false},
                                    {SP_METRIC_RECALL, "recall", false},
                                    {SP_METRIC_F1, "F1", false},
                                    {SP_METRIC_AUC, "AUC", false}};
static const titled of_values[] = {{SP_METRIC_R2, "R\u00b2", false},
                                   {SP_METRIC_MAE, "mean absolute error", false},
                                   {SP_METRIC_RMSE, "root mean squared error", false}};

static void put_item(sp_page *page, const sp_judgement *judgement, size_t item, const titled *columns, size_t count,
                     bool rows) {
    const sp_item_score *score = &judgement->judge->scores->item[item];
    sp_page_markup(page, "<tr><th scope=\"row\">");
    put_name(page, judgement, item);
    sp_page_markup(page, "</th>");
    for (size_t m = 0; m < count; m++) {
        sp_page_markup(page, "<td class=\"n\">");
        if (rows)
            sp_page_fixed(page, score->value[columns[m].metric], 4);
        else
            sp_page_number(page, score->value[columns[m].metric], 5);
        sp_page_markup(page, "</td>");
    }
    if (rows) sp_page_markup(page, "<td class=\"n\">%zu</td>", score->support);
    sp_page_markup(page, "</tr>\n");
}

/* The item with the lowest F1 behind the one that was `last`, of equal ones the first; items: none is left. */
static size_t next_worst(const sp_scores *scores, size_t last) {
    size_t next = scores->items;
    for (size_t k = 0; k < scores->items; k++) {
        double f1 = scores->item[k].value[SP_METRIC_F1];
        bool behind = last == scores->items || f1 > scores->item[last].value[SP_METRIC_F1] ||
                      (f1 == scores->item[last].value[SP_METRIC_F1] && k > last);
        if (scores->item[k].support > 0 && behind &&
            (next == scores->items || f1 < scores->item[next].value[SP_METRIC_F1]))
            next = k;
    }
    return next;
}

static void put_items(sp_page *page, const sp_judgement *judgement) {
    bool values = judgement->data->task == SP_REGRESSION;
    const titled *columns = values ? of_values : of_classes;
    size_t count = values ? sizeof of_values / sizeof *of_values : sizeof of_classes / sizeof *of_classes;
    const sp_scores *scores = judgement->judge->scores;
    if (values && scores->items == 1) return; /* the same as over all */
    sp_page_markup(page, "<div class=\"wide\"><table><thead><tr><th scope=\"col\">%s</th>",
                   judgement->classes > 0 ? "class"
                   : values               ? "target"
                                          : "label");
    for (size_t m = 0; m < count; m++) sp_page_markup(page, "<th scope=\"col\" class=\"n\">%s</th>", columns[m].title);
    sp_page_markup(page, "%s</tr></thead><tbody>\n", values ? "" : "<th scope=\"col\" class=\"n\">rows</th>");
    if (scores->items <= MOST_ITEMS || values) {
        for (size_t k = 0; k < scores->items && k < MOST_ITEMS; k++)
            put_item(page, judgement, k, columns, count, !values);
    } else {
        size_t item = scores->items;
        for (size_t i = 0; i < MOST_LISTED && (item = next_worst(scores, item)) < scores->items; i++)
            put_item(page, judgement, item, columns, count, true);
    }
    sp_page_markup(page, "</tbody></table></div>\n");
    if (scores->items > MOST_ITEMS)
        sp_page_markup(page, "<p class=\"soft small\">%s of %zu are listed.</p>\n",
                       values ? "The first 40" : "The 20 with the lowest F1", scores->items);
}

/* ---- Which are taken for which ------------------------------------------------------------------------ */

static double share_of(const sp_judgement *judgement, size_t truth, size_t predicted) {
    size_t rows = judgement->judge->scores->item[truth].support;
    return rows > 0 ? (double)judgement->confusion[truth * judgement->classes + predicted] / (double)rows : 0;
}

/* Mistakes are few: the most frequent is as bright as a class that is always right. */
static double brightest(const sp_judgement *judgement) {
    double most = 0;
    for (size_t t = 0; t < judgement->classes; t++)
        for (size_t k = 0; k < judgement->classes; k++)
            if (t != k) most = fmax(most, share_of(judgement, t, k));
    return most;
}

static void put_cell(sp_page *page, const sp_judgement *judgement, size_t truth, size_t predicted, double most) {
    size_t count = judgement->confusion[truth * judgement->classes + predicted];
    double share = share_of(judgement, truth, predicted);
    if (count == 0) {
        sp_page_markup(page, "<td class=\"zero\">0</td>");
        return;
    }
    if (truth != predicted) share /= most;
    sp_page_markup(page, "<td class=\"%s\" style=\"--a:%d.%02d\">%zu</td>", truth == predicted ? "hit" : "miss",
                   (int)(100 * share) / 100, (int)(100 * share) % 100, count);
}

static void put_matrix(sp_page *page, const sp_judgement *judgement) {
    double most = brightest(judgement);
    size_t classes = judgement->classes;
    sp_page_markup(page,
                   "<h3>Confusion matrix</h3>\n<p class=\"soft small\">A row for each class, a column for what it "
                   "was taken for.</p>\n<div class=\"wide\"><table class=\"matrix\"><thead><tr><td></td>");
    for (size_t k = 0; k < classes; k++) {
        sp_page_markup(page, "<th scope=\"col\">");
        put_name(page, judgement, k);
        sp_page_markup(page, "</th>");
    }
    sp_page_markup(page, "</tr></thead><tbody>\n");
    for (size_t t = 0; t < classes; t++) {
        sp_page_markup(page, "<tr><th scope=\"row\">");
        put_name(page, judgement, t);
        sp_page_markup(page, "</th>");
        for (size_t k = 0; k < classes; k++) put_cell(page, judgement, t, k, most);
        sp_page_markup(page, "</tr>\n");
    }
    sp_page_markup(page, "</tbody></table></div>\n");
}

/* The pair of classes with the most rows at most `limit`, in their order behind `after`; false: none. */
static bool next_pair(const sp_judgement *judgement, size_t *after, size_t *limit) {
    size_t classes = judgement->classes, best = 0, most = 0;
    for (size_t i = 0; i < classes * classes; i++) {
        size_t count = judgement->confusion[i];
        bool behind = count < *limit || (count == *limit && i > *after);
        if (i / classes != i % classes && behind && count > most) {
            most = count;
            best = i;
        }
    }
    *after = best;
    *limit = most;
    return most > 0;
}

static void put_pairs(sp_page *page, const sp_judgement *judgement) {
    size_t after = 0, limit = SIZE_MAX;
    sp_page_markup(page, "<h3>The most frequent confusions</h3>\n<div class=\"wide\"><table><thead><tr><th "
                         "scope=\"col\">class</th><th scope=\"col\">taken for</th><th scope=\"col\" "
                         "class=\"n\">rows</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < MOST_LISTED && next_pair(judgement, &after, &limit); i++) {
        sp_page_markup(page, "<tr><th scope=\"row\">");
        put_name(page, judgement, after / judgement->classes);
        sp_page_markup(page, "</th><td>");
        put_name(page, judgement, after % judgement->classes);
        sp_page_markup(page, "</td><td class=\"n\">%zu</td></tr>\n", limit);
    }
    sp_page_markup(page, "</tbody></table></div>\n");
}

/* ---- Predicted and true values ------------------------------------------------------------------------ */

static void put_scatter(sp_page *page, const sp_judgement *judgement, size_t target) {
    const sp_predictions *p = &judgement->judge->predictions;
    size_t step = p->rows / MOST_DOTS + 1, count = 0;
    double *truth = sp_allocate(p->rows, sizeof *truth), *predicted = sp_allocate(p->rows, sizeof *predicted);
    double ends[2] = {INFINITY, -INFINITY};
    char title[NAME];
    for (size_t i = 0; truth && predicted && i < p->rows; i += step) {
        truth[count] = (double)p->truth.values[i * p->outputs + target];
        predicted[count] = (double)p->output[i * p->outputs + target];
        ends[0] = fmin(ends[0], truth[count]);
        ends[1] = fmax(ends[1], truth[count++]);
    }
    snprintf(title, sizeof title, "Predicted %.40s", judgement->names.text[target]);
    const sp_series series[] = {
        {.name = "rows", .count = count, .x = truth, .y = predicted, .style = SP_CHART_POINTS, .colour = 1},
        {.name = "as it should be", .count = 2, .x = ends, .y = ends, .dashed = true, .colour = 8}};
    const sp_chart chart = {.title = title, .x_label = "true value", .series = series, .series_count = 2};
    if (truth && predicted)
        sp_page_chart_figure(page, title, &chart);
    else if (!page->status)
        page->status = sp_fail_memory(page->error, "a chart", sp_bytes(p->rows, 2 * sizeof *truth));
    free(truth);
    free(predicted);
}

static void put_scatters(sp_page *page, const sp_judgement *judgement) {
    size_t targets = judgement->judge->predictions.outputs;
    sp_page_markup(page, "<div class=\"charts\">\n");
    for (size_t k = 0; k < targets && k < MOST_CHARTS; k++) put_scatter(page, judgement, k);
    sp_page_markup(page, "</div>\n");
}

void sp_report_quality(sp_page *page, const sp_judgement *judgement) {
    if (!judgement) return;
    char heading[NAME];
    snprintf(heading, sizeof heading, "How good it is on %zu %s rows", judgement->judge->predictions.rows,
             judgement->rows_name);
    sp_page_section(page, NULL, heading);
    sp_page_markup(page, "<div class=\"split\">\n<div>\n");
    put_overall(page, judgement);
    if (judgement->data->task == SP_REGRESSION) {
        put_items(page, judgement);
        sp_page_markup(page, "</div>\n<div>\n");
        put_scatters(page, judgement);
    } else {
        if (judgement->classes > 0) sp_page_markup(page, "<h3>Classes</h3>\n");
        put_items(page, judgement);
        sp_page_markup(page, "</div>\n<div>\n");
        if (judgement->classes > MOST_MATRIX)
            put_pairs(page, judgement);
        else if (judgement->classes > 0)
            put_matrix(page, judgement);
    }
    sp_page_markup(page, "</div>\n</div>\n");
    sp_page_section_end(page);
}
