#include "base/cores.h"

#include "base/error.h"
#include "base/host.h"
#include "base/topology.h"

#include <stdlib.h>

struct sp_cores {
    size_t shares, bytes;
    char *sets; /* owned [shares * bytes] */
};

static size_t first_of(size_t share, size_t items, size_t shares) {
    return (size_t)((unsigned long long)items * share / shares);
}

/* Share s has CPUs floor(n s / S) .. floor(n (s + 1) / S) - 1 of n; one of its own, or another's where there are too
 * few. */
static void deal(sp_cores *made, const size_t *order, size_t count) {
    for (size_t s = 0; s < made->shares; s++) {
        size_t first = first_of(s, count, made->shares), last = first_of(s + 1, count, made->shares);
        for (size_t i = first; i < (last > first ? last : first + 1); i++)
            CPU_SET_S(order[i], made->bytes, (cpu_set_t *)(made->sets + s * made->bytes));
    }
}

sp_status sp_cores_create_for(const char *description, const cpu_set_t *allowed, size_t bytes, size_t shares,
                              sp_cores **cores, sp_error *error) {
    size_t count = (size_t)CPU_COUNT_S(bytes, allowed);
    sp_cores *made = calloc(1, sizeof *made);
    size_t *order = calloc(count + 1, sizeof *order);
    if (made) *made = (sp_cores){.shares = shares, .bytes = bytes, .sets = calloc(shares, bytes)};
    sp_status status = made && made->sets && order ? sp_topology_order(description, allowed, bytes, order, error)
                                                   : sp_fail_memory(error, "the shares of the CPUs", shares * bytes);
    if (!status && count > 0) deal(made, order, count);
    free(order);
    if (status)
        sp_cores_destroy(made);
    else
        *cores = made;
    return status;
}

sp_status sp_cores_create(size_t shares, sp_cores **cores, sp_error *error) {
    cpu_set_t *allowed = sp_host_allowed();
    if (!allowed)
        return sp_fail(error, SP_FAILED, "the CPUs of this process cannot be found out: the system does not tell them");
    sp_status status = sp_cores_create_for(NULL, allowed, CPU_ALLOC_SIZE(SP_HOST_CPUS), shares, cores, error);
    CPU_FREE(allowed);
    return status;
}

void sp_cores_destroy(sp_cores *cores) {
    if (!cores) return;
    free(cores->sets);
    free(cores);
}

const cpu_set_t *sp_cores_share(const sp_cores *cores, size_t share) {
    return (const cpu_set_t *)(cores->sets + share * cores->bytes);
}

size_t sp_cores_bytes(const sp_cores *cores) {
    return cores->bytes;
}

size_t sp_cores_threads(const sp_cores *cores, size_t share, size_t threads) {
    size_t own = first_of(share + 1, threads, cores->shares) - first_of(share, threads, cores->shares);
    return own > 0 ? own : 1;
}
