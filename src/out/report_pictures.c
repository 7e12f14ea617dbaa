/* What there is to look at: rows that went wrong, weights of the first layer. */
#include "base/error.h"
#include "base/memory.h"
#include "out/report_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACE = 400, MOST_UNITS = 48, MOST_INPUTS = 25, MOST_TARGETS = 4, LARGEST_SIDE = 128 };

/* ---- Mistakes ------------------------------------------------------------------------------------------- */

static const char *name_of(const sp_judgement *judgement, size_t item) {
    return judgement->names.text[item];
}

static void put_image(sp_page *page, const sp_judgement *judgement, const sp_mistake *mistake) {
    const sp_table *table = judgement->part->data->table;
    char title[PLACE];
    size_t row = sp_judgement_row(judgement, mistake);
    sp_table_place(table, row, title, sizeof title);
    sp_page_markup(page, "<figure>");
    sp_page_picture(page, table->height, table->width, SP_PIXEL_GRAY,
                    (const uint8_t *)table->values + row * table->features, title);
    sp_page_markup(page, "<figcaption>is <b>");
    sp_page_text(page, "%.40s", name_of(judgement, mistake->truth));
    sp_page_markup(page, "</b>, taken for <b>");
    sp_page_text(page, "%.40s", name_of(judgement, mistake->predicted));
    sp_page_markup(page, "</b> <span class=\"soft\">");
    sp_page_fixed(page, (double)mistake->said, 3);
    sp_page_markup(page, "</span></figcaption></figure>\n");
}

static void put_place(sp_page *page, const sp_judgement *judgement, const sp_mistake *mistake) {
    char place[PLACE];
    sp_table_place(judgement->part->data->table, sp_judgement_row(judgement, mistake), place, sizeof place);
    sp_page_markup(page, "<tr><td>");
    sp_page_text(page, "%s", place);
    sp_page_markup(page, "</td>");
}

static void put_class_row(sp_page *page, const sp_judgement *judgement, const sp_mistake *mistake) {
    put_place(page, judgement, mistake);
    sp_page_markup(page, "<td>");
    sp_page_text(page, "%.60s", name_of(judgement, mistake->truth));
    sp_page_markup(page, "</td><td>");
    sp_page_text(page, "%.60s", name_of(judgement, mistake->predicted));
    sp_page_markup(page, "</td><td class=\"n\">");
    sp_page_fixed(page, (double)mistake->said, 4);
    sp_page_markup(page, "</td></tr>\n");
}

static void put_value_row(sp_page *page, const sp_judgement *judgement, const sp_mistake *mistake) {
    const sp_predictions *p = &judgement->judge->predictions;
    put_place(page, judgement, mistake);
    for (size_t k = 0; k < p->outputs && k < MOST_TARGETS; k++) {
        sp_page_markup(page, "<td class=\"n\">");
        sp_page_number(page, (double)p->truth.values[mistake->at * p->outputs + k], 6);
        sp_page_markup(page, "</td><td class=\"n\">");
        sp_page_number(page, (double)p->output[mistake->at * p->outputs + k], 6);
        sp_page_markup(page, "</td>");
    }
    sp_page_markup(page, "</tr>\n");
}

static void put_table_head(sp_page *page, const sp_judgement *judgement) {
    sp_page_markup(page, "<div class=\"wide\"><table><thead><tr><th scope=\"col\">row</th>");
    if (judgement->classes > 0)
        sp_page_markup(page, "<th scope=\"col\">is</th><th scope=\"col\">taken for</th><th scope=\"col\" "
                             "class=\"n\">its output</th>");
    for (size_t k = 0; judgement->classes == 0 && k < judgement->names.count && k < MOST_TARGETS; k++) {
        sp_page_markup(page, "<th scope=\"col\" class=\"n\">");
        sp_page_text(page, "%.40s", name_of(judgement, k));
        sp_page_markup(page, "</th><th scope=\"col\" class=\"n\">predicted</th>");
    }
    sp_page_markup(page, "</tr></thead><tbody>\n");
}

void sp_report_mistakes(sp_page *page, const sp_judgement *judgement) {
    if (!judgement || judgement->data->task == SP_MULTILABEL) return;
    bool classes = judgement->classes > 0, images = classes && sp_judgement_has_images(judgement);
    size_t shown = judgement->mistake_count < 10 || images ? judgement->mistake_count : 10;
    sp_page_section(page, NULL, classes ? "The worst mistakes" : "The largest errors");
    if (classes && shown == 0)
        sp_page_markup(page, "<p>Every one of these rows is classified right.</p>\n");
    else if (classes)
        sp_page_markup(page,
                       "<p class=\"soft\">%zu of %zu wrong rows: those whose own class got the smallest "
                       "output.%s</p>\n",
                       shown, judgement->wrong, images ? " The number is the output of the class said instead." : "");
    if (images) sp_page_markup(page, "<div class=\"mistakes\">\n");
    if (!images && shown > 0) put_table_head(page, judgement);
    for (size_t i = 0; i < shown; i++)
        (images ? put_image : classes ? put_class_row : put_value_row)(page, judgement, &judgement->mistakes[i]);
    sp_page_markup(page, "%s", images ? "</div>\n" : shown > 0 ? "</tbody></table></div>\n" : "");
    sp_page_section_end(page);
}

/* ---- Weights of the first layer -------------------------------------------------------------------------- */

/* One with its norm. */
typedef struct ranked {
    double norm;
    size_t index;
} ranked;

static int by_norm(const void *one, const void *other) {
    const ranked *a = one, *b = other;
    if (a->norm != b->norm) return a->norm < b->norm ? 1 : -1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/*
 * Norms of the columns of W(1) (what a unit listens to) or of its rows (what an input does), the largest first; fresh
 * memory. NaN, of a model that broke down, counts as 0.
 */
static ranked *rank(sp_page *page, const sp_model *model, bool units) {
    const sp_layer *layer = &model->net->layers[0];
    const float *weights = model->parameters + layer->weights;
    size_t count = units ? layer->outputs : layer->inputs;
    ranked *list = sp_allocate_zeroed(count, sizeof *list);
    if (!list) {
        page->status = sp_fail_memory(page->error, "the weights", sp_bytes(count, sizeof *list));
        return NULL;
    }
    for (size_t i = 0; i < layer->inputs; i++)
        for (size_t j = 0; j < layer->outputs; j++) {
            double w = (double)weights[i * layer->outputs + j];
            list[units ? j : i].norm += w * w;
        }
    for (size_t k = 0; k < count; k++) list[k] = (ranked){isfinite(list[k].norm) ? sqrt(list[k].norm) : 0, k};
    qsort(list, count, sizeof *list, by_norm);
    return list;
}

/* Orange what excites, blue what inhibits; the weaker, the more of the page is seen through it. */
static void paint(const float *weights, size_t inputs, size_t stride, uint8_t *pixels) {
    static const uint8_t excites[3] = {0xe0, 0x6a, 0x16}, inhibits[3] = {0x2f, 0x74, 0xe0};
    float most = 0;
    for (size_t i = 0; i < inputs; i++) most = fmaxf(most, fabsf(weights[i * stride]));
    for (size_t i = 0; i < inputs; i++) {
        float w = weights[i * stride], share = most > 0 && isfinite(w) ? fabsf(w) / most : 0;
        memcpy(pixels + 4 * i, w > 0 ? excites : inhibits, 3);
        pixels[4 * i + 3] = (uint8_t)(255 * share + 0.5f);
    }
}

static void put_units(sp_page *page, const sp_model *model, size_t height, size_t width) {
    const sp_layer *layer = &model->net->layers[0];
    ranked *list = rank(page, model, true);
    uint8_t *pixels = list ? sp_allocate(layer->inputs, 4) : NULL;
    size_t shown = layer->outputs < MOST_UNITS ? layer->outputs : MOST_UNITS;
    if (list && !pixels) page->status = sp_fail_memory(page->error, "a picture", layer->inputs);
    sp_page_markup(page,
                   "<p class=\"soft\">What each unit of the first layer looks for: orange excites it, blue "
                   "inhibits it. %zu of %zu units, those with the largest weights.</p>\n<div class=\"units\">\n",
                   shown, layer->outputs);
    for (size_t u = 0; u < shown && pixels; u++) {
        char title[80];
        paint(model->parameters + layer->weights + list[u].index, layer->inputs, layer->outputs, pixels);
        snprintf(title, sizeof title, "unit %zu, norm of its weights %.3g", list[u].index, list[u].norm);
        sp_page_picture(page, height, width, SP_PIXEL_COLOUR, pixels, title);
        sp_page_markup(page, "\n");
    }
    sp_page_markup(page, "</div>\n");
    free(pixels);
    free(list);
}

/* The name of an input: of its column, and of the category where that is text. */
static void name_input(const sp_model *model, size_t input, char *text, size_t size) {
    const sp_preprocess *preprocess = &model->preprocess;
    size_t column = 0, within = input;
    while (column + 1 < preprocess->columns) {
        size_t width =
            preprocess->onehot && preprocess->onehot[column].codes > 0 ? preprocess->onehot[column].width : 1;
        if (within < width) break;
        within -= width;
        column++;
    }
    const sp_columns *columns = &model->columns;
    const sp_names *categories = columns->categories ? &columns->categories[column].names : NULL;
    char name[80];
    if (columns->feature_names.count > column)
        snprintf(name, sizeof name, "%.60s", columns->feature_names.text[column]);
    else
        snprintf(name, sizeof name, "column %zu", columns->feature_at ? columns->feature_at[column] : column);
    if (categories && categories->count > within)
        snprintf(text, size, "%s = %.40s", name, categories->text[within]);
    else
        snprintf(text, size, "%s", name);
}

static void put_inputs(sp_page *page, const sp_model *model) {
    const sp_layer *layer = &model->net->layers[0];
    ranked *list = rank(page, model, false);
    size_t shown = layer->inputs < MOST_INPUTS ? layer->inputs : MOST_INPUTS;
    if (!list) return;
    sp_page_markup(page,
                   "<p class=\"soft\">How strongly the first layer listens to each input: the norm of the weights "
                   "that leave it. %zu of %zu inputs.</p>\n<div class=\"wide\"><table class=\"bars\"><tbody>\n",
                   shown, layer->inputs);
    for (size_t i = 0; i < shown; i++) {
        char name[160];
        double share = list[0].norm > 0 ? list[i].norm / list[0].norm : 0;
        name_input(model, list[i].index, name, sizeof name);
        sp_page_markup(page, "<tr><th scope=\"row\">");
        sp_page_text(page, "%s", name);
        sp_page_markup(page, "</th><td class=\"n\">");
        sp_page_number(page, list[i].norm, 4);
        sp_page_markup(page, "</td><td><span class=\"bar\" style=\"width:%dpx\"></span></td></tr>\n",
                       (int)(1 + 139 * share));
    }
    sp_page_markup(page, "</tbody></table></div>\n");
    free(list);
}

void sp_report_weights(sp_page *page, const sp_run_view *run, const sp_judgement *judgement) {
    if (!run->model || page->status) return;
    const sp_table *table = judgement && sp_judgement_has_images(judgement) ? judgement->part->data->table : NULL;
    bool images = table && table->features == run->model->net->inputs && table->height <= LARGEST_SIDE &&
                  table->width <= LARGEST_SIDE;
    sp_page_section(page, NULL, "Weights of the first layer");
    if (images)
        put_units(page, run->model, table->height, table->width);
    else
        put_inputs(page, run->model);
    sp_page_section_end(page);
}
