#include "cmd/scale_table.h"

#include <math.h>
#include <stdio.h>

static const char *plural(size_t count) {
    return count == 1 ? "" : "s";
}

/* Right-aligned in `columns`; "-" for what is not known. */
static void print_number(int columns, int digits, double value, const char *unit) {
    char text[40] = "-";
    if (isfinite(value)) snprintf(text, sizeof text, "%.*f%s", digits, value, unit);
    printf("%*s", columns, text);
}

static void print_title(const sp_scaling *scaling, const sp_scale_curve *curve) {
    const sp_scale_point *p = &curve->point[0];
    if (!scaling->weak) {
        printf("\nmini-batches of %zu rows in %zu shard%s; %zu epoch%s and %zu to warm up\n", p->batch_size, p->shards,
               plural(p->shards), p->epochs - p->warm, plural(p->epochs - p->warm), p->warm);
        return;
    }
    printf("\nmini-batches of %zu rows a thread (shards:", p->batch_size / p->threads);
    for (size_t i = 0; i < curve->points; i++) printf("%s %zu", i > 0 ? "," : "", curve->point[i].shards);
    printf(")\n");
}

static char mark_of(const sp_scale_point *p) {
    return p->oversubscribed ? '!' : p->siblings ? '+' : p->disturbed > 0 ? '*' : ' ';
}

static void print_speeds(const sp_scale_curve *curve) {
    printf("threads  samples/s  spread  speed-up  efficiency  Karp-Flatt  GFLOP/s  of roof\n");
    for (size_t i = 0; i < curve->points; i++) {
        const sp_scale_point *p = &curve->point[i];
        printf("%6zu%c", p->threads, mark_of(p));
        print_number(11, 0, p->rate.median, "");
        print_number(8, 1, 100 * sp_spread_relative(&p->rate), " %");
        print_number(10, 2, p->speedup, "");
        print_number(12, 1, 100 * p->efficiency, " %");
        print_number(12, 3, p->karp_flatt, "");
        print_number(9, 1, 1e-9 * p->flops, "");
        print_number(9, 0, 100 * p->roofline, " %");
        putchar('\n');
    }
}

static void print_phases(const sp_scale_curve *curve) {
    printf("\n%% of the threads' time\nthreads");
    for (int i = 0; i < SP_PHASES; i++) printf("%9s", i == SP_PHASE_BARRIER ? "wait" : sp_phase_name((sp_phase)i));
    printf("%10s\n", "imbalance");
    for (size_t i = 0; i < curve->points; i++) {
        const sp_scale_point *p = &curve->point[i];
        printf("%6zu%c", p->threads, mark_of(p));
        for (int j = 0; j < SP_PHASES; j++) print_number(9, 1, 100 * p->phases[j], "");
        print_number(10, 1, 100 * p->imbalance, "");
        putchar('\n');
    }
}

static void print_roofs(const sp_scale_curve *curve) {
    printf("\nthreads  product GFLOP/s  used  copy GB/s  used   flop/byte (least traffic)\n");
    for (size_t i = 0; i < curve->points; i++) {
        const sp_scale_point *p = &curve->point[i];
        printf("%6zu ", p->threads);
        print_number(17, 1, 1e-9 * p->ceiling.flops, "");
        print_number(6, 0, 100 * p->flops / p->ceiling.flops, " %");
        print_number(11, 1, 1e-9 * p->ceiling.bytes, "");
        print_number(6, 0, p->cached ? NAN : 100 * p->bytes / p->ceiling.bytes, " %");
        print_number(12, 1, p->flops / p->bytes, "");
        putchar('\n');
    }
}

/* What a law says of more threads, on a line of its own; nothing where the fit is no share. */
static void print_prediction(double serial, double (*speedup)(double serial, double p)) {
    if (!(serial >= 0) || serial > 1) return;
    printf("  by that, %.1f times on 8 threads, %.1f on 32, %.1f on 128\n", speedup(serial, 8), speedup(serial, 32),
           speedup(serial, 128));
}

static void print_amdahl(const sp_scale_curve *curve) {
    const sp_amdahl *fit = &curve->amdahl;
    double ceiling = sp_amdahl_ceiling(fit->serial);
    if (isnan(fit->serial)) {
        printf("\nAmdahl: no fit; it takes two numbers of threads with a core for each\n");
        return;
    }
    printf("\nAmdahl: %.1f %% serial", 100 * fit->serial);
    if (curve->serial_most > curve->serial_least)
        printf(" (%.1f to %.1f in single rounds)", 100 * curve->serial_least, 100 * curve->serial_most);
    printf("; %zu points, %.1f %% off\n", curve->fitted, 100 * fit->error);
    if (isfinite(ceiling)) printf("  ceiling: %.3g times, on any number of threads\n", ceiling);
    print_prediction(fit->serial, sp_amdahl_speedup);
}

static void print_gustafson(const sp_scale_curve *curve) {
    if (isnan(curve->gustafson)) {
        printf("\nGustafson: no fit; it takes one thread and another number with a core for each\n");
        return;
    }
    printf("\nGustafson: %.1f %% serial; %zu points\n", 100 * curve->gustafson, curve->fitted);
    print_prediction(curve->gustafson, sp_gustafson_speedup);
}

static void print_notes(const sp_scale_curve *curve) {
    static const struct {
        char mark;
        const char *text;
    } notes[] = {{'!', "more threads than CPUs: they take turns; left out of the fit"},
                 {'+', "more threads than cores: some share one; left out of the fit"},
                 {'*', "disturbed by other processes"}};
    for (int n = 0; n < 3; n++) {
        bool any = false;
        for (size_t i = 0; i < curve->points; i++) any = any || mark_of(&curve->point[i]) == notes[n].mark;
        if (any) printf("%c %s\n", notes[n].mark, notes[n].text);
    }
}

void sp_print_scaling(const sp_scaling *scaling) {
    for (size_t c = 0; c < scaling->curves; c++) {
        const sp_scale_curve *curve = &scaling->curve[c];
        print_title(scaling, curve);
        print_speeds(curve);
        print_notes(curve);
        print_phases(curve);
        print_roofs(curve);
        if (scaling->weak)
            print_gustafson(curve);
        else
            print_amdahl(curve);
    }
}
