#include "cmd/progress.h"

#include "base/host.h"
#include "cmd/terminal.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 400, BAR = 40, SHORTEST_BAR = 4, PLAIN_LINES = 20 };

/* The block is drawn so often, or seldom enough that drawing takes this share of the time at most. */
static const double redraw_seconds = 0.1, redraw_share = 0.01;

/* A line while it is put together; what has no room is left out. */
typedef struct line {
    char text[LINE];
    size_t used, columns, room; /* columns: that it takes on a terminal, of the room there */
} line;

/* Appends all of a piece, or nothing where the line has no room for it. ASCII. */
__attribute__((format(printf, 2, 3))) static void add(line *to, const char *format, ...) {
    char piece[LINE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    if (length < 0 || to->columns + (size_t)length > to->room || to->used + (size_t)length >= LINE) return;
    memcpy(to->text + to->used, piece, (size_t)length + 1);
    to->used += (size_t)length;
    to->columns += (size_t)length;
}

/* Takes no room: colours. */
static void add_code(line *to, const char *code) {
    if (to->used + strlen(code) >= LINE) return;
    strcpy(to->text + to->used, code);
    to->used += strlen(code);
}

/* ---- Figures ----------------------------------------------------------------------------------- */

static void add_figures(line *to, const sp_epoch *epoch) {
    /* NAN has no sign, which printf would show. */
    add(to, "loss %-8.4g", isnan(epoch->train_loss) ? NAN : epoch->train_loss);
    if (!isnan(epoch->train_accuracy)) add(to, " acc %.4f", epoch->train_accuracy);
    if (!isnan(epoch->validation_accuracy))
        add(to, " val %.4f", epoch->validation_accuracy);
    else if (!isnan(epoch->validation_loss))
        add(to, " val %-8.4g", epoch->validation_loss);
}

/* "950/s", "12k/s", "1.2M/s": samples a second. */
static void add_speed(line *to, const sp_progress *progress) {
    double speed = progress->seconds > 0 ? (double)progress->samples / progress->seconds : 0;
    if (speed >= 1e6)
        add(to, " %.1fM/s", speed / 1e6);
    else if (speed >= 1e4)
        add(to, " %.0fk/s", speed / 1e3);
    else
        add(to, " %.0f/s", speed);
}

/* Mini-batches that are done, of all. */
static double share_done(const sp_progress *progress) {
    double total = (double)progress->epochs * (double)progress->steps;
    double done = (double)(progress->epoch - 1) * (double)progress->steps + (double)progress->step;
    return total > 0 && done < total ? done / total : 1;
}

static void add_time_left(line *to, const sp_progress *progress) {
    double done = share_done(progress), left = done > 0 ? progress->seconds * (1 - done) / done : 0;
    long seconds = left < 1e8 ? lround(left) : 100000000;
    if (seconds >= 3600)
        add(to, " %ld:%02ld:%02ld left", seconds / 3600, seconds / 60 % 60, seconds % 60);
    else
        add(to, " %ld:%02ld left", seconds / 60, seconds % 60);
}

/* ---- The block --------------------------------------------------------------------------------- */

/* How far the training is; the bar has what the rest leaves of the line. */
static void compose_bar(const sp_display *display, const sp_progress *progress, line *to) {
    line rest = {.room = to->room};
    double done = share_done(progress);
    add(to, "epoch %zu/%zu", progress->epoch, progress->epochs);
    add(&rest, " %3.0f %%", floor(100 * done));
    add_time_left(&rest, progress);
    size_t taken = to->columns + rest.columns + strlen(" []");
    size_t width = taken < to->room ? to->room - taken : 0;
    if (width > BAR) width = BAR;
    if (width >= SHORTEST_BAR) {
        size_t filled = (size_t)((double)width * done);
        add(to, " [");
        if (display->colour) add_code(to, "\033[32m");
        for (size_t i = 0; i < filled; i++) add(to, "#");
        if (display->colour) add_code(to, "\033[0m");
        for (size_t i = filled; i < width; i++) add(to, ".");
        add(to, "]");
    }
    add(to, "%s", rest.text);
}

static void compose_figures(const sp_display *display, const sp_progress *progress, line *to) {
    if (display->last.epoch > 0)
        add_figures(to, &display->last);
    else
        add(to, "in the first epoch");
    add_speed(to, progress);
}

/* Cut to the line; in bytes, which are columns at least. */
static void compose_note(const sp_display *display, line *to) {
    size_t length = strlen(display->note);
    if (display->colour) add_code(to, "\033[33m");
    if (length <= to->room)
        add(to, "%s", display->note);
    else if (to->room > 3) {
        size_t kept = to->room - 3;
        while (kept > 0 && (display->note[kept] & 0xc0) == 0x80) kept--; /* within a character of UTF-8 */
        add(to, "%.*s...", (int)kept, display->note);
    }
    if (display->colour) add_code(to, "\033[0m");
}

/* Commands that take the block away. */
static void add_removal(const sp_display *display, size_t columns, char *text, size_t size) {
    if (display->lines > 0)
        snprintf(text, size, "\r\033[%zuA\033[J", sp_terminal_rows(display->widths, display->lines, columns));
}

/* Lines for the block, as many as the window has room for; returns their number. */
static size_t compose(const sp_display *display, const sp_progress *progress, size_t columns, size_t rows,
                      line lines[SP_BLOCK_LINES]) {
    size_t most = rows > SP_BLOCK_LINES ? SP_BLOCK_LINES : rows > 1 ? rows - 1 : 1;
    for (int i = 0; i < SP_BLOCK_LINES; i++) lines[i] = (line){.room = columns - 1};
    compose_bar(display, progress, &lines[0]);
    compose_figures(display, progress, &lines[1]);
    if (*display->note) compose_note(display, &lines[2]);
    size_t count = *display->note ? 3 : 2;
    return count < most ? count : most;
}

/* In one piece: whenever the program is killed, the block is there or not. */
static void draw(sp_display *display, const sp_progress *progress) {
    char text[sizeof display->pending + SP_BLOCK_LINES * (LINE + 8) + 80] = "\r";
    line lines[SP_BLOCK_LINES];
    size_t columns, rows;
    sp_terminal_size(STDERR_FILENO, &columns, &rows);
    if (*display->pending) {
        add_removal(display, columns, text, sizeof text);
        strcat(text, display->pending);
        display->pending[0] = '\0';
    } else if (display->lines > 0) {
        snprintf(text, sizeof text, "\r\033[%zuA", sp_terminal_rows(display->widths, display->lines, columns));
    }
    size_t used = strlen(text), count = compose(display, progress, columns, rows, lines);
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s\033[K\n", lines[i].text);
        display->widths[i] = lines[i].columns;
    }
    snprintf(text + used, sizeof text - used, "\033[J");
    display->lines = count;
    sp_terminal_write(text);
}

/* Where the terminal takes nothing (Ctrl-S, a slow line), training does not wait for it. */
static void draw_when_due(sp_display *display, const sp_progress *progress) {
    double now = sp_host_seconds();
    if (now - display->drawn < display->pause || !sp_terminal_is_ready()) return;
    draw(display, progress);
    display->drawn = sp_host_seconds();
    display->pause = fmax(redraw_seconds, (display->drawn - now) / redraw_share);
}

/* ---- What is called ---------------------------------------------------------------------------- */

sp_display sp_display_create(bool quiet) {
    return (sp_display){.quiet = quiet,
                        .terminal = sp_terminal_can_redraw(STDERR_FILENO),
                        .colour = sp_terminal_has_colours(STDERR_FILENO)};
}

void sp_display_start(sp_display *display, const char *plan) {
    if (display->quiet) return;
    /* The network, then what trains it, each on a line of its own. */
    const char *rest = strchr(plan, ';');
    fprintf(stderr, "%.*s\n", rest ? (int)(rest - plan) : (int)strlen(plan), plan);
    if (rest) fprintf(stderr, "%s\n", rest + 2);
}

void sp_display_step(sp_display *display, const sp_progress *progress) {
    if (!display->quiet && display->terminal) draw_when_due(display, progress);
}

void sp_display_epoch(sp_display *display, const sp_epoch *epoch, const sp_progress *progress) {
    display->last = *epoch;
    if (display->quiet) return;
    if (display->terminal) {
        draw_when_due(display, progress);
        return;
    }
    size_t every = (progress->epochs + PLAIN_LINES - 1) / PLAIN_LINES;
    if (epoch->epoch != 1 && epoch->epoch != progress->epochs && epoch->epoch % every != 0) return;
    line text = {.room = LINE};
    add(&text, "epoch %zu/%zu ", epoch->epoch, progress->epochs);
    add_figures(&text, epoch);
    add_speed(&text, progress);
    add_time_left(&text, progress);
    fprintf(stderr, "%s\n", text.text);
}

/* Breaks a text at blanks, so that no line is wider than the terminal but where a single word is. */
static void wrap(char *text, size_t columns) {
    char *start = text, *blank = NULL;
    for (char *at = text; *at; at++) {
        if (*at == ' ') blank = at;
        if ((size_t)(at - start) < columns || !blank) continue;
        *blank = '\n';
        start = blank + 1;
        blank = NULL;
    }
}

void sp_display_warning(sp_display *display, const char *text) {
    char line_of_all[SP_ERROR_TEXT];
    size_t columns, rows, used = strlen(display->pending);
    if (display->quiet) return;
    snprintf(line_of_all, sizeof line_of_all, "shardprop: warning: %s", text);
    if (!display->terminal) {
        fprintf(stderr, "%s\n", line_of_all);
        return;
    }
    sp_terminal_size(STDERR_FILENO, &columns, &rows);
    wrap(line_of_all, columns - 1);
    snprintf(display->pending + used, sizeof display->pending - used, "%s\n", line_of_all);
    if (display->last.epoch > 0)
        snprintf(display->note, SP_BLOCK_NOTE, "warning in epoch %zu: %s", display->last.epoch, text);
    else
        snprintf(display->note, SP_BLOCK_NOTE, "warning: %s", text);
}

void sp_display_end(sp_display *display) {
    char text[sizeof display->pending + 80] = "";
    size_t columns, rows;
    sp_terminal_size(STDERR_FILENO, &columns, &rows);
    add_removal(display, columns, text, sizeof text);
    strcat(text, display->pending);
    if (*text) fputs(text, stderr);
    display->lines = 0;
    display->pending[0] = '\0';
}
