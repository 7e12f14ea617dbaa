#include "cmd/progress.h"

#include "base/host.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { BAR = 16, SHORTEST_BAR = 4, COLUMNS = 79, PLAIN_LINES = 20 };
static const double redraw_seconds = 0.1;

/* A line while it is put together. */
typedef struct line {
    char text[200];
    size_t used;
} line;

__attribute__((format(printf, 2, 3))) static void add(line *to, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(to->text + to->used, sizeof to->text - to->used, format, arguments);
    va_end(arguments);
    if (length > 0) to->used += (size_t)length;
    if (to->used >= sizeof to->text) to->used = sizeof to->text - 1;
}

static void add_figures(line *to, const sp_epoch *epoch) {
    /* NAN has no sign, which printf would show. */
    add(to, " loss %-8.4g", isnan(epoch->train_loss) ? NAN : epoch->train_loss);
    if (!isnan(epoch->train_accuracy)) add(to, " acc %.4f", epoch->train_accuracy);
    if (!isnan(epoch->validation_accuracy))
        add(to, " val %.4f", epoch->validation_accuracy);
    else if (!isnan(epoch->validation_loss))
        add(to, " val %-8.4g", epoch->validation_loss);
}

/* "950", "12k", "1.2M" samples a second, and the time left. */
static void add_speed(line *to, const sp_progress *progress) {
    double total = (double)progress->epochs * (double)progress->steps;
    double done = (double)(progress->epoch - 1) * (double)progress->steps + (double)progress->step;
    double speed = progress->seconds > 0 ? (double)progress->samples / progress->seconds : 0;
    double left = done > 0 ? progress->seconds * (total - done) / done : 0;
    if (speed >= 1e6)
        add(to, " %.1fM/s", speed / 1e6);
    else if (speed >= 1e4)
        add(to, " %.0fk/s", speed / 1e3);
    else
        add(to, " %.0f/s", speed);
    long seconds = lround(left);
    if (seconds >= 3600)
        add(to, " %ld:%02ld:%02ld left", seconds / 3600, seconds / 60 % 60, seconds % 60);
    else
        add(to, " %ld:%02ld left", seconds / 60, seconds % 60);
}

/* The bar has what the rest leaves of the line. */
static void draw(sp_display *display, const sp_progress *progress) {
    line head = {.used = 0}, rest = {.used = 0};
    add(&head, "epoch %zu/%zu", progress->epoch, progress->epochs);
    if (display->last.epoch > 0) add_figures(&rest, &display->last);
    add_speed(&rest, progress);
    size_t taken = head.used + rest.used + strlen(" []");
    size_t room = taken < COLUMNS ? COLUMNS - taken : 0;
    size_t width = room < BAR ? room : BAR;
    size_t filled = progress->steps > 0 ? width * progress->step / progress->steps : 0;
    if (width >= SHORTEST_BAR) {
        add(&head, " [");
        for (size_t i = 0; i < width; i++) add(&head, "%c", i < filled ? '#' : '.');
        add(&head, "]");
    }
    add(&head, "%s", rest.text);
    fprintf(stderr, "\r%.*s\033[K", COLUMNS, head.text); /* clears what a longer line left */
    fflush(stderr);
    display->drawn = sp_host_seconds();
}

void sp_display_start(sp_display *display, const char *plan) {
    if (display->quiet) return;
    /* The network, then what trains it, each on a line of its own. */
    const char *rest = strchr(plan, ';');
    fprintf(stderr, "%.*s\n", rest ? (int)(rest - plan) : (int)strlen(plan), plan);
    if (rest) fprintf(stderr, "%s\n", rest + 2);
}

void sp_display_step(sp_display *display, const sp_progress *progress) {
    if (display->quiet || !display->terminal) return;
    if (sp_host_seconds() - display->drawn >= redraw_seconds) draw(display, progress);
}

void sp_display_epoch(sp_display *display, const sp_epoch *epoch, const sp_progress *progress) {
    display->last = *epoch;
    if (display->quiet) return;
    if (display->terminal) {
        if (sp_host_seconds() - display->drawn >= redraw_seconds || epoch->epoch == progress->epochs)
            draw(display, progress);
        return;
    }
    size_t every = (progress->epochs + PLAIN_LINES - 1) / PLAIN_LINES;
    if (epoch->epoch != 1 && epoch->epoch != progress->epochs && epoch->epoch % every != 0) return;
    line text = {.used = 0};
    add(&text, "epoch %zu/%zu", epoch->epoch, progress->epochs);
    add_figures(&text, epoch);
    add_speed(&text, progress);
    fprintf(stderr, "%s\n", text.text);
}

/* Breaks a text at blanks, so that no line is wider than the terminal but where a single word is. */
static void wrap(char *text) {
    char *start = text, *blank = NULL;
    for (char *at = text; *at; at++) {
        if (*at == ' ') blank = at;
        if (at - start < COLUMNS || !blank) continue;
        *blank = '\n';
        start = blank + 1;
        blank = NULL;
    }
}

void sp_display_warning(sp_display *display, const char *text) {
    char line_of_all[SP_ERROR_TEXT];
    sp_display_end(display);
    if (display->quiet) return;
    snprintf(line_of_all, sizeof line_of_all, "shardprop: warning: %s", text);
    if (display->terminal) wrap(line_of_all);
    fprintf(stderr, "%s\n", line_of_all);
}

void sp_display_end(sp_display *display) {
    if (display->quiet || !display->terminal || display->drawn == 0) return;
    fputs("\r\033[K", stderr);
}
