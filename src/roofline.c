#include "roofline.h"

#include "base/error.h"
#include "base/host.h"
#include "base/memory.h"
#include "math/kernels.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* ---- What is there ----------------------------------------------------------------------------- */

/* Of these the best counts: others may run meanwhile. */
enum { ROUNDS = 3 };

/* What every thread does again and again on memory of its own, from `memory` + thread * `floats`. */
typedef struct work {
    void (*run)(const struct work *work, float *memory);
    const sp_product *product; /* NULL: copy */
    size_t floats;             /* of a thread: of all its matrices, or of both halves of what is copied */
    float *memory;             /* owned [threads, floats] */
    double *rates;             /* owned [threads] */
} work;

static void multiply(const work *w, float *memory) {
    const sp_product *p = w->product;
    float *b = memory + p->m * p->k, *c = b + p->k * p->n;
    sp_product_run(p, memory, b, c);
}

static void copy(const work *w, float *memory) {
    memcpy(memory + w->floats / 2, memory, w->floats / 2 * sizeof *memory);
}

/* Runs of the work a second, of all threads together, in one round. */
static double one_round(const work *w, size_t threads, double seconds) {
    double sum = 0;
    for (size_t i = 0; i < threads; i++) w->rates[i] = 0;
#pragma omp parallel num_threads((int)threads) default(none) shared(w, seconds)
    {
        size_t number = (size_t)omp_get_thread_num(), runs = 0;
        float *memory = w->memory + number * w->floats;
        for (size_t i = 0; i < w->floats; i++) memory[i] = (float)(i % 7) - 3;
        w->run(w, memory);
#pragma omp barrier
        double started = sp_host_seconds(), spent;
        do {
            w->run(w, memory);
            runs++;
            spent = sp_host_seconds() - started;
        } while (spent < seconds);
        w->rates[number] = (double)runs / spent;
    }
    for (size_t i = 0; i < threads; i++) sum += w->rates[i];
    return sum;
}

/* *rate: runs a second, of all threads, in the best round. */
static sp_status measure(work w, size_t threads, double seconds, double *rate, sp_error *error) {
    sp_status status = SP_OK;
    w.memory = sp_allocate(threads, w.floats * sizeof *w.memory);
    w.rates = sp_allocate(threads, sizeof *w.rates);
    *rate = 0;
    if (!w.memory || !w.rates)
        status = sp_fail_memory(error, "measuring the machine", sp_bytes(threads, w.floats * sizeof *w.memory));
    for (int i = 0; i < ROUNDS && !status; i++) *rate = fmax(*rate, one_round(&w, threads, seconds / ROUNDS));
    free(w.memory);
    free(w.rates);
    return status;
}

/* Raises *flops to what these kernels give; as it was, where they are not to be had. */
static sp_status measure_kernels(sp_kernel_choice choice, size_t edge, size_t depth, size_t threads, double seconds,
                                 double *flops, sp_error *error) {
    sp_error unfit = {0};
    const sp_kernels *kernels;
    sp_product product;
    double rate;
    if (sp_kernels_choose(choice, &kernels, &unfit) || !sp_kernels_fit(kernels, threads, 0)) return SP_OK;
    if (!sp_product_prepare(kernels, SP_A_B, edge, edge, depth, depth, edge, edge, &product)) return SP_OK;
    size_t floats = 2 * edge * depth + edge * edge;
    sp_status status = measure((work){multiply, &product, floats, NULL, NULL}, threads, seconds, &rate, error);
    double found = rate * 2 * (double)edge * (double)edge * (double)depth;
    if (!status && !(found <= *flops)) *flops = found;
    return status;
}

/* Four times the caches, so that what is copied was in none; not much of the memory that there is. */
static size_t copied_floats(size_t threads, size_t cache) {
    enum { LEAST = 64 << 20, MOST = 1 << 30 };
    size_t bytes = 4 * cache, free_bytes = sp_host_memory();
    if (bytes < LEAST) bytes = LEAST;
    if (bytes > MOST) bytes = MOST;
    if (free_bytes > 0 && bytes > free_bytes / 4) bytes = free_bytes / 4;
    size_t floats = bytes / threads / sizeof(float) / 32 * 32;
    return floats > 32 ? floats : 32;
}

sp_status sp_ceiling_measure(size_t threads, size_t cache, double seconds, sp_ceiling *ceiling, sp_error *error) {
    double rate;
    size_t floats = copied_floats(threads, cache);
    *ceiling = (sp_ceiling){NAN, NAN};
    /* libxsmm makes code for small matrices, OpenBLAS is best at larger ones. */
    sp_status status = measure_kernels(SP_KERNELS_XSMM, 64, 256, threads, seconds / 3, &ceiling->flops, error);
    if (!status) status = measure_kernels(SP_KERNELS_BLAS, 384, 384, threads, seconds / 3, &ceiling->flops, error);
    if (!status) status = measure((work){copy, NULL, floats, NULL, NULL}, threads, seconds / 3, &rate, error);
    if (!status) ceiling->bytes = rate * (double)(floats * sizeof(float));
    return status;
}

/* ---- What is asked for ------------------------------------------------------------------------- */

double sp_row_flops(const sp_plan *plan) {
    return plan->step_flops / (double)plan->batch_size;
}

double sp_step_bytes(const sp_plan *plan, size_t rows) {
    double floats = 0, kept = 2 * (double)sp_optim_states(plan->optim.name), n = (double)rows;
    for (size_t l = 0; l < plan->net->depth; l++) {
        const sp_layer *layer = &plan->net->layers[l];
        double weights = (double)(layer->inputs + 1) * (double)layer->outputs;
        double error_below = l > 0 ? 1 : 0;
        floats += weights * (3 + error_below + kept);             /* forward; update: read and written */
        floats += n * 3 * (double)layer->inputs;                  /* what comes in: written, read twice */
        floats += n * (2 + error_below) * (double)layer->outputs; /* its error */
    }
    return floats * sizeof(float);
}
