/* Forward and backward through all layers, for some rows, in private memory. */
#ifndef SP_PASS_H
#define SP_PASS_H

#include "math/kernels.h"
#include "net.h"

/* What a pass needs besides the parameters. Each thread or shard has its own. */
typedef struct sp_workspace {
    size_t rows;         /* room for so many */
    float **activations; /* a(0) [rows, d(0)] .. a(L) [rows, d(L)]; the caller fills a(0) */
    float *errors[2];    /* e(l) and e(l-1) [rows, widest], taking turns; NULL: forward only */
    float *memory;       /* owned: all of the above lies in it */
} sp_workspace;

sp_status sp_workspace_create(const sp_net *net, size_t rows, bool backward, sp_workspace **workspace, sp_error *error);
void sp_workspace_destroy(sp_workspace *workspace);

/* Bytes that a workspace takes. */
size_t sp_workspace_bytes(const sp_net *net, size_t rows, bool backward);

/* a(l) = f(W(l)^T a(l-1) + b(l)) for l = 1 .. L over `rows` rows. Returns a(L) (logits under softmax). */
float *sp_pass_forward(const sp_net *net, const sp_kernels *kernels, const float *parameters, sp_workspace *workspace,
                       size_t rows);

/*
 * Loss and gradients of the rows that went forward. `inverse_n` is 1/N of the whole
 * mini-batch. `gradients` [parameters] is overwritten with dJ/dW(l), dJ/db(l) of these
 * rows. Returns the sum of the rows' losses; *correct: see math/loss.h.
 */
double sp_pass_backward(const sp_net *net, const sp_kernels *kernels, const float *parameters, sp_workspace *workspace,
                        size_t rows, sp_truth truth, float inverse_n, float *gradients, size_t *correct);

#endif
