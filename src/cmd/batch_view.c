#include "cmd/batch_view.h"

#include "base/host.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COLUMNS = 79, BAR = 10, NAME_COLUMNS = 36, MOST_LINES = 24 };
static const double redraw_seconds = 0.25;

static size_t ended(const sp_queue *queue) {
    return sp_queue_count(queue, SP_TRIAL_DONE) + sp_queue_count(queue, SP_TRIAL_FAILED) +
           sp_queue_count(queue, SP_TRIAL_PAUSED) + sp_queue_count(queue, SP_TRIAL_DROPPED);
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
    char what[500], line[800];
    size_t count = sp_queue_trials(queue)->count;
    if (view->quiet) return;
    sp_batch_view_clear(view);
    describe(sp_queue_record(queue, trial), what, sizeof what);
    snprintf(line, sizeof line, "[%zu/%zu] %s: %s", ended(queue), count, sp_queue_trials(queue)->trial[trial].name,
             what);
    fprintf(stderr, "%.*s\n", view->terminal ? COLUMNS : (int)sizeof line, line);
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
    enum { TAIL = 1 << 14, EPOCH = 0, TRAIN_LOSS = 3, LOSS = 5, ACCURACY = 6 };
    char path[4096], text[TAIL];
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

static void draw_line(const sp_queue *queue, size_t trial) {
    char line[200], bar[BAR + 1] = "", figure[40] = "";
    const sp_trial *t = &sp_queue_trials(queue)->trial[trial];
    size_t epochs = sp_queue_rung_epochs(queue, trial, sp_queue_rung(queue));
    progress now = look(t);
    for (size_t i = 0; i < BAR; i++) bar[i] = i < BAR * now.epoch / epochs ? '#' : '.';
    if (!isnan(now.accuracy))
        snprintf(figure, sizeof figure, " val %.4f", now.accuracy);
    else if (!isnan(now.loss))
        snprintf(figure, sizeof figure, " loss %.4g", now.loss);
    snprintf(line, sizeof line, "%-*.*s [%s] %zu/%zu%s", NAME_COLUMNS, NAME_COLUMNS, t->name, bar, now.epoch, epochs,
             figure);
    fprintf(stderr, "%.*s\033[K\n", COLUMNS, line);
}

static void draw_foot(const sp_queue *queue) {
    char line[300];
    size_t failed = sp_queue_count(queue, SP_TRIAL_FAILED), used;
    used = (size_t)snprintf(line, sizeof line, "%zu of %zu", ended(queue), sp_queue_trials(queue)->count);
    if (failed > 0) used += (size_t)snprintf(line + used, sizeof line - used, ", %zu failed", failed);
    if (sp_queue_rungs(queue) > 1)
        snprintf(line + used, sizeof line - used, "; rung %zu of %zu", sp_queue_rung(queue) + 1, sp_queue_rungs(queue));
    fprintf(stderr, "%.*s\033[K\n", COLUMNS, line);
}

void sp_batch_view_tick(sp_batch_view *view, const sp_queue *queue) {
    size_t height = 0;
    if (view->quiet || !view->terminal || sp_host_seconds() - view->drawn < redraw_seconds) return;
    sp_batch_view_clear(view);
    for (size_t i = 0; i < sp_queue_slots(queue) && height < MOST_LINES; i++) {
        if (sp_queue_slot(queue, i) == SP_QUEUE_FREE) continue;
        draw_line(queue, (size_t)sp_queue_slot(queue, i));
        height++;
    }
    draw_foot(queue);
    fflush(stderr);
    view->height = height + 1;
    view->drawn = sp_host_seconds();
}

void sp_batch_view_clear(sp_batch_view *view) {
    if (view->height > 0) fprintf(stderr, "\033[%zuA\r\033[J", view->height);
    view->height = 0;
}

/* ---- The ranking ----------------------------------------------------------------------------- */

/* What there is of the test rows: accuracy, else R2, else loss. */
static double test_figure(const sp_rank *rank, const char **name) {
    *name = !isnan(rank->test_accuracy) ? "test_accuracy" : !isnan(rank->test_r2) ? "test_r2" : "test_loss";
    return !isnan(rank->test_accuracy) ? rank->test_accuracy : !isnan(rank->test_r2) ? rank->test_r2 : rank->test_loss;
}

static void print_figure(double value, int width) {
    char text[40] = "-";
    if (!isnan(value)) snprintf(text, sizeof text, "%.4f", value);
    if (!isnan(value) && fabs(value) < 0.001) snprintf(text, sizeof text, "%.4g", value);
    printf("  %-*s", width, text);
}

static void print_head(const sp_rank *rank, bool seeds) {
    const char *test;
    bool tested = !isnan(test_figure(rank, &test));
    printf("rank  %-20s", *rank->monitor ? rank->monitor : "failed");
    if (seeds) printf("  %-9s  seeds", "deviation");
    if (tested) printf("  %-13s", test);
    printf("  epochs  name\n");
}

static void print_rank(const sp_rank *rank, const char *label, bool seeds, bool tested) {
    const char *test;
    if (rank->rank > 0)
        printf("%4zu", rank->rank);
    else
        printf("%4s", "-");
    print_figure(rank->mean, 20);
    if (seeds) {
        char good[24];
        print_figure(rank->deviation, 9);
        snprintf(good, sizeof good, rank->good < rank->seeds ? "%zu/%zu" : "%zu", rank->good, rank->seeds);
        printf("  %-5s", good);
    }
    if (tested) print_figure(test_figure(rank, &test), 13);
    if (isnan(rank->epochs))
        printf("  %-6s", "-");
    else
        printf("  %-6.4g", rank->epochs);
    printf("  %s%s\n", label, rank->good == 0 ? " (failed)" : "");
}

void sp_batch_view_ranking(const sp_ranking *ranking, const sp_trials *trials) {
    bool seeds = false;
    const char *monitor = NULL, *test;
    for (size_t i = 0; i < sp_ranking_count(ranking); i++) seeds = seeds || sp_ranking_at(ranking, i)->seeds > 1;
    bool tested = false;
    for (size_t i = 0; i < sp_ranking_count(ranking); i++) {
        const sp_rank *rank = sp_ranking_at(ranking, i);
        if (!monitor || (strcmp(monitor, rank->monitor) != 0 && rank->good > 0)) {
            if (monitor) putchar('\n');
            print_head(rank, seeds);
            tested = !isnan(test_figure(rank, &test));
            monitor = rank->monitor;
        }
        print_rank(rank, trials->trial[rank->first].label, seeds, tested);
    }
}
