/*
 * Successive halving (Jamieson, Talwalkar: Non-stochastic Best Arm Identification and Hyperparameter Optimization;
 * AISTATS 2016; with the budgets of Li et al.: Hyperband; JMLR 18 (2018), section 3): all arms are trained for a few
 * epochs, the best 1/eta of them go on to eta times as many, and so on, until the last ones are trained in full. An
 * arm is a combination of a sweep, with all its seeds.
 */
#ifndef SP_HALVING_H
#define SP_HALVING_H

#include <stdbool.h>
#include <stddef.h>

/* How many rungs `arms` arms climb that are trained for `epochs` epochs at least: 1 + floor(log_eta min(arms, epochs)).
 */
size_t sp_halving_rungs(size_t arms, size_t epochs, size_t eta);

/* After so many epochs of `epochs` rung `rung` of `rungs` is reached: ceil(epochs / eta^(rungs - 1 - rung)). */
size_t sp_halving_epochs(size_t epochs, size_t eta, size_t rungs, size_t rung);

/*
 * Which of the arms that are still there go on: the best 1/eta of them, one at least. value[arm]: what the arm has come
 * to, larger is better; NaN: it has failed, and does not go on. Of equal ones the first is the better. there[count] is
 * changed.
 */
void sp_halving_keep(const double *value, bool *there, size_t count, size_t eta);

#endif
