/* shardprop plot RUN... */
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "cmd/command.h"
#include "cmd/terminal.h"
#include "history.h"
#include "out/chart.h"
#include "runs/rundirs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH = 4096, NAME = 200, LINES = 20, FEWEST_LINES = 8 };

/* Columns of metrics.csv that one chart shows; each is drawn if it was measured. */
typedef struct figure {
    const char *title;
    const char *columns[2], *names[2];
} figure;

static const figure loss = {"loss", {"train_loss", "validation_loss"}, {"train", "validation"}};
static const figure accuracy = {"accuracy", {"train_accuracy", "validation_accuracy"}, {"train", "validation"}};

typedef struct plotting {
    sp_names runs;
    char (*labels)[NAME];   /* owned [runs]: as the key shows them */
    sp_history **histories; /* owned [runs] */
    sp_chart_format format;
    unsigned width, height; /* characters */
    bool ascii;
} plotting;

/* ---- Reading ----------------------------------------------------------------------------------- */

/* Where text is not UTF-8, what is none of ASCII becomes '?'. */
static void label_run(const plotting *p, const char *path, char label[NAME]) {
    size_t length = strlen(path);
    const char *shown = length >= NAME ? path + length - NAME + 1 : path; /* its end tells more */
    snprintf(label, NAME, "%s", shown);
    for (char *c = label; p->ascii && *c; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
}

/* Those found that have a metrics.csv; the others are passed over. */
static sp_status read_runs(plotting *p, const sp_names *found, sp_error *passed, sp_error *error) {
    char path[PATH];
    size_t count = found->count;
    if (count == 0) return SP_OK;
    p->labels = calloc(count, sizeof *p->labels);
    p->histories = calloc(count, sizeof(sp_history *));
    if (!p->labels || !p->histories) return sp_fail_memory(error, "the runs", count * sizeof *p->labels);
    for (size_t i = 0; i < count; i++) {
        const char *run = found->text[i];
        size_t at = p->runs.count;
        if (!sp_path_join(path, PATH, run, "metrics.csv"))
            return sp_fail(error, SP_BAD_CONFIG, "%s: is too long a path; use a shorter one", run);
        if (!sp_file_exists(path)) {
            sp_fail(passed, SP_BAD_CONFIG, "%s: holds no metrics.csv; train it first", run);
            continue;
        }
        if (!sp_names_add(&p->runs, run)) return sp_fail_memory(error, run, 1);
        label_run(p, run, p->labels[at]);
        sp_status status = sp_history_read(path, &p->histories[at], error);
        if (status) return status;
    }
    return SP_OK;
}

/* ---- Drawing ----------------------------------------------------------------------------------- */

/* The column as a curve over the epochs; false: it was not measured. `*memory` is owned by the caller. */
static bool read_curve(const sp_history *history, const char *column, sp_series *series, double **memory) {
    size_t rows = sp_history_rows(history), measured = 0;
    long at = sp_history_find(history, column);
    double *values = at == SP_NOT_FOUND ? NULL : malloc((2 * rows + 1) * sizeof *values);
    *memory = values;
    if (!values) return false;
    for (size_t i = 0; i < rows; i++) {
        values[i] = sp_history_value(history, i, 0);
        values[rows + i] = sp_history_value(history, i, (size_t)at);
        measured += isfinite(values[rows + i]);
    }
    *series = (sp_series){.count = rows, .x = values, .y = values + rows};
    return measured > 0;
}

static void find_range(const sp_series *series, size_t count, double *least, double *most) {
    *least = INFINITY;
    *most = -INFINITY;
    for (size_t s = 0; s < count; s++)
        for (size_t i = 0; i < series[s].count; i++) {
            if (!isfinite(series[s].y[i])) continue;
            *least = fmin(*least, series[s].y[i]);
            *most = fmax(*most, series[s].y[i]);
        }
}

/*
 * By logarithms, what goes down through powers of ten; not a learning rate, which is planned to end with nothing. With
 * some room below, for in text the axis covers what lies on it.
 */
static void choose_scale(sp_chart *chart) {
    double least, most, share = 0.07;
    find_range(chart->series, chart->series_count, &least, &most);
    if (least > 0 && most > 50 * least && strcmp(chart->title, "learning_rate") != 0) chart->log_y = 10;
    chart->y_to = most > least ? most : most + fmax(fabs(most) * share, 1e-6);
    chart->y_from = chart->log_y ? least * pow(least / most, share) : least - fmax(chart->y_to - least, 1e-6) * share;
}

/* Whether the names can stand within the chart, and leave room for the curves. */
static bool fits_inside(const plotting *p, const sp_series *series, size_t count) {
    enum { FEW = 4, LINE_OF_KEY = 10 };
    for (size_t i = 0; i < count; i++)
        if (series[i].name && strlen(series[i].name) + LINE_OF_KEY > p->width * 2 / 3) return false;
    return count <= FEW;
}

static sp_status draw(const plotting *p, const char *title, const sp_series *series, size_t count, sp_error *error) {
    char *text;
    size_t size;
    sp_chart chart = {.title = title,
                      .x_label = "epoch",
                      .whole_x = true,
                      .series = series,
                      .series_count = count,
                      .no_key = count == 1 && !series->name,
                      .key_below = !fits_inside(p, series, count),
                      .width = p->width,
                      .height = p->height};
    choose_scale(&chart);
    sp_status status = sp_chart_draw(&chart, p->format, NULL, &text, &size, error);
    if (status) return status;
    fwrite(text, 1, size, stdout);
    free(text);
    return SP_OK;
}

/* Curves of one figure of one run, or of one column of all runs; *drawn: whether there were any. */
static sp_status draw_curves(const plotting *p, const figure *f, size_t columns, bool *drawn, sp_error *error) {
    size_t most = columns * p->runs.count, count = 0;
    sp_series *series = calloc(most, sizeof *series);
    double **memory = calloc(most, sizeof *memory);
    sp_status status = series && memory ? SP_OK : sp_fail_memory(error, f->title, most * sizeof *series);
    for (size_t i = 0; i < p->runs.count && !status; i++)
        for (size_t c = 0; c < columns; c++) {
            if (!read_curve(p->histories[i], f->columns[c], &series[count], &memory[i * columns + c])) continue;
            series[count].colour = p->runs.count > 1 ? i + 1 : 0; /* the same in every chart */
            series[count++].name = p->runs.count > 1 ? p->labels[i] : f->names[c];
        }
    if (!status && count > 0) {
        *drawn = true;
        status = draw(p, f->title, series, count, error);
    }
    for (size_t i = 0; memory && i < most; i++) free(memory[i]);
    free(memory);
    free(series);
    return status;
}

static sp_status draw_column(const plotting *p, const char *column, bool *drawn, sp_error *error) {
    figure f = {.title = column, .columns = {column}};
    return draw_curves(p, &f, 1, drawn, error);
}

/* Training and validation together; of several runs, whose curves are many, each for itself. */
static sp_status draw_figure(const plotting *p, const figure *f, bool *drawn, sp_error *error) {
    if (p->runs.count == 1) return draw_curves(p, f, 2, drawn, error);
    sp_status status = draw_column(p, f->columns[0], drawn, error);
    return status ? status : draw_column(p, f->columns[1], drawn, error);
}

static bool learning_rate_moves(const plotting *p) {
    for (size_t i = 0; i < p->runs.count; i++) {
        long at = sp_history_find(p->histories[i], "learning_rate");
        for (size_t row = 1; at != SP_NOT_FOUND && row < sp_history_rows(p->histories[i]); row++)
            if (strcmp(sp_history_cell(p->histories[i], row, (size_t)at),
                       sp_history_cell(p->histories[i], 0, (size_t)at)) != 0)
                return true;
    }
    return p->runs.count > 1;
}

static bool is_measured(const sp_history *history, size_t column) {
    for (size_t row = 0; row < sp_history_rows(history); row++)
        if (isfinite(sp_history_value(history, row, column))) return true;
    return false;
}

/* Of the columns that the first run has measured, the nearest and the first dozen. */
static sp_status no_metric(const plotting *p, const char *metric, sp_error *error) {
    enum { SHOWN = 12 };
    const sp_history *history = p->histories[0];
    char nearest[100], list[800] = "";
    size_t used = 0, count = 0;
    sp_guess guess = {.text = metric};
    for (size_t i = 1; i < sp_history_columns(history); i++) {
        if (!is_measured(history, i)) continue;
        const char *name = sp_history_name(history, i);
        sp_guess_look(&guess, name);
        if (count++ < SHOWN && used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%.40s", used > 0 ? ", " : "", name);
    }
    sp_guess_print(&guess, nearest, sizeof nearest);
    return sp_fail(
        error, SP_BAD_CONFIG,
        "--metric: '%s' is not measured in these runs; %sit takes loss, accuracy, or a column of metrics.csv "
        "with values: %s%s",
        metric, nearest, list, count > SHOWN ? ", ..." : "");
}

static sp_status draw_all(const plotting *p, const char *metric, sp_error *error) {
    bool drawn = false;
    sp_status status;
    if (metric && strcmp(metric, loss.title) != 0 && strcmp(metric, accuracy.title) != 0)
        status = draw_column(p, metric, &drawn, error);
    else if (metric)
        status = draw_figure(p, strcmp(metric, loss.title) == 0 ? &loss : &accuracy, &drawn, error);
    else {
        status = draw_figure(p, &loss, &drawn, error);
        if (!status) status = draw_figure(p, &accuracy, &drawn, error);
        if (!status && learning_rate_moves(p)) status = draw_column(p, "learning_rate", &drawn, error);
    }
    if (status || drawn) return status;
    size_t rows = 0;
    for (size_t i = 0; i < p->runs.count; i++) rows += sp_history_rows(p->histories[i]);
    if (metric && rows > 0) return no_metric(p, metric, error);
    return sp_fail(error, SP_FAILED, "%s: there is no whole epoch yet; wait for one", p->runs.text[0]);
}

/* ---- The command ------------------------------------------------------------------------------- */

static sp_status run(const sp_options *options, sp_error *error) {
    size_t columns, rows;
    sp_names found = {0};
    sp_terminal_size(STDOUT_FILENO, &columns, &rows);
    plotting p = {.format = sp_terminal_has_colours(STDOUT_FILENO) ? SP_CHART_COLOUR_TEXT : SP_CHART_TEXT,
                  .width = (unsigned)(columns - 1),
                  .height = LINES,
                  .ascii = !sp_terminal_is_utf8()};
    if (rows <= LINES) p.height = rows > FEWEST_LINES ? (unsigned)rows - 1 : FEWEST_LINES;
    sp_status status = SP_OK;
    sp_error passed = {0};
    for (size_t i = 0; i < options->operands && !status; i++)
        status = sp_rundirs_add(options->operand[i], &found, &passed, error);
    if (!status) status = read_runs(&p, &found, &passed, error);
    if (!status) status = sp_warn_of_passed(options, &passed, p.runs.count, error);
    if (!status) status = draw_all(&p, options->metric, error);
    for (size_t i = 0; p.histories && i < p.runs.count; i++) sp_history_destroy(p.histories[i]);
    free(p.histories);
    free(p.labels);
    sp_names_clear(&p.runs);
    sp_names_clear(&found);
    return status;
}

const sp_command sp_command_plot = {
    .name = "plot",
    .operands = "RUN...",
    .summary = "draw the curves of runs in the terminal",
    .help = "RUN is a run directory, of a training that is still going as well, or a folder\n"
            "of such. Draws loss, accuracy and learning rate over the epochs, of training and\n"
            "validation rows; those of several runs together, of many by letters, which are\n"
            "explained below. By gnuplot, as wide as the terminal; 80 columns where stdout is\n"
            "none.\n",
    .operand_count = 1,
    .more_operands = true,
    .options = SP_OPTION_METRIC,
    .run = run,
};
