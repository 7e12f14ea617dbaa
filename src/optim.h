/* One update of a block of parameters. */
#ifndef SP_OPTIM_H
#define SP_OPTIM_H

#include <stddef.h>

typedef enum sp_optimizer {
    SP_SGD /* w := w - eta dJ/dw */
} sp_optimizer;

/* Names in the order above, NULL at the end. */
extern const char *const sp_optimizer_names[];

/*
 * Moves `parameters` [count] by `gradient` [count], with learning rate eta. Every element
 * on its own: blocks of any size, on any thread, give the same bits.
 */
void sp_optim_update(sp_optimizer optimizer, float eta, size_t count, const float *gradient, float *parameters);

#endif
