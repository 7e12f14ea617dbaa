/* A run's model judged anew on the rows that its config says: which are taken for what, and which are the worst. */
#ifndef SP_OUT_JUDGEMENT_H
#define SP_OUT_JUDGEMENT_H

#include "out/run_view.h"

/* A row that was judged, and how wrong it is. */
typedef struct sp_mistake {
    size_t at;               /* among the rows judged */
    size_t truth, predicted; /* classes */
    float said;              /* what the prediction's output is; of one output for two classes that of the class said */
    double error;            /* by which they are ordered: -log of the wanted class's output; of values the squared
                                distance, of each target by its own deviation */
} sp_mistake;

typedef struct sp_judgement {
    const char *rows_name; /* "test", "validation" or "training" */
    sp_data *data;         /* owned */
    const sp_part *part;   /* of data */
    sp_judge *judge;       /* owned: scores, outputs and truth of those rows */
    size_t classes;        /* 0: the task has none */
    size_t *confusion;     /* owned [classes, classes]: truth, prediction; NULL: no classes */
    sp_names names;        /* of the classes, labels or targets */
    size_t wrong;          /* rows that are */
    sp_mistake *mistakes;  /* owned [mistake_count]: the worst first */
    size_t mistake_count;
} sp_judgement;

/*
 * Judges the run's model by its test rows; without any by its validation rows, else by its training rows. Keeps at most
 * `most` mistakes. NULL: that cannot be done, for a reason that becomes a note of the run: no data where this is
 * called, or others than it was trained on.
 */
sp_judgement *sp_judgement_create(sp_run_view *run, size_t most);
void sp_judgement_destroy(sp_judgement *judgement);

/* Whether its rows are images, of bytes. */
bool sp_judgement_has_images(const sp_judgement *judgement);

/* The row of the data file of a mistake. */
size_t sp_judgement_row(const sp_judgement *judgement, const sp_mistake *mistake);

#endif
