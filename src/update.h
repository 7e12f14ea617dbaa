/*
 * What comes of the summed gradients: the weights move.
 *
 * Tile by tile, as soon as a tile's gradient is summed: penalties, clipping by value, the optimizer's rule. Clipping by
 * norm wants all gradients first (Pascanu, Mikolov, Bengio, ICML 2013): then the tiles are gone through twice, once to
 * keep their gradients and once to move the weights. A bound on the norm of a unit's incoming weights (Srivastava et
 * al., JMLR 15, 2014) wants all tiles of its panel: a third time, panel by panel. Every sum is in double precision, in
 * an order that does not depend on threads.
 */
#ifndef SP_UPDATE_H
#define SP_UPDATE_H

#include "base/record.h"
#include "plan.h"

typedef struct sp_update sp_update;

/* Of weights as they are now; it borrows them. SP_FAILED: no memory. */
sp_status sp_update_create(const sp_plan *plan, sp_weights *weights, sp_update **update, sp_error *error);
void sp_update_destroy(sp_update *update);

/* Bytes that it takes besides the weights. */
size_t sp_update_bytes(const sp_plan *plan);

/* One step's rule, the same for all tiles. */
typedef struct sp_update_step {
    sp_optim_step rule;
    float average; /* the share that the average of the weights keeps */
} sp_update_step;

/* Of step `t` (1, 2, ...). */
sp_update_step sp_update_at(const sp_update *update, double eta, size_t t);

/* Times that the tiles are gone through in a step. */
enum { SP_UPDATE_MOST_ROUNDS = 3 };

/* Tile `number`, whose gradient [sp_tile_floats] is summed: its weights move; or, clipped by norm, it is kept. */
void sp_update_tile(sp_update *update, const sp_update_step *step, size_t number, float *gradient);

/* Whether there is a second round, and a tile of it, when every tile has had its first. */
bool sp_update_clips(const sp_update *update);
void sp_update_clipped(sp_update *update, const sp_update_step *step, size_t number);

/* How many panels there are in a last round, and one of them, when all weights have moved; 0: no such round. */
size_t sp_update_panels(const sp_update *update);
void sp_update_bound(sp_update *update, const sp_update_step *step, size_t number);

/* Keeps weights, their average and all that the optimizer remembers as they are; and goes back to that. The first
 * needs memory for as much: false, there is none. */
bool sp_update_save(sp_update *update);
void sp_update_restore(sp_update *update);

/*
 * Weights, what the optimizer remembers, and the average, as plain vectors of net.h; `kept`: also those that
 * sp_update_restore goes back to. And back. SP_BAD_DATA, SP_FAILED: see base/record.h.
 */
void sp_update_record(const sp_update *update, bool kept, sp_record *record);
sp_status sp_update_take(sp_update *update, bool kept, const sp_safetensors *file, sp_error *error);

/* The exponential moving average of the weights; NULL: none is wanted. */
const sp_weights *sp_update_average(const sp_update *update);

/* Running moments of batch normalisation are averages already: the average takes them over as they are now. */
void sp_update_share_moments(sp_update *update);

#endif
