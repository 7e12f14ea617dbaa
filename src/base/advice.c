#include "base/advice.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* CPUs of others, or of the hypervisor, from which on measurements suffer. */
static const double much = 0.25;

/* NULL: not set. */
static const char *value_of(const sp_situation *s, const char *name) {
    for (size_t i = 0; i < s->variable_count; i++)
        if (strcmp(s->variables[i].name, name) == 0) return s->variables[i].value;
    return NULL;
}

static bool is_set(const sp_situation *s, const char *name) {
    const char *value = value_of(s, name);
    return value && *value;
}

static const char *plural(size_t count) {
    return count == 1 ? "" : "s";
}

/* Whole CPUs that the quota keeps busy; 0: no quota. */
static size_t quota_of(const sp_machine *m) {
    return (size_t)ceil(m->quota);
}

/* ---- The rules: each writes its line, and says whether it holds ------------------------------- */

static bool openmp_above_quota(const sp_situation *s, char *line, size_t size) {
    const sp_machine *m = s->machine;
    size_t quota = quota_of(m);
    if (!is_set(s, "OMP_NUM_THREADS") || quota == 0 || m->openmp.threads <= quota) return false;
    snprintf(line, size,
             "OMP_NUM_THREADS asks for %zu threads, the control group grants %g CPU%s, and holds back whoever takes "
             "more; set OMP_NUM_THREADS=%zu, or raise the quota",
             m->openmp.threads, m->quota, m->quota == 1 ? "" : "s", quota);
    return true;
}

static bool openmp_above_mask(const sp_situation *s, char *line, size_t size) {
    const sp_machine *m = s->machine;
    size_t cpus = m->topology.allowed_cpus, quota = quota_of(m);
    if (!is_set(s, "OMP_NUM_THREADS") || m->openmp.threads <= cpus || (quota > 0 && quota <= cpus)) return false;
    snprintf(line, size,
             "OMP_NUM_THREADS asks for %zu threads, %zu CPU%s allowed (%s); set OMP_NUM_THREADS=%zu, or allow more "
             "(taskset, or the scheduler of the cluster)",
             m->openmp.threads, cpus, cpus == 1 ? " is" : "s are", m->topology.allowed, cpus);
    return true;
}

static bool cores_unused(const sp_situation *s, char *line, size_t size) {
    const sp_machine *m = s->machine;
    size_t cores = m->topology.allowed_cores, quota = quota_of(m);
    size_t granted = quota > 0 && quota < cores ? quota : cores;
    if (!is_set(s, "OMP_NUM_THREADS") || m->openmp.threads >= granted) return false;
    snprintf(line, size,
             "OMP_NUM_THREADS leaves %zu of %zu cores unused; unset it for training that is as fast as can be",
             granted - m->openmp.threads, granted);
    return true;
}

static bool quota_in_part(const sp_situation *s, char *line, size_t size) {
    const sp_machine *m = s->machine;
    double part = m->quota - floor(m->quota);
    if (m->quota <= 0 || part == 0 || m->threads < quota_of(m)) return false;
    snprintf(line, size,
             "the quota of %g CPUs is no whole number: of %zu threads one is held back again and again, and the others "
             "wait for it; grant whole CPUs%s",
             m->quota, m->threads, m->quota > 1 ? ", or set OMP_NUM_THREADS one lower" : "");
    return true;
}

static bool thread_limit(const sp_situation *s, char *line, size_t size) {
    const sp_machine *m = s->machine;
    if (m->openmp.limit >= m->threads) return false;
    snprintf(line, size, "OMP_THREAD_LIMIT grants %zu thread%s, training would use %zu; unset it, or raise it",
             m->openmp.limit, plural(m->openmp.limit), m->threads);
    return true;
}

static bool dynamic(const sp_situation *s, char *line, size_t size) {
    if (!s->machine->openmp.dynamic) return false;
    snprintf(
        line, size,
        "OMP_DYNAMIC lets OpenMP start fewer threads than it is asked for, as the load is; unset it where a scaling "
        "curve should show what its axis says");
    return true;
}

static bool bind_without_places(const sp_situation *s, char *line, size_t size) {
    const sp_machine *m = s->machine;
    if (!is_set(s, "OMP_PROC_BIND") || strcmp(m->openmp.bind, "false") == 0) return false;
    if (is_set(s, "OMP_PLACES") || is_set(s, "GOMP_CPU_AFFINITY") || is_set(s, "KMP_AFFINITY")) return false;
    snprintf(line, size,
             "OMP_PROC_BIND without OMP_PLACES binds each thread to what the runtime takes for a place%s; set "
             "OMP_PLACES=cores",
             m->topology.allowed_cpus > m->topology.allowed_cores
                 ? ": one hardware thread, so that two threads may share a core while others idle"
                 : "");
    return true;
}

static bool bound_and_shared(const sp_situation *s, char *line, size_t size) {
    if (strcmp(s->machine->openmp.bind, "false") == 0 || !(s->others > much)) return false;
    snprintf(line, size,
             "threads are bound to their cores and other processes run: who shares a core waits, and nobody may "
             "move away; unset OMP_PROC_BIND and OMP_PLACES on a machine that is not yours alone");
    return true;
}

static bool active_waiting(const sp_situation *s, char *line, size_t size) {
    const char *policy = value_of(s, "OMP_WAIT_POLICY");
    if (!policy || strcasecmp(policy, "active") != 0 || !(s->others > much)) return false;
    snprintf(line, size,
             "OMP_WAIT_POLICY=active keeps waiting threads on cores that other processes want; unset it on a "
             "machine that is not yours alone");
    return true;
}

static bool hardware_threads(const sp_situation *s, char *line, size_t size) {
    const sp_machine *m = s->machine;
    size_t cores = m->topology.allowed_cores;
    if (m->threads <= cores || m->threads > m->topology.allowed_cpus) return false;
    snprintf(line, size,
             "%zu threads are two or more on some of %zu core%s, whose units they share: matrix products gain little "
             "by that; to measure cores, set OMP_NUM_THREADS=%zu and OMP_PLACES=cores",
             m->threads, cores, plural(cores), cores);
    return true;
}

/* intel_pstate and amd-pstate in their active mode choose by themselves, whatever the governor is called. */
static bool saving_power(const sp_situation *s, char *line, size_t size) {
    const sp_frequency *f = &s->machine->frequency;
    bool by_itself = strncmp(f->driver, "intel_pstate", 12) == 0 || strcmp(f->driver, "amd-pstate-epp") == 0;
    if (by_itself ? strcmp(f->preference, "power") != 0 : strcmp(f->governor, "powersave") != 0) return false;
    snprintf(line, size, "the processor saves power (%s %s), at a low frequency; as root: cpupower %s", f->driver,
             by_itself ? f->preference : f->governor,
             by_itself ? "set --epp performance" : "frequency-set --governor performance");
    return true;
}

static bool others_run(const sp_situation *s, char *line, size_t size) {
    if (!(s->others > much)) return false;
    snprintf(line, size,
             "other processes keep %.1f of %zu CPUs busy; wait for them, or expect times that vary: training with "
             "threads = auto goes round them",
             s->others, s->machine->topology.allowed_cpus);
    return true;
}

static bool hypervisor_takes(const sp_situation *s, char *line, size_t size) {
    if (!(s->stolen > much)) return false;
    snprintf(line, size,
             "the hypervisor takes %.1f of %zu CPUs away (steal); measure on a machine with CPUs of its own", s->stolen,
             s->machine->topology.allowed_cpus);
    return true;
}

static bool unfit_blas(const sp_situation *s, char *line, size_t size) {
    if (strcmp(s->blas, "pthread") == 0) return false;
    snprintf(line, size,
             "the OpenBLAS found is the %s build, which %s; %s (Debian: libopenblas0-pthread; check LD_LIBRARY_PATH)",
             s->blas,
             strcmp(s->blas, "serial") == 0 ? "is wrong when threads share it"
                                            : "gives other bits at one thread than at two",
             s->specialised ? "for parallel.kernels = blas, let the program find the pthread build"
                            : "let the program find the pthread build");
    return true;
}

static bool plain_kernels(const sp_situation *s, char *line, size_t size) {
    if (s->specialised) return false;
    snprintf(line, size,
             "libxsmm is not built in or does not know this processor: products go through OpenBLAS, which is slower "
             "for small mini-batches; on x86-64 with AVX2, install libxsmm-dev and build again");
    return true;
}

static bool small_pages(const sp_situation *s, char *line, size_t size) {
    if (strcmp(s->machine->huge_pages, "never") != 0) return false;
    snprintf(line, size,
             "huge pages are off, and large weights are slower to reach; as root: echo madvise > "
             "/sys/kernel/mm/transparent_hugepage/enabled");
    return true;
}

/* ---- All of them -------------------------------------------------------------------------------- */

void sp_advise(const sp_situation *situation, sp_advice *advice) {
    static const struct {
        const char *about;
        bool (*holds)(const sp_situation *situation, char *line, size_t size);
    } rules[] = {
        {"blas", unfit_blas},
        {"kernels", plain_kernels},
        {"quota", openmp_above_quota},
        {"affinity", openmp_above_mask},
        {"unused", cores_unused},
        {"quota", quota_in_part},
        {"limit", thread_limit},
        {"dynamic", dynamic},
        {"binding", bind_without_places},
        {"binding", bound_and_shared},
        {"waiting", active_waiting},
        {"smt", hardware_threads},
        {"governor", saving_power},
        {"load", others_run},
        {"steal", hypervisor_takes},
        {"pages", small_pages},
    };
    advice->count = 0;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        char *line = advice->item[advice->count].line;
        if (!rules[i].holds(situation, line, SP_ADVICE_LINE)) continue;
        advice->item[advice->count++].about = rules[i].about;
    }
}

const char *sp_threads_reason(const sp_situation *s) {
    const sp_machine *m = s->machine;
    size_t quota = quota_of(m), cpus = m->topology.allowed_cpus;
    bool asked = is_set(s, "OMP_NUM_THREADS");
    if (quota > 0 && quota == m->threads && quota < cpus && (!asked || quota < m->openmp.threads))
        return "the CPU quota of the control group";
    if (asked && m->openmp.threads == m->threads) return "OMP_NUM_THREADS";
    return cpus < m->topology.cpus ? "the affinity mask" : "every CPU there is";
}
