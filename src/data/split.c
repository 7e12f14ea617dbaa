#include "data/split.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool sp_rows_all(size_t count, sp_rows *rows) {
    rows->index = sp_allocate(count, sizeof *rows->index);
    if (!rows->index) return false;
    for (size_t i = 0; i < count; i++) rows->index[i] = (uint32_t)i;
    rows->count = count;
    return true;
}

void sp_rows_clear(sp_rows *rows) {
    free(rows->index);
    *rows = (sp_rows){0};
}

static size_t class_of(const int32_t *labels, uint32_t row) {
    return labels ? (size_t)labels[row] : 0;
}

/* How many rows each class gives: the whole part of its share, then one more for the largest
 * remainders (Hamilton's method), the first class winning ties. */
static void apportion(const size_t *sizes, size_t classes, double share, size_t total, size_t *quota) {
    size_t given = 0;
    for (size_t c = 0; c < classes; c++) given += quota[c] = (size_t)floor(share * (double)sizes[c]);
    while (given < total) {
        size_t best = classes;
        double most = -1;
        for (size_t c = 0; c < classes; c++) {
            double rest = share * (double)sizes[c] - (double)quota[c];
            if (quota[c] < sizes[c] && rest > most) {
                most = rest;
                best = c;
            }
        }
        quota[best]++;
        given++;
    }
}

sp_status sp_rows_take_share(sp_rows *from, double share, const int32_t *labels, size_t classes, uint64_t seed,
                             uint64_t round, sp_rows *taken, sp_error *error) {
    size_t total = (size_t)llround(share * (double)from->count);
    if (total == 0 || total >= from->count)
        return sp_fail(error, SP_BAD_DATA,
                       "data: a share of %g of %zu rows leaves one side empty; use more rows or another share", share,
                       from->count);
    if (!labels) classes = 1;

    sp_status status = SP_OK;
    uint32_t *drawn = sp_allocate(from->count, sizeof *drawn);
    size_t *sizes = sp_allocate_zeroed(classes, sizeof *sizes);
    size_t *quota = sp_allocate_zeroed(classes, sizeof *quota);
    bool *moves = sp_allocate_zeroed(from->count, sizeof *moves);
    uint32_t *index = sp_allocate(total, sizeof *index);
    if (!drawn || !sizes || !quota || !moves || !index) {
        free(index);
        status = sp_fail_memory(error, "the split of the data", sp_bytes(from->count, sizeof *drawn));
        goto done;
    }
    /* In a drawn order, the first rows of each class move until its quota is full. */
    for (size_t i = 0; i < from->count; i++) {
        drawn[i] = (uint32_t)i;
        sizes[class_of(labels, from->index[i])]++;
    }
    apportion(sizes, classes, share, total, quota);
    sp_random_shuffle(drawn, from->count, seed, SP_RANDOM_SPLIT, round);
    for (size_t i = 0; i < from->count; i++) {
        size_t class = class_of(labels, from->index[drawn[i]]);
        if (quota[class] == 0) continue;
        quota[class]--;
        moves[drawn[i]] = true;
    }
    size_t kept = 0, gone = 0;
    for (size_t i = 0; i < from->count; i++) {
        if (moves[i])
            index[gone++] = from->index[i];
        else
            from->index[kept++] = from->index[i];
    }
    from->count = kept;
    *taken = (sp_rows){index, gone};
done:
    free(drawn);
    free(sizes);
    free(quota);
    free(moves);
    return status;
}
