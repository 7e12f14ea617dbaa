/*
 * What the layers of a network are like while it trains: how large gradients and updates are, which units are
 * saturated, and which never speak.
 *
 * Norms and saturation are those of one step of an epoch, its last whole mini-batch; whether a unit is dead is asked of
 * every row. Every shard and panel notes what is its own, so that no figure depends on who did it, and no training on
 * its being looked at.
 */
#ifndef SP_HEALTH_H
#define SP_HEALTH_H

#include "base/record.h"
#include "pass.h"

typedef struct sp_health sp_health;

/* Of a network in training, its mini-batches cut in `shards`. SP_FAILED: no memory. */
sp_status sp_health_create(const sp_layout *layout, size_t shards, sp_health **health, sp_error *error);
void sp_health_destroy(sp_health *health);

/* An epoch of `rows` rows begins; steps are counted from 0. */
void sp_health_begin(sp_health *health, size_t rows, size_t batch_size);

/* Whether a step of the epoch is the one that is measured. */
bool sp_health_measures(const sp_health *health, size_t step);

/* Panels first .. last - 1 of layer l have been computed for `count` shards from `shard` on. */
void sp_health_look(sp_health *health, const sp_workspace *workspace, size_t l, size_t first, size_t last,
                    const sp_slice *slices, size_t shard, size_t count, bool measured);

/* Of the measured step: a tile's gradient [count + biases] is summed, and its weights are about to move. */
void sp_health_note(sp_health *health, const sp_tile *tile, const sp_weights *weights, const float *gradient);

/*
 * What the epoch has seen so far, and back; only while the measured step is still to come, of which there would be much
 * to keep.
 */
bool sp_health_is_due(const sp_health *health, size_t steps);
void sp_health_record(const sp_health *health, sp_record *record);
sp_status sp_health_take(sp_health *health, const sp_safetensors *file, sp_error *error);

/* The epoch is over, the weights have moved: what it came to, [depth]. */
void sp_health_end(const sp_health *health, const sp_weights *weights, sp_layer_health *result);

#endif
