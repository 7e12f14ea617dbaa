/* The weights before the first step: drawn, or another model's. */
#ifndef SP_INITIAL_H
#define SP_INITIAL_H

#include "config.h"

/*
 * Whether network.init_from, where it is set, fits `net`: the same shapes and hidden activations. SP_BAD_CONFIG: it
 * does not, and the first layer that differs is named; or there is no such model. SP_BAD_DATA: it is no model.
 */
sp_status sp_initial_check(const sp_config *config, const sp_net *net, sp_error *error);

/*
 * Fills `parameters` [net->floats]: as that model has them, or by network.init. The normalisation of the inputs
 * stays that of the new training's data. As sp_initial_check; SP_FAILED: no memory.
 */
sp_status sp_initial_weights(const sp_config *config, const sp_net *net, float *parameters, sp_error *error);

#endif
