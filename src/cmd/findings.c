#include "cmd/findings.h"

#include "base/host.h"
#include "base/load.h"
#include "math/kernels.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- Gathering ---------------------------------------------------------------------------------- */

static const char *const variable_names[] = {
    "OMP_NUM_THREADS",  "OMP_PLACES",           "OMP_PROC_BIND",     "OMP_WAIT_POLICY", "OMP_DYNAMIC",
    "OMP_THREAD_LIMIT", "GOMP_CPU_AFFINITY",    "GOMP_SPINCOUNT",    "KMP_AFFINITY",    "KMP_BLOCKTIME",
    "KMP_HW_SUBSET",    "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE", "LIBXSMM_TARGET"};
enum { VARIABLES = sizeof variable_names / sizeof *variable_names };

/* CPUs that others, and the hypervisor, take in a moment in which this process sleeps. */
static void watch_others(double *others, double *stolen) {
    static const struct timespec moment = {.tv_nsec = 300 * 1000 * 1000};
    sp_load before, after;
    *others = *stolen = NAN;
    if (!sp_load_now(&before)) return;
    nanosleep(&moment, NULL);
    if (!sp_load_now(&after)) return;
    *others = sp_load_others(&before, &after);
    *stolen = sp_load_stolen(&before, &after);
}

sp_status sp_findings_gather(sp_findings *f, sp_error *error) {
    sp_status status = sp_machine_read(&f->machine, error);
    if (status) return status;
    for (size_t i = 0; i < VARIABLES; i++)
        f->variables[i] = (sp_variable){variable_names[i], getenv(variable_names[i])};
    f->situation = (sp_situation){.machine = &f->machine,
                                  .variables = f->variables,
                                  .variable_count = VARIABLES,
                                  .blas = sp_blas_build(),
                                  .specialised = sp_xsmm_usable()};
    watch_others(&f->situation.others, &f->situation.stolen);
    sp_advise(&f->situation, &f->advice);
    return SP_OK;
}

/* ---- For people --------------------------------------------------------------------------------- */

static const char *plural(size_t count) {
    return count == 1 ? "" : "s";
}

/* Writes the words of `text` in lines of at most 80 columns, those behind the first indented by `indent`; `used`
 * columns of the first are written already. */
static void print_wrapped(const char *text, size_t used, size_t indent) {
    enum { COLUMNS = 80 };
    for (bool first = true; *text; first = false) {
        size_t length = strcspn(text, " ");
        if (!first && used + 1 + length > COLUMNS) {
            printf("\n%*s", (int)indent, "");
            used = indent;
        } else if (!first) {
            putchar(' ');
            used++;
        }
        printf("%.*s", (int)length, text);
        used += length;
        text += length;
        text += strspn(text, " ");
    }
    putchar('\n');
}

__attribute__((format(printf, 2, 3))) static void print_fact(const char *name, const char *format, ...) {
    enum { INDENT = 11 };
    char text[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    printf("%-*s", INDENT, name);
    print_wrapped(text, INDENT, INDENT);
}

static void print_topology(const sp_topology *t) {
    size_t each = t->cores > 0 ? t->cpus / t->cores : 1;
    print_fact("cores", "%zu in %zu socket%s, %zu hardware thread%s each; %zu NUMA node%s", t->cores, t->sockets,
               plural(t->sockets), each, plural(each), t->nodes, plural(t->nodes));
    print_fact("allowed", "CPU%s %s: %zu of %zu, on %zu core%s", plural(t->allowed_cpus), t->allowed, t->allowed_cpus,
               t->cpus, t->allowed_cores, plural(t->allowed_cores));
}

static void print_frequency(const sp_frequency *f) {
    char speed[60] = "";
    if (f->most > 0)
        snprintf(speed, sizeof speed, "%.0f of %.0f MHz", f->now, f->most);
    else if (f->now > 0)
        snprintf(speed, sizeof speed, "%.0f MHz", f->now);
    if (*f->governor)
        print_fact("governor", "%s (%s%s%s)%s%s", f->governor, f->driver, *f->preference ? ", " : "", f->preference,
                   *speed ? "; " : "", speed);
    else
        print_fact("governor", "not told, as on most virtual machines%s%s", *speed ? "; " : "", speed);
}

static void print_load(const sp_findings *f) {
    if (isnan(f->situation.others))
        print_fact("load", "not told");
    else
        print_fact("load", "other processes keep %.1f CPUs busy, load average %.1f%s", f->situation.others,
                   f->machine.load_average, f->situation.stolen >= 0.05 ? ", and the hypervisor takes some" : "");
}

static void print_openmp(const sp_findings *f) {
    const sp_openmp *o = &f->machine.openmp;
    char bound[80] = "threads are not bound";
    if (strcmp(o->bind, "false") != 0)
        snprintf(bound, sizeof bound, "threads are bound (%s) to %zu place%s", o->bind, o->places, plural(o->places));
    print_fact("OpenMP", "%s, of %d-%02d; %s", *o->library ? o->library : "linked in", o->version / 100,
               o->version % 100, bound);
    for (size_t i = 0; i < f->situation.variable_count; i++)
        if (f->variables[i].value) print_fact("", "%s=%.200s", f->variables[i].name, f->variables[i].value);
}

static void print_kernels(void) {
    const char *blas = sp_blas_description();
    size_t name = strcspn(blas, " ");
    name += blas[name] ? 1 + strcspn(blas + name + 1, " ") : 0;
    if (sp_xsmm_usable()) print_fact("kernels", "libxsmm %s for %s", sp_xsmm_description(), sp_xsmm_target());
    print_fact(sp_xsmm_usable() ? "" : "kernels", "%.*s (%s) for %s", (int)name, blas, sp_blas_build(),
               sp_blas_processor());
}

void sp_print_findings(const sp_findings *f) {
    const sp_machine *m = &f->machine;
    print_fact("processor", "%s", *m->topology.processor ? m->topology.processor : "not told");
    print_topology(&m->topology);
    if (m->quota > 0)
        print_fact("quota", "%g CPU%s, by the control group", m->quota, m->quota == 1 ? "" : "s");
    else
        print_fact("quota", "none");
    print_frequency(&m->frequency);
    print_fact("memory", "%.1f GiB to be had; huge pages: %s", (double)m->memory / 0x1p30,
               *m->huge_pages ? m->huge_pages : "not told");
    print_load(f);
    print_openmp(f);
    print_kernels();
    print_fact("training", "takes up to %zu thread%s: %s", m->threads, plural(m->threads),
               sp_threads_reason(&f->situation));
    if (f->advice.count == 0) printf("\nnothing to change\n");
    for (size_t i = 0; i < f->advice.count; i++) {
        printf("%s%2zu. ", i == 0 ? "\nto change:\n" : "", i + 1);
        print_wrapped(f->advice.item[i].line, 4, 4);
    }
}

/* ---- For programs ------------------------------------------------------------------------------- */

static bool add_machine(const sp_findings *f, sp_json *root) {
    const sp_machine *m = &f->machine;
    const sp_topology *t = &m->topology;
    sp_json *object = sp_json_add_object(root, "machine");
    bool good = sp_json_add_text(object, "processor", t->processor);
    good = sp_json_add_count(object, "sockets", t->sockets) && good;
    good = sp_json_add_count(object, "numa_nodes", t->nodes) && good;
    good = sp_json_add_count(object, "cores", t->cores) && good;
    good = sp_json_add_count(object, "cpus", t->cpus) && good;
    good = sp_json_add_text(object, "allowed", t->allowed) && good;
    good = sp_json_add_count(object, "allowed_cores", t->allowed_cores) && good;
    good = sp_json_add_count(object, "allowed_cpus", t->allowed_cpus) && good;
    good = sp_json_add_count(object, "cache_bytes", t->cache) && good;
    good = sp_json_add_number(object, "quota_cpus", m->quota > 0 ? m->quota : NAN) && good;
    good = sp_json_add_text(object, "governor", m->frequency.governor) && good;
    good = sp_json_add_text(object, "governor_driver", m->frequency.driver) && good;
    good = sp_json_add_number(object, "mhz", m->frequency.now > 0 ? m->frequency.now : NAN) && good;
    good = sp_json_add_number(object, "mhz_most", m->frequency.most > 0 ? m->frequency.most : NAN) && good;
    good = sp_json_add_count(object, "memory_bytes", m->memory) && good;
    good = sp_json_add_text(object, "huge_pages", m->huge_pages) && good;
    good = sp_json_add_number(object, "load_average", m->load_average) && good;
    good = sp_json_add_number(object, "busy_with_others", f->situation.others) && good;
    return sp_json_add_number(object, "stolen", f->situation.stolen) && good;
}

static bool add_openmp(const sp_findings *f, sp_json *root) {
    const sp_openmp *o = &f->machine.openmp;
    sp_json *object = sp_json_add_object(root, "openmp");
    bool good = sp_json_add_text(object, "library", o->library);
    good = sp_json_add_count(object, "version", (size_t)o->version) && good;
    good = sp_json_add_count(object, "max_threads", o->threads) && good;
    good = sp_json_add_text(object, "proc_bind", o->bind) && good;
    good = sp_json_add_count(object, "places", o->places) && good;
    sp_json *variables = sp_json_add_object(object, "variables");
    good = variables && good;
    for (size_t i = 0; i < f->situation.variable_count; i++)
        if (f->variables[i].value)
            good = sp_json_add_text(variables, f->variables[i].name, f->variables[i].value) && good;
    return good;
}

static bool add_kernels(sp_json *root) {
    sp_json *object = sp_json_add_object(root, "kernels");
    bool good = sp_json_add_text(object, "compiler", sp_host_compiler());
    good = sp_json_add_text(object, "libxsmm", sp_xsmm_usable() ? sp_xsmm_description() : "") && good;
    good = sp_json_add_text(object, "libxsmm_target", sp_xsmm_usable() ? sp_xsmm_target() : "") && good;
    good = sp_json_add_text(object, "blas", sp_blas_description()) && good;
    good = sp_json_add_text(object, "blas_build", sp_blas_build()) && good;
    return sp_json_add_text(object, "blas_target", sp_blas_processor()) && good;
}

bool sp_findings_add(const sp_findings *f, sp_json *root) {
    bool good = sp_json_add_text(root, "version", sp_version());
    good = add_machine(f, root) && good;
    good = add_openmp(f, root) && good;
    good = add_kernels(root) && good;
    good = sp_json_add_count(root, "threads", f->machine.threads) && good;
    good = sp_json_add_text(root, "threads_reason", sp_threads_reason(&f->situation)) && good;
    sp_json *advice = sp_json_add_array(root, "advice");
    good = advice && good;
    for (size_t i = 0; i < f->advice.count; i++) {
        sp_json *item = sp_json_append_object(advice);
        good = sp_json_add_text(item, "about", f->advice.item[i].about) && good;
        good = sp_json_add_text(item, "text", f->advice.item[i].line) && good;
    }
    return good;
}
