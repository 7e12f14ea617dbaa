#include "base/load.h"

#include "base/host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The columns of a line of /proc/stat; proc(5). Guests are counted in user and nice already. */
enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, COLUMNS };

/* "cpuN user nice ..." */
static bool parse_line(const char *line, long *cpu, double columns[COLUMNS]) {
    char *end;
    if (strncmp(line, "cpu", 3) != 0 || line[3] < '0' || line[3] > '9') return false;
    *cpu = strtol(line + 3, &end, 10);
    for (int i = 0; i < COLUMNS; i++) columns[i] = strtod(end, &end);
    return true;
}

bool sp_load_parse(const char *text, bool (*allowed)(void *context, long cpu), void *context, double *busy,
                   double *stolen) {
    bool any = false;
    *busy = *stolen = 0;
    for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        long cpu;
        double c[COLUMNS];
        if (!parse_line(line, &cpu, c) || !allowed(context, cpu)) continue;
        *busy += c[USER] + c[NICE] + c[SYSTEM] + c[IRQ] + c[SOFTIRQ];
        *stolen += c[STEAL];
        any = true;
    }
    return any;
}

/* ---- This process ------------------------------------------------------------------------------- */

enum { STAT_TEXT = 1 << 20 };

static bool is_allowed(void *context, long cpu) {
    const cpu_set_t *set = context;
    return !set || CPU_ISSET_S((size_t)cpu, CPU_ALLOC_SIZE(SP_HOST_CPUS), set);
}

static double seconds_of(int who) {
    struct rusage usage;
    if (getrusage(who, &usage)) return 0;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static bool read_stat(char *text, size_t size) {
    FILE *file = fopen("/proc/stat", "re");
    if (!file) return false;
    size_t got = fread(text, 1, size - 1, file);
    text[got] = '\0';
    fclose(file);
    return got > 0;
}

bool sp_load_now(sp_load *load) {
    char *text = malloc(STAT_TEXT);
    cpu_set_t *set = sp_host_allowed();
    bool told = text && read_stat(text, STAT_TEXT);
    if (told) {
        told = sp_load_parse(text, is_allowed, set, &load->busy, &load->stolen);
        double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
        load->busy *= tick;
        load->stolen *= tick;
    }
    load->at = sp_host_seconds();
    load->own = seconds_of(RUSAGE_SELF) + seconds_of(RUSAGE_CHILDREN);
    CPU_FREE(set);
    free(text);
    return told;
}

static double per_second(double amount, const sp_load *before, const sp_load *after) {
    double seconds = after->at - before->at;
    return seconds > 0 && amount > 0 ? amount / seconds : 0;
}

double sp_load_others(const sp_load *before, const sp_load *after) {
    return per_second(after->busy - before->busy - (after->own - before->own), before, after);
}

double sp_load_stolen(const sp_load *before, const sp_load *after) {
    return per_second(after->stolen - before->stolen, before, after);
}

double sp_load_average(void) {
    double average;
    return getloadavg(&average, 1) == 1 ? average : NAN;
}
