#include "cmd/ranking_table.h"

#include "base/text.h"
#include "cmd/terminal.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* FEWEST: columns of a name that still tell trainings apart. */
enum { NAME = 200, FEWEST = 20 };

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

void sp_print_ranking(const sp_ranking *ranking, const sp_trials *trials) {
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
