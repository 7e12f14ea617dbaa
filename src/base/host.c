#include "base/host.h"

#include "shardprop.h"

#include <math.h>
#include <omp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

const char *sp_version(void) {
    return SP_VERSION;
}

const char *sp_host_compiler(void) {
#ifdef __clang__
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}

double sp_host_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The same in thousandths of a CPU. */
static size_t quota_thousandths(const char *text) {
    char *end;
    double quota = strtod(text, &end);
    if (end == text) return 0; /* "max" */
    double period = strtod(end, NULL);
    if (!(quota > 0) || !(period > 0)) return 0; /* version 1 says -1 for none */
    return (size_t)ceil(1000 * quota / period);
}

/* Of what is begun, a whole. */
static size_t whole_cpus(size_t thousandths) {
    return (thousandths + 999) / 1000;
}

size_t sp_host_quota(const char *text) {
    return whole_cpus(quota_thousandths(text));
}

static bool read_line(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "re");
    if (!file) return false;
    bool got = fgets(text, (int)size, file) != NULL;
    fclose(file);
    if (got) text[strcspn(text, "\n")] = '\0';
    return got;
}

/* ---- Control groups -------------------------------------------------------------------------- */

/* 0 stands for no limit. */
static size_t smaller(size_t a, size_t b) {
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* What the folder of a control group says; 0: no limit. */
typedef size_t sp_limit(const char *folder, bool version2);

/* The least limit of the control group `group` and of every group above it, below `mount`. */
static size_t least_along(const char *mount, char *group, bool version2, sp_limit *limit) {
    size_t least = 0;
    for (;;) {
        char folder[560];
        snprintf(folder, sizeof folder, "%s%s", mount, group);
        least = smaller(least, limit(folder, version2));
        char *slash = strrchr(group, '/');
        if (!slash) return least;
        *slash = '\0';
    }
}

/* Whether `controller` is one of those between commas. */
static bool lists(const char *controllers, const char *controller) {
    size_t length = strlen(controller);
    for (const char *at = controllers; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, controller, length) == 0 && (at[length] == '\0' || at[length] == ',')) return true;
    return false;
}

/* /proc/self/cgroup has lines "ID:CONTROLLERS:GROUP"; version 2 has no controllers. */
static size_t least_of_groups(const char *controller, sp_limit *limit) {
    FILE *file = fopen("/proc/self/cgroup", "re");
    size_t least = 0;
    if (!file) return 0;
    char line[512], mount[64];
    snprintf(mount, sizeof mount, "/sys/fs/cgroup/%s", controller);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group) continue;
        *group++ = '\0';
        controllers++;
        if (*controllers == '\0')
            least = smaller(least, least_along("/sys/fs/cgroup", group, true, limit));
        else if (lists(controllers, controller))
            least = smaller(least, least_along(mount, group, false, limit));
    }
    fclose(file);
    return least;
}

/* Thousandths of a CPU. */
static size_t cpu_limit(const char *folder, bool version2) {
    char path[600], quota[64], period[32] = "";
    snprintf(path, sizeof path, "%s/%s", folder, version2 ? "cpu.max" : "cpu.cfs_quota_us");
    if (!read_line(path, quota, sizeof quota)) return 0;
    if (!version2) {
        snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
        if (!read_line(path, period, sizeof period)) period[0] = '\0';
        size_t used = strlen(quota);
        snprintf(quota + used, sizeof quota - used, " %s", period);
    }
    return quota_thousandths(quota);
}

/* ---- Memory ------------------------------------------------------------------------------------ */

/* The number behind `name` at the beginning of a line of the file; 0: none. */
static double number_in(const char *path, const char *name) {
    char line[200];
    double number = 0;
    size_t length = strlen(name);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, length) == 0) {
            number = strtod(line + length, NULL);
            break;
        }
    if (file) fclose(file);
    return number;
}

/* What a group may still take: caches of files give way. At least 1, since 0 is no limit. */
static size_t memory_limit(const char *folder, bool version2) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, version2 ? "memory.max" : "memory.limit_in_bytes");
    double most = number_in(path, ""); /* "max": 0 */
    if (most <= 0 || most > 0x1p60) return 0;
    snprintf(path, sizeof path, "%s/%s", folder, version2 ? "memory.current" : "memory.usage_in_bytes");
    double used = number_in(path, "");
    snprintf(path, sizeof path, "%s/memory.stat", folder);
    used -= number_in(path, version2 ? "inactive_file " : "total_inactive_file ");
    used -= number_in(path, version2 ? "active_file " : "total_active_file ");
    return most - used > 1 ? (size_t)(most - used) : 1;
}

size_t sp_host_addresses(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) || limit.rlim_cur == RLIM_INFINITY) return 0;
    double left = (double)limit.rlim_cur - 1024 * number_in("/proc/self/status", "VmSize:");
    return left > 1 ? (size_t)left : 1;
}

size_t sp_host_memory(void) {
    size_t machine = (size_t)(1024 * number_in("/proc/meminfo", "MemAvailable:"));
    return smaller(smaller(machine, sp_host_addresses()), least_of_groups("memory", memory_limit));
}

size_t sp_host_peak_bytes(void) {
    return (size_t)(1024 * number_in("/proc/self/status", "VmHWM:"));
}

/* ---- Threads ----------------------------------------------------------------------------------- */

double sp_host_cpu_quota(void) {
    return (double)least_of_groups("cpu", cpu_limit) / 1000;
}

/* All CPUs of OpenMP's places. */
static void add_places(cpu_set_t *set) {
    for (int place = 0; place < omp_get_num_places(); place++) {
        int count = omp_get_place_num_procs(place), *ids = calloc((size_t)count + 1, sizeof *ids);
        if (!ids) continue;
        omp_get_place_proc_ids(place, ids);
        for (int i = 0; i < count; i++)
            if (ids[i] >= 0 && ids[i] < SP_HOST_CPUS) CPU_SET_S((size_t)ids[i], CPU_ALLOC_SIZE(SP_HOST_CPUS), set);
        free(ids);
    }
}

cpu_set_t *sp_host_allowed(void) {
    cpu_set_t *set = CPU_ALLOC(SP_HOST_CPUS);
    if (!set) return NULL;
    CPU_ZERO_S(CPU_ALLOC_SIZE(SP_HOST_CPUS), set);
    if (sched_getaffinity(0, CPU_ALLOC_SIZE(SP_HOST_CPUS), set)) {
        CPU_FREE(set);
        return NULL;
    }
    add_places(set);
    return set;
}

size_t sp_host_threads(void) {
    size_t allowed = (size_t)omp_get_max_threads();
    size_t processors = (size_t)omp_get_num_procs(); /* of the affinity mask */
    size_t quota = whole_cpus(least_of_groups("cpu", cpu_limit));
    if (processors < allowed) allowed = processors;
    if (quota > 0 && quota < allowed) allowed = quota;
    return allowed > 0 ? allowed : 1;
}
