#include "cmd/progress.h"

#include "base/host.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BAR = 16, PLAIN_LINES = 20 };
static const double redraw_seconds = 0.1;

static void print_figures(const sp_epoch *epoch) {
    fprintf(stderr, " loss %-8.4g", epoch->train_loss);
    if (!isnan(epoch->train_accuracy)) fprintf(stderr, " acc %.4f", epoch->train_accuracy);
    if (!isnan(epoch->validation_accuracy))
        fprintf(stderr, " val %.4f", epoch->validation_accuracy);
    else if (!isnan(epoch->validation_loss))
        fprintf(stderr, " val %-8.4g", epoch->validation_loss);
}

/* "950", "12k", "1.2M" samples a second, and the time left: at most 80 columns with the rest. */
static void print_speed(const sp_progress *progress) {
    double total = (double)progress->epochs * (double)progress->steps;
    double done = (double)(progress->epoch - 1) * (double)progress->steps + (double)progress->step;
    double speed = progress->seconds > 0 ? (double)progress->samples / progress->seconds : 0;
    double left = done > 0 ? progress->seconds * (total - done) / done : 0;
    if (speed >= 1e6)
        fprintf(stderr, " %.1fM/s", speed / 1e6);
    else if (speed >= 1e4)
        fprintf(stderr, " %.0fk/s", speed / 1e3);
    else
        fprintf(stderr, " %.0f/s", speed);
    long seconds = lround(left);
    if (seconds >= 3600)
        fprintf(stderr, " %ld:%02ld:%02ld left", seconds / 3600, seconds / 60 % 60, seconds % 60);
    else
        fprintf(stderr, " %ld:%02ld left", seconds / 60, seconds % 60);
}

static void draw(sp_display *display, const sp_progress *progress) {
    char bar[BAR + 1];
    size_t filled = progress->steps > 0 ? BAR * progress->step / progress->steps : 0;
    memset(bar, '.', BAR);
    memset(bar, '#', filled);
    bar[BAR] = '\0';
    fprintf(stderr, "\repoch %zu/%zu [%s]", progress->epoch, progress->epochs, bar);
    if (display->last.epoch > 0) print_figures(&display->last);
    print_speed(progress);
    fputs("\033[K", stderr); /* clears what a longer line left */
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
    fprintf(stderr, "epoch %zu/%zu", epoch->epoch, progress->epochs);
    print_figures(epoch);
    print_speed(progress);
    fputc('\n', stderr);
}

void sp_display_end(sp_display *display) {
    if (display->quiet || !display->terminal || display->drawn == 0) return;
    fputs("\r\033[K", stderr);
}
