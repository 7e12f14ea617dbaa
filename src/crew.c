#include "crew.h"

#include "base/error.h"
#include "base/host.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

const char *sp_phase_name(sp_phase phase) {
    static const char *const names[] = {"gather", "forward", "loss", "backward", "gradient", "update", "barrier"};
    return names[phase];
}

static bool allocate(sp_crew *crew, size_t lists, size_t scratch) {
    crew->share = sp_share_create(crew->most);
    crew->bounds = calloc(lists * (crew->most + 1), sizeof *crew->bounds);
    crew->workers = sp_allocate_zeroed(crew->most, sizeof *crew->workers);
    if (!crew->share || !crew->bounds || !crew->workers) return false;
    for (size_t i = 0; i < crew->most; i++) {
        crew->workers[i].scratch = sp_allocate(scratch, sizeof(float));
        if (!crew->workers[i].scratch) return false;
    }
    return true;
}

sp_status sp_crew_create(size_t most, size_t lists, size_t scratch, sp_crew **crew, sp_error *error) {
    sp_crew *made = calloc(1, sizeof *made);
    if (made) *made = (sp_crew){.most = most, .threads = most};
    if (!made || !allocate(made, lists, scratch)) {
        sp_crew_destroy(made);
        return sp_fail_memory(error, "the threads", sp_bytes(most, scratch * sizeof(float)));
    }
    sp_status status = sp_place_create(most, &made->place, error);
    if (status) {
        sp_crew_destroy(made);
        return status;
    }
    *crew = made;
    return SP_OK;
}

void sp_crew_destroy(sp_crew *crew) {
    if (!crew) return;
    for (size_t i = 0; crew->workers && i < crew->most; i++) free(crew->workers[i].scratch);
    free(crew->workers);
    free(crew->bounds);
    sp_share_destroy(crew->share);
    sp_place_destroy(crew->place);
    free(crew);
}

size_t *sp_crew_bounds(const sp_crew *crew, size_t list) {
    return crew->bounds + list * (crew->most + 1);
}

void sp_crew_cut(sp_crew *crew, size_t list, size_t items) {
    size_t *bounds = sp_crew_bounds(crew, list);
    for (size_t part = 0; part <= crew->threads; part++) bounds[part] = items * part / crew->threads;
}

/* ---- Within a parallel region ------------------------------------------------------------------ */

/* Threads look at a few parts besides their own; at all of them where OpenMP gave fewer threads than parts. */
enum { REACH = 8 };

sp_worker *sp_crew_enter(sp_crew *crew, size_t number, size_t given, uint32_t round) {
    sp_worker *worker = &crew->workers[number];
    bool near = given == crew->threads && given > REACH;
    worker->number = worker->part = number;
    worker->reach = near ? REACH : crew->threads;
    worker->done = 0;
    worker->round = round;
    sp_place_enter(crew->place, number, &worker->saved);
    return worker;
}

void sp_crew_leave(const sp_crew *crew, const sp_worker *worker) {
    sp_place_leave(crew->place, &worker->saved);
}

bool sp_crew_take(const sp_crew *crew, sp_worker *worker, size_t list, bool halves, size_t *first, size_t *last) {
    sp_share_list cut = {
        .round = worker->round, .parts = crew->threads, .bounds = sp_crew_bounds(crew, list), .halves = halves};
    if (!sp_share_take(crew->share, cut, worker->reach, &worker->part, first, last)) return false;
    worker->done += *last - *first;
    return true;
}

bool sp_crew_done(const sp_crew *crew, sp_worker *worker, size_t items) {
    double since = sp_crew_clock(crew);
    bool last = sp_share_done(crew->share, worker->done, items);
    if (!last) sp_share_wait(crew->share, worker->round);
    sp_crew_spent(crew, worker, SP_PHASE_BARRIER, &since);
    worker->part = worker->number;
    worker->done = 0;
    worker->round++;
    return last;
}

void sp_crew_next(const sp_crew *crew) {
    sp_share_next(crew->share);
}

/* ---- Time ---------------------------------------------------------------------------------------- */

double sp_crew_clock(const sp_crew *crew) {
    return crew->timed ? sp_host_seconds() : 0;
}

void sp_crew_spent(const sp_crew *crew, sp_worker *worker, sp_phase phase, double *since) {
    if (!crew->timed) return;
    double now = sp_host_seconds();
    worker->seconds[phase] += now - *since;
    *since = now;
}

double sp_crew_seconds(const sp_crew *crew, sp_phase phase) {
    double sum = 0;
    for (size_t i = 0; i < crew->most; i++) sum += crew->workers[i].seconds[phase];
    return crew->timed ? sum : NAN;
}

static double busy_seconds(const sp_worker *worker) {
    double sum = 0;
    for (int phase = 0; phase < SP_PHASES; phase++)
        if (phase != SP_PHASE_BARRIER) sum += worker->seconds[phase];
    return sum;
}

double sp_crew_imbalance(const sp_crew *crew) {
    double sum = 0, most = 0;
    for (size_t i = 0; i < crew->most; i++) {
        double busy = busy_seconds(&crew->workers[i]);
        sum += busy;
        if (busy > most) most = busy;
    }
    return crew->timed && sum > 0 ? most * (double)crew->most / sum - 1 : NAN;
}
