#include "base/machine.h"

#include "base/host.h"
#include "base/load.h"

#include <dlfcn.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first line of a small file; "" where it cannot be read. */
static void read_word(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "re");
    if (!file || !fgets(text, (int)size, file)) text[0] = '\0';
    if (file) fclose(file);
    text[strcspn(text, "\n")] = '\0';
}

/* ---- Frequency --------------------------------------------------------------------------------- */

/* Where there is no cpufreq, as on most virtual machines. */
static double mhz_of_cpuinfo(void) {
    char line[200];
    double mhz = 0;
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file && mhz == 0 && fgets(line, sizeof line, file)) {
        const char *colon = strncmp(line, "cpu MHz", 7) == 0 ? strchr(line, ':') : NULL;
        if (colon) mhz = strtod(colon + 1, NULL);
    }
    if (file) fclose(file);
    return mhz;
}

void sp_frequency_read(const char *root, long cpu, sp_frequency *frequency) {
    struct {
        const char *name;
        char *text;
    } files[] = {{"scaling_governor", frequency->governor},
                 {"scaling_driver", frequency->driver},
                 {"energy_performance_preference", frequency->preference}};
    char path[600], khz[32];
    *frequency = (sp_frequency){0};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%.400s/devices/system/cpu/cpu%ld/cpufreq/%s", root, cpu, files[i].name);
        read_word(path, files[i].text, sizeof frequency->governor);
    }
    snprintf(path, sizeof path, "%.400s/devices/system/cpu/cpu%ld/cpufreq/scaling_cur_freq", root, cpu);
    read_word(path, khz, sizeof khz);
    frequency->now = strtod(khz, NULL) / 1000;
    snprintf(path, sizeof path, "%.400s/devices/system/cpu/cpu%ld/cpufreq/cpuinfo_max_freq", root, cpu);
    read_word(path, khz, sizeof khz);
    frequency->most = strtod(khz, NULL) / 1000;
}

void sp_huge_pages_read(const char *root, char *text, size_t size) {
    char path[600], line[100];
    snprintf(path, sizeof path, "%.400s/kernel/mm/transparent_hugepage/enabled", root);
    read_word(path, line, sizeof line);
    const char *from = strchr(line, '['), *to = from ? strchr(from, ']') : NULL;
    snprintf(text, size, "%.*s", to ? (int)(to - from - 1) : 0, to ? from + 1 : "");
}

/* ---- OpenMP ------------------------------------------------------------------------------------ */

static const char *bind_name(omp_proc_bind_t bind) {
    switch (bind) {
    case omp_proc_bind_false: return "false";
    case omp_proc_bind_true: return "true";
    case omp_proc_bind_close: return "close";
    case omp_proc_bind_spread: return "spread";
    default: return "primary";
    }
}

/* Which of gcc's and LLVM's runtimes it is, its file tells. */
static void find_library(char *name, size_t size) {
    Dl_info found;
    snprintf(name, size, "%s", "");
    if (!dladdr((void *)(uintptr_t)omp_get_max_threads, &found) || !found.dli_fname) return;
    const char *slash = strrchr(found.dli_fname, '/'), *file = slash ? slash + 1 : found.dli_fname;
    if (strncmp(file, "lib", 3) == 0) snprintf(name, size, "%s", file);
}

static sp_openmp read_openmp(void) {
    sp_openmp openmp = {.version = _OPENMP,
                        .threads = (size_t)omp_get_max_threads(),
                        .limit = (size_t)omp_get_thread_limit(),
                        .places = (size_t)omp_get_num_places(),
                        .bind = bind_name(omp_get_proc_bind()),
                        .dynamic = omp_get_dynamic() != 0};
    find_library(openmp.library, sizeof openmp.library);
    return openmp;
}

sp_status sp_machine_read(sp_machine *machine, sp_error *error) {
    *machine = (sp_machine){.openmp = read_openmp(),
                            .quota = sp_host_cpu_quota(),
                            .memory = sp_host_memory(),
                            .load_average = sp_load_average(),
                            .threads = sp_host_threads()};
    cpu_set_t *allowed = sp_host_allowed();
    sp_status status = sp_topology_read(allowed, SP_HOST_CPUS, &machine->topology, error);
    CPU_FREE(allowed);
    if (status) return status;
    sp_frequency_read("/sys", machine->topology.first, &machine->frequency);
    if (machine->frequency.now == 0) machine->frequency.now = mhz_of_cpuinfo();
    sp_huge_pages_read("/sys", machine->huge_pages, sizeof machine->huge_pages);
    return SP_OK;
}
