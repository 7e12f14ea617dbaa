/* What a training minimises: the loss, the activation that goes with it, and what each class counts. */
#ifndef SP_OBJECTIVE_H
#define SP_OBJECTIVE_H

#include "config.h"
#include "data/dataset.h"

/*
 * Writes into `config` what it left to auto: task, loss, output activation, monitor. SP_BAD_CONFIG: they do not go
 * together; SP_BAD_DATA: a row has a target that the loss is not made for.
 */
sp_status sp_objective_resolve(sp_config *config, const sp_data *data, sp_error *error);

/* What the loss of a row counts by its class, fresh memory [classes]; NULL: 1 each. SP_BAD_CONFIG, SP_FAILED: memory.
 */
sp_status sp_objective_class_weights(const sp_config *config, const sp_data *data, float **weights, sp_error *error);

#endif
