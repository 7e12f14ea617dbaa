#include "base/cores.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sp_cores {
    size_t shares, bytes;
    char *sets; /* owned [shares * bytes] */
};

/* One CPU and where it is; what the machine does not tell is 0. */
typedef struct cpu {
    long package, core;
    size_t number;
} cpu;

static int in_order(const void *a, const void *b) {
    const cpu *first = a, *second = b;
    if (first->package != second->package) return first->package < second->package ? -1 : 1;
    if (first->core != second->core) return first->core < second->core ? -1 : 1;
    return first->number < second->number ? -1 : first->number > second->number;
}

static long read_number(const char *root, size_t number, const char *name) {
    char path[1024];
    long value = 0;
    int length = snprintf(path, sizeof path, "%s/cpu%zu/topology/%s", root, number, name);
    if (length < 0 || (size_t)length >= sizeof path) return 0;
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    if (fscanf(file, "%ld", &value) != 1) value = 0;
    fclose(file);
    return value;
}

static size_t first_of(size_t share, size_t items, size_t shares) {
    return (size_t)((unsigned long long)items * share / shares);
}

/* Share s has CPUs floor(n s / S) .. floor(n (s + 1) / S) - 1 of n; one of its own, or another's where there are too
 * few. */
static void deal(sp_cores *made, const cpu *all, size_t count) {
    for (size_t s = 0; s < made->shares; s++) {
        size_t first = first_of(s, count, made->shares), last = first_of(s + 1, count, made->shares);
        for (size_t i = first; i < (last > first ? last : first + 1); i++)
            CPU_SET_S(all[i].number, made->bytes, (cpu_set_t *)(made->sets + s * made->bytes));
    }
}

sp_status sp_cores_create_for(const char *root, const cpu_set_t *allowed, size_t bytes, size_t shares, sp_cores **cores,
                              sp_error *error) {
    size_t count = (size_t)CPU_COUNT_S(bytes, allowed), found = 0;
    sp_cores *made = calloc(1, sizeof *made);
    cpu *all = calloc(count + 1, sizeof *all);
    if (made) made->sets = calloc(shares, bytes);
    if (!made || !made->sets || !all) {
        free(all);
        sp_cores_destroy(made);
        return sp_fail_memory(error, "the shares of the CPUs", shares * bytes);
    }
    made->shares = shares;
    made->bytes = bytes;
    for (size_t number = 0; number < 8 * bytes && found < count; number++)
        if (CPU_ISSET_S(number, bytes, allowed))
            all[found++] =
                (cpu){read_number(root, number, "physical_package_id"), read_number(root, number, "core_id"), number};
    qsort(all, found, sizeof *all, in_order);
    if (found > 0) deal(made, all, found);
    free(all);
    *cores = made;
    return SP_OK;
}

sp_status sp_cores_create(size_t shares, sp_cores **cores, sp_error *error) {
    enum { LEAST_BYTES = 1024 / 8, MOST_BYTES = 1 << 17 };
    int cause = EINVAL;
    for (size_t bytes = LEAST_BYTES; cause == EINVAL && bytes <= MOST_BYTES;
         bytes *= 2) { /* until the kernel's set fits */
        cpu_set_t *allowed = calloc(1, bytes);
        if (!allowed) return sp_fail_memory(error, "the shares of the CPUs", bytes);
        cause = sched_getaffinity(0, bytes, allowed) ? errno : 0;
        sp_status status = SP_OK;
        if (!cause) status = sp_cores_create_for("/sys/devices/system/cpu", allowed, bytes, shares, cores, error);
        free(allowed);
        if (!cause) return status;
    }
    return sp_fail(error, SP_FAILED, "the CPUs of this process cannot be found out: %s", strerror(cause));
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
