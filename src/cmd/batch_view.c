#include "cmd/batch_view.h"

#include "base/host.h"
#include "base/stream.h"
#include "base/text.h"
#include "cmd/terminal.h"

#include <fcntl.h>
#include <math.h>
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
    FILE *text = sp_stream_into_memory(&whole, &size);
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
