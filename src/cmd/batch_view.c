#include "cmd/batch_view.h"

#include "base/host.h"
#include "base/text.h"
#include "cmd/terminal.h"

#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* FEWEST: columns of a name that still tell trainings apart; for fewer the bar gives way, then the figure. */
enum { BAR = 10, NAME = 200, TAIL = 120, LINE = NAME + TAIL + 4, FEWEST = 20 };
static const double redraw_seconds = 0.25;

static size_t ended(const sp_queue *queue) {
    return sp_queue_count(queue, SP_TRIAL_DONE) + sp_queue_count(queue, SP_TRIAL_FAILED) +
           sp_queue_count(queue, SP_TRIAL_PAUSED) + sp_queue_count(queue, SP_TRIAL_DROPPED);
}

sp_batch_view sp_batch_view_create(bool quiet) {
    return (sp_batch_view){.quiet = quiet, .terminal = sp_terminal_can_redraw(STDERR_FILENO)};
}

/* ---- Lines ----------------------------------------------------------------------------------- */

void sp_batch_view_start(sp_batch_view *view, const sp_queue *queue, size_t threads) {
    const sp_trials *trials = sp_queue_trials(queue);
    size_t before = 0;
    if (view->quiet) return;
    for (size_t i = 0; i < trials->count; i++) before += sp_queue_record(queue, i)->before;
    fprintf(stderr, "%zu training%s in %s, on %zu thread%s in all", trials->count, trials->count == 1 ? "" : "s",
            trials->folder, threads, threads == 1 ? "" : "s");
    if (before > 0) fprintf(stderr, "; %zu %s already", before, before == 1 ? "has ended" : "have ended");
    fputc('\n', stderr);
}

/* "completed after 60 epochs, validation_accuracy 0.9833", or why it failed. */
static void describe(const sp_trial_record *record, char *text, size_t size) {
    const sp_trial_result *result = &record->result;
    const char *how = record->state == SP_TRIAL_PAUSED               ? "paused"
                      : strcmp(result->status, "stopped_early") == 0 ? "stopped early"
                                                                     : result->status;
    if (record->state == SP_TRIAL_FAILED)
        snprintf(text, size, "failed: %s", record->why);
    else
        snprintf(text, size, "%s after %zu epoch%s, %s %.4g", how, result->epochs, result->epochs == 1 ? "" : "s",
                 result->monitor, isnan(result->value) ? NAN : result->value);
}

void sp_batch_view_end(sp_batch_view *view, const sp_queue *queue, size_t trial) {
    char what[SP_ERROR_TEXT];
    size_t count = sp_queue_trials(queue)->count;
    if (view->quiet) return;
    sp_batch_view_clear(view);
    describe(sp_queue_record(queue, trial), what, sizeof what);
    fprintf(stderr, "[%zu/%zu] %s: %s\n", ended(queue), count, sp_queue_trials(queue)->trial[trial].name, what);
}

void sp_batch_view_rung(sp_batch_view *view, const sp_queue *queue, size_t dropped) {
    if (view->quiet) return;
    sp_batch_view_clear(view);
    fprintf(stderr, "rung %zu of %zu is climbed: %zu combination%s dropped\n", sp_queue_rung(queue) + 1,
            sp_queue_rungs(queue), dropped, dropped == 1 ? " is" : "s are");
}

void sp_batch_view_wait(sp_batch_view *view, const sp_trial *trial, long process) {
    if (view->quiet) return;
    sp_batch_view_clear(view);
    fprintf(stderr, "waiting for process %ld, which trains into %s\n", process, trial->config->output.dir);
}

/* ---- The table ------------------------------------------------------------------------------- */

/* What the last whole row of a metrics.csv says; epoch 0: nothing yet. */
typedef struct progress {
    size_t epoch;
    double loss; /* of the validation rows; without, in training */
    double accuracy;
} progress;

/* The last `size` - 1 bytes of a file. */
static bool read_end(const char *path, char *text, size_t size) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    off_t length = lseek(file, 0, SEEK_END), from = length < (off_t)size ? 0 : length - (off_t)size + 1;
    ssize_t got = length < 0 ? -1 : pread(file, text, size - 1, from);
    close(file);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

static double cell(const char *row, int column) {
    double value;
    char text[40];
    for (; row && column > 0; column--) row = strchr(row, ',') ? strchr(row, ',') + 1 : NULL;
    if (!row) return NAN;
    snprintf(text, sizeof text, "%.*s", (int)(strcspn(row, ",\n") % sizeof text), row);
    return sp_parse_real(text, &value) ? value : NAN;
}

static progress look(const sp_trial *trial) {
    enum { END = 1 << 14, EPOCH = 0, TRAIN_LOSS = 3, LOSS = 5, ACCURACY = 6 };
    char path[4096], text[END];
    progress found = {0, NAN, NAN};
    snprintf(path, sizeof path, "%s/metrics.csv", trial->config->output.dir);
    if (!read_end(path, text, sizeof text)) return found;
    char *end = strrchr(text, '\n');
    if (!end) return found;
    *end = '\0';
    char *row = strrchr(text, '\n');
    if (!row) return found; /* the header */
    double epoch = cell(++row, EPOCH);
    found.epoch = epoch > 0 ? (size_t)epoch : 0;
    found.loss = cell(row, LOSS);
    if (isnan(found.loss)) found.loss = cell(row, TRAIN_LOSS);
    found.accuracy = cell(row, ACCURACY);
    return found;
}

/* What is drawn: for each training that runs its name, and what goes behind it; and the line below them. */
typedef struct table {
    size_t lines, name, tail; /* columns of the longest */
    const char *names[SP_BATCH_VIEW_LINES];
    char tails[SP_BATCH_VIEW_LINES][TAIL], foot[TAIL];
} table;

/* "[###.......] 12/40 val 0.9833" */
static void compose_tail(const sp_queue *queue, size_t trial, bool with_bar, bool with_figure, char tail[TAIL]) {
    char bar[BAR + 1] = "", figure[40] = "";
    size_t epochs = sp_queue_rung_epochs(queue, trial, sp_queue_rung(queue));
    progress now = look(&sp_queue_trials(queue)->trial[trial]);
    for (size_t i = 0; i < BAR; i++) bar[i] = i < BAR * now.epoch / epochs ? '#' : '.';
    if (with_figure && !isnan(now.accuracy))
        snprintf(figure, sizeof figure, " val %.4f", now.accuracy);
    else if (with_figure && !isnan(now.loss))
        snprintf(figure, sizeof figure, " loss %.4g", now.loss);
    snprintf(tail, TAIL, "%s%s%s%zu/%zu%s", with_bar ? "[" : "", with_bar ? bar : "", with_bar ? "] " : "", now.epoch,
             epochs, figure);
}

static void compose_rows(const sp_queue *queue, size_t most, bool with_bar, bool with_figure, table *t) {
    t->lines = t->name = t->tail = 0;
    for (size_t i = 0; i < sp_queue_slots(queue) && t->lines < most; i++) {
        if (sp_queue_slot(queue, i) == SP_QUEUE_FREE) continue;
        size_t trial = (size_t)sp_queue_slot(queue, i), name, tail;
        t->names[t->lines] = sp_queue_trials(queue)->trial[trial].name;
        compose_tail(queue, trial, with_bar, with_figure, t->tails[t->lines]);
        name = strlen(t->names[t->lines]);
        tail = strlen(t->tails[t->lines]);
        if (name > t->name) t->name = name < NAME ? name : NAME - 1;
        if (tail > t->tail) t->tail = tail;
        t->lines++;
    }
}

static void compose_foot(const sp_queue *queue, char foot[TAIL]) {
    size_t failed = sp_queue_count(queue, SP_TRIAL_FAILED), used;
    used = (size_t)snprintf(foot, TAIL, "%zu of %zu", ended(queue), sp_queue_trials(queue)->count);
    if (failed > 0) used += (size_t)snprintf(foot + used, TAIL - used, ", %zu failed", failed);
    if (sp_queue_rungs(queue) > 1)
        snprintf(foot + used, TAIL - used, "; rung %zu of %zu", sp_queue_rung(queue) + 1, sp_queue_rungs(queue));
}

/* What names leave no room for goes: the bar, then the figure. */
static void compose(const sp_queue *queue, size_t room, size_t most, table *t) {
    for (int left_out = 0; left_out < 3; left_out++) {
        compose_rows(queue, most, left_out < 1, left_out < 2, t);
        size_t wanted = t->name < FEWEST ? t->name : FEWEST;
        if (wanted + 1 + t->tail <= room) break;
    }
    compose_foot(queue, t->foot);
}

static void compose_line(const table *t, size_t row, size_t room, char line[LINE]) {
    char name[NAME];
    size_t columns = room > t->tail + 1 ? room - t->tail - 1 : 0;
    if (columns > t->name) columns = t->name;
    sp_cut_middle(t->names[row], columns, name, sizeof name);
    snprintf(line, LINE, "%-*s %s", (int)columns, name, t->tails[row]);
}

/* Adds a line of the block, which takes no more than `room` columns. */
static void put(sp_batch_view *view, const char *line, size_t room, FILE *text) {
    size_t width = strlen(line);
    view->widths[view->height++] = width < room ? width : room;
    fprintf(text, "%.*s\033[K\n", (int)room, line);
}

/* Commands that take the block away. */
static void take_away(sp_batch_view *view, size_t columns, FILE *text) {
    if (view->height > 0) fprintf(text, "\033[%zuA\r\033[J", sp_terminal_rows(view->widths, view->height, columns));
    view->height = 0;
}

/* In one piece, as wide and high as the window is now. Where there is no memory, it is drawn later. */
static void draw(sp_batch_view *view, const sp_queue *queue) {
    char line[LINE], *whole = NULL;
    size_t columns, rows, most = SP_BATCH_VIEW_LINES - 1, size;
    table t;
    FILE *text = open_memstream(&whole, &size);
    if (!text) return;
    sp_terminal_size(STDERR_FILENO, &columns, &rows);
    if (rows < most + 2) most = rows > 2 ? rows - 2 : 0; /* and the foot, and the row of the cursor */
    compose(queue, columns - 1, most, &t);
    take_away(view, columns, text);
    for (size_t i = 0; i < t.lines; i++) {
        compose_line(&t, i, columns - 1, line);
        put(view, line, columns - 1, text);
    }
    put(view, t.foot, columns - 1, text);
    if (fclose(text) == 0) sp_terminal_write(whole);
    free(whole);
}

void sp_batch_view_tick(sp_batch_view *view, const sp_queue *queue) {
    if (view->quiet || !view->terminal || sp_host_seconds() - view->drawn < redraw_seconds) return;
    if (!sp_terminal_is_ready()) return;
    draw(view, queue);
    view->drawn = sp_host_seconds();
}

void sp_batch_view_clear(sp_batch_view *view) {
    size_t columns, rows;
    if (view->height == 0) return;
    sp_terminal_size(STDERR_FILENO, &columns, &rows);
    take_away(view, columns, stderr);
}

/* ---- The ranking ----------------------------------------------------------------------------- */

/* What there is of the test rows: accuracy, else R2, else loss. */
static double test_figure(const sp_rank *rank, const char **name) {
    *name = !isnan(rank->test_accuracy) ? "test_accuracy" : !isnan(rank->test_r2) ? "test_r2" : "test_loss";
    return !isnan(rank->test_accuracy) ? rank->test_accuracy : !isnan(rank->test_r2) ? rank->test_r2 : rank->test_loss;
}

/* Where lines are to be no wider than a terminal, which names would be too wide for. */
typedef struct form {
    bool seeds, tested;
    bool narrow;                 /* metrics have two lines in the head, as "validation" and "accuracy" */
    bool below;                  /* a name has a line of its own, below its figures */
    size_t monitor, test, label; /* columns; label: of the longest that is shown whole */
} form;

static void print_figure(double value, size_t width) {
    char text[40] = "-";
    if (!isnan(value)) snprintf(text, sizeof text, "%.4f", value);
    if (!isnan(value) && fabs(value) < 0.001) snprintf(text, sizeof text, "%.4g", value);
    printf("  %-*s", (int)width, text);
}

/* "validation" of "validation_accuracy". */
static size_t first_word(const char *metric) {
    return strcspn(metric, "_");
}

static size_t second_word(const char *metric) {
    size_t first = first_word(metric);
    return metric[first] ? strlen(metric + first + 1) : 0;
}

static size_t wider(size_t one, size_t other) {
    return one > other ? one : other;
}

/* Of a metric in two lines. */
static size_t narrow_width(const char *metric) {
    const size_t figure = 8; /* "-12.3456" */
    return wider(figure, wider(first_word(metric), second_word(metric)));
}

static size_t columns_before_name(const form *f) {
    return strlen("rank  ") + f->monitor + (f->seeds ? strlen("  deviation  seeds") : 0) +
           (f->tested ? 2 + f->test : 0) + strlen("  epochs  ");
}

static const char *label_of(const sp_ranking *ranking, const sp_trials *trials, size_t at) {
    return trials->trial[sp_ranking_at(ranking, at)->first].label;
}

/* Whether names that are cut to so many columns are still different names. */
static bool are_told_apart(const sp_ranking *ranking, const sp_trials *trials, size_t columns) {
    enum { MOST = 1000 }; /* each is compared with each */
    char one[NAME], other[NAME];
    size_t count = sp_ranking_count(ranking);
    for (size_t i = 0; i < count && count <= MOST; i++) {
        sp_cut_middle(label_of(ranking, trials, i), columns, one, sizeof one);
        for (size_t j = 0; j < i; j++) {
            sp_cut_middle(label_of(ranking, trials, j), columns, other, sizeof other);
            if (strcmp(one, other) == 0) return false;
        }
    }
    return count <= MOST;
}

static const size_t below_rank = sizeof "rank  " - 1;

static void choose_widths(form *f, const char *monitor, const char *test, bool narrow) {
    f->narrow = narrow;
    f->monitor = narrow ? narrow_width(monitor) : 20;
    f->test = narrow ? narrow_width(test) : 13;
}

/* Of the ranks that are listed by the metric of `rank`. Two lines are the last resort: what fits one is easier to read.
 */
static form choose_form(const sp_rank *rank, bool seeds, size_t longest, const sp_ranking *ranking,
                        const sp_trials *trials) {
    const char *test;
    size_t columns, rows;
    form f = {.seeds = seeds, .tested = !isnan(test_figure(rank, &test)), .label = SIZE_MAX};
    choose_widths(&f, rank->monitor, test, false);
    if (!isatty(STDOUT_FILENO)) return f;
    sp_terminal_size(STDOUT_FILENO, &columns, &rows);
    size_t before = columns_before_name(&f);
    if (before + longest <= columns) return f;
    choose_widths(&f, rank->monitor, test, true);
    f.label = columns > columns_before_name(&f) ? columns - columns_before_name(&f) : 0;
    if (f.label >= FEWEST && are_told_apart(ranking, trials, f.label)) return f;
    choose_widths(&f, rank->monitor, test, before > columns);
    f.below = true;
    f.label = wider(columns > below_rank ? columns - below_rank : 0, FEWEST);
    return f;
}

static void print_head(const sp_rank *rank, const form *f) {
    const char *test, *monitor = *rank->monitor ? rank->monitor : "failed";
    test_figure(rank, &test);
    printf("rank  %-*.*s", (int)f->monitor, f->narrow ? (int)first_word(monitor) : INT_MAX, monitor);
    if (f->seeds) printf("  %-9s  seeds", "deviation");
    if (f->tested) printf("  %-*.*s", (int)f->test, f->narrow ? (int)first_word(test) : INT_MAX, test);
    printf("  epochs%s\n", f->below ? "" : "  name");
    if (f->narrow) {
        printf("      %-*s", (int)f->monitor, second_word(monitor) ? monitor + first_word(monitor) + 1 : "");
        if (f->tested)
            printf("  %*s%s", f->seeds ? (int)strlen("  deviation  seeds") : 0, "", test + first_word(test) + 1);
        putchar('\n');
    }
    if (f->below) printf("%*sname\n", (int)below_rank, "");
}

static void print_label(const char *label, bool failed, const form *f) {
    char cut[512];
    size_t behind = failed ? strlen(" (failed)") : 0;
    if (strlen(label) + behind > f->label) {
        sp_cut_middle(label, f->label - behind, cut, sizeof cut);
        label = cut;
    }
    printf("%s%*s%s%s\n", f->below ? "\n" : "", f->below ? (int)below_rank : 2, "", label, failed ? " (failed)" : "");
}

static void print_rank(const sp_rank *rank, const char *label, const form *f) {
    const char *test;
    if (rank->rank > 0)
        printf("%4zu", rank->rank);
    else
        printf("%4s", "-");
    print_figure(rank->mean, f->monitor);
    if (f->seeds) {
        char good[24];
        print_figure(rank->deviation, 9);
        snprintf(good, sizeof good, rank->good < rank->seeds ? "%zu/%zu" : "%zu", rank->good, rank->seeds);
        printf("  %-5s", good);
    }
    if (f->tested) print_figure(test_figure(rank, &test), f->test);
    if (isnan(rank->epochs))
        printf("  %-6s", "-");
    else
        printf("  %-6.4g", rank->epochs);
    print_label(label, rank->good == 0, f);
}

void sp_batch_view_ranking(const sp_ranking *ranking, const sp_trials *trials) {
    bool seeds = false;
    const char *monitor = NULL;
    size_t longest = 0;
    form f = {0};
    for (size_t i = 0; i < sp_ranking_count(ranking); i++) {
        const sp_rank *rank = sp_ranking_at(ranking, i);
        seeds = seeds || rank->seeds > 1;
        longest = wider(longest, strlen(label_of(ranking, trials, i)) + (rank->good == 0 ? strlen(" (failed)") : 0));
    }
    for (size_t i = 0; i < sp_ranking_count(ranking); i++) {
        const sp_rank *rank = sp_ranking_at(ranking, i);
        if (!monitor || (strcmp(monitor, rank->monitor) != 0 && rank->good > 0)) {
            if (monitor) putchar('\n');
            f = choose_form(rank, seeds, longest, ranking, trials);
            print_head(rank, &f);
            monitor = rank->monitor;
        }
        print_rank(rank, label_of(ranking, trials, i), &f);
    }
}
