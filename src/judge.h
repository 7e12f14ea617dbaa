/* A network judged on labelled rows by all that can be said of its task: see score.h. */
#ifndef SP_JUDGE_H
#define SP_JUDGE_H

#include "eval.h"
#include "score.h"
#include "targets.h"

/* The last rows judged, and room for that. */
typedef struct sp_judge {
    const sp_net *net; /* borrowed */
    sp_task task;
    sp_predictions predictions; /* of the last rows; borrows from here */
    float *outputs;             /* owned [most rows, d(L)] */
    sp_targets targets;         /* owned: as the file has them */
    const sp_preprocess *scale; /* borrowed: of the targets that the network learned; NULL: as the file has them */
    sp_scores *scores;          /* owned */
} sp_judge;

/* Ready for `count` labelled parts of data alike; an empty one has no rows. SP_FAILED: no memory. */
sp_status sp_judge_create(const sp_net *net, sp_task task, size_t classes, const sp_part *const *parts, size_t count,
                          sp_judge **judge, sp_error *error);
void sp_judge_destroy(sp_judge *judge);

/* About how much memory that takes. */
size_t sp_judge_bytes(const sp_net *net, const sp_part *const *parts, size_t count);

/* Sets judge->scores; of a part without rows they are NaN. Cannot fail. */
sp_tally sp_judge_part(sp_judge *judge, sp_evaluator *evaluator, const sp_weights *weights,
                       const sp_preprocess *preprocess, const sp_part *part);

#endif
