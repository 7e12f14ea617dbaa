#include "base/host.h"

#include "shardprop.h"

#include <ctype.h>
#include <math.h>
#include <omp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

size_t sp_host_quota(const char *text) {
    char *end;
    double quota = strtod(text, &end);
    if (end == text) return 0; /* "max" */
    double period = strtod(end, NULL);
    if (!(quota > 0) || !(period > 0)) return 0; /* version 1 says -1 for none */
    return (size_t)ceil(quota / period);
}

static bool read_line(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "re");
    if (!file) return false;
    bool got = fgets(text, (int)size, file) != NULL;
    fclose(file);
    if (got) text[strcspn(text, "\n")] = '\0';
    return got;
}

static size_t smaller_quota(size_t a, size_t b) {
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* The quota of the control group `group` and of every group above it, below `mount`. */
static size_t quota_along(const char *mount, char *group, bool version2) {
    size_t least = 0;
    for (;;) {
        char path[600], quota[64], period[32] = "";
        snprintf(path, sizeof path, "%s%s/%s", mount, group, version2 ? "cpu.max" : "cpu.cfs_quota_us");
        if (read_line(path, quota, sizeof quota)) {
            if (!version2) {
                snprintf(path, sizeof path, "%s%s/cpu.cfs_period_us", mount, group);
                if (!read_line(path, period, sizeof period)) period[0] = '\0';
                size_t used = strlen(quota);
                snprintf(quota + used, sizeof quota - used, " %s", period);
            }
            least = smaller_quota(least, sp_host_quota(quota));
        }
        char *slash = strrchr(group, '/');
        if (!slash) return least;
        *slash = '\0';
    }
}

/* /proc/self/cgroup has lines "ID:CONTROLLERS:GROUP"; version 2 has no controllers. */
static size_t cgroup_quota(void) {
    FILE *file = fopen("/proc/self/cgroup", "re");
    size_t least = 0;
    if (!file) return 0;
    char line[512];
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group) continue;
        *group++ = '\0';
        controllers++;
        if (*controllers == '\0') {
            least = smaller_quota(least, quota_along("/sys/fs/cgroup", group, true));
        } else if (strcmp(controllers, "cpu") == 0 || strncmp(controllers, "cpu,", 4) == 0 ||
                   strstr(controllers, ",cpu,") || strcmp(controllers, "cpuacct,cpu") == 0) {
            least = smaller_quota(least, quota_along("/sys/fs/cgroup/cpu", group, false));
        }
    }
    fclose(file);
    return least;
}

size_t sp_host_threads(void) {
    size_t allowed = (size_t)omp_get_max_threads();
    size_t processors = (size_t)omp_get_num_procs(); /* of the affinity mask */
    size_t quota = cgroup_quota();
    if (processors < allowed) allowed = processors;
    if (quota > 0 && quota < allowed) allowed = quota;
    return allowed > 0 ? allowed : 1;
}
