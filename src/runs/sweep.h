/*
 * [sweep] of a config: which values its keys take, in all combinations or in some drawn at random.
 *
 * A value is a text between bars, or one of several that a range stands for:
 *
 *     optimizer.learning_rate = 0 | log(1e-4..1e-1, 7)     ; in equal ratios, ends included
 *     network.dropout = linear(0..0.5, 6)                  ; in equal steps
 *     optimizer.weight_decay = loguniform(1e-5..1e-2)      ; drawn, which takes `samples`; or uniform(a..b)
 *     samples = 20                                         ; so many combinations, not all
 *     seed = 1                                             ; of the drawing
 *
 * Numbers of ranges and draws are rounded (logarithmic ones to four digits, others to a 10,000th of the interval or
 * finer; to whole ones where the key takes those), so that what a name or a table shows is what is trained. Draws are
 * functions of the seed, the number of the combination and the key (base/random.h): another key more or less, or more
 * combinations, change no other draw. Of a list every value is as likely. train.seed is never drawn: every combination
 * is trained with all of its seeds.
 */
#ifndef SP_SWEEP_H
#define SP_SWEEP_H

#include "config.h"

typedef struct sp_sweep sp_sweep;

enum { SP_MOST_RUNS = 10000 };

/*
 * From the lines of a section, which may be none (one run then). `base` is the config they vary, for messages and
 * types. SP_BAD_CONFIG: every fault of every line.
 */
sp_status sp_sweep_create(const sp_sweep_lines *lines, const sp_config *base, sp_sweep **sweep, sp_error *error);
void sp_sweep_destroy(sp_sweep *sweep);

size_t sp_sweep_runs(const sp_sweep *sweep);
size_t sp_sweep_keys(const sp_sweep *sweep); /* that vary */

/* "section.key", in the order of the lines; and its value in a run, as a file would say it. The sweep's. */
const char *sp_sweep_key(const sp_sweep *sweep, size_t key);
const char *sp_sweep_value(const sp_sweep *sweep, size_t run, size_t key);

/* The combination that a run is of: runs of one differ in train.seed alone. 0, 1, ... in the order of the runs. */
size_t sp_sweep_group(const sp_sweep *sweep, size_t run);

/* Sets the run's values in `config`, whose lines then are those of the sweep. SP_FAILED: out of memory. */
sp_status sp_sweep_apply(const sp_sweep *sweep, size_t run, sp_config *config, sp_error *error);

/*
 * Writes "learning_rate=0.1_seed=2", the name of a run; `with_seed` false: of its combination. Letters, digits and
 * "+-.=_" alone, the names of keys short where that is not ambiguous. Empty: nothing varies.
 */
void sp_sweep_name(const sp_sweep *sweep, size_t run, bool with_seed, char *text, size_t size);

#endif
