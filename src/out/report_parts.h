/* The sections of a report; each writes nothing where it has nothing to say. */
#ifndef SP_OUT_REPORT_PARTS_H
#define SP_OUT_REPORT_PARTS_H

#include "out/judgement.h"
#include "out/page.h"
#include "out/run_view.h"

/* What it is called, how it ended, its figures, warnings and what is missing of it; `level`: of the heading, 1 to 6. */
void sp_report_head(sp_page *page, const sp_run_view *run, int level);

/* Loss, accuracy, learning rate, speed by epoch; then what the layers were like. */
void sp_report_curves(sp_page *page, const sp_run_view *run);
void sp_report_layers(sp_page *page, const sp_run_view *run);

/* Metrics, classes, confusions; the worst mistakes. `judgement` NULL: there is none. */
void sp_report_quality(sp_page *page, const sp_judgement *judgement);
void sp_report_mistakes(sp_page *page, const sp_judgement *judgement);

/* What the first layer looks for: of images as pictures, else which inputs weigh most. */
void sp_report_weights(sp_page *page, const sp_run_view *run, const sp_judgement *judgement);

/* The network and its config; what it takes to get the same bits again. */
void sp_report_config(sp_page *page, const sp_run_view *run);
void sp_report_origin(sp_page *page, const sp_run_view *run);

/* Several runs: curves in one chart, and a table of results and of keys that differ. */
void sp_report_comparison(sp_page *page, const sp_run_view *runs, size_t count);

/* What was measured in a folder of `shardprop scale`. */
void sp_report_scaling(sp_page *page, const char *folder);

/* ---- What the sections share: a column of metrics.csv --------------------------------------------------- */

/* At most some hundred points of it; with more epochs, every `step`th and the last. Starts with {0}. */
typedef struct sp_curve {
    size_t count, step;
    double *epoch, *value; /* owned [count] */
    double least, most;    /* of the values that there are */
    size_t measured;       /* how many these are */
} sp_curve;

/* False: there is no such column, or nothing was measured; SP_FAILED in the page, too, where memory runs out. */
bool sp_curve_take(sp_page *page, const sp_history *history, const char *name, sp_curve *curve);
void sp_curve_clear(sp_curve *curve);
sp_series sp_curve_series(const sp_curve *curve, const char *name, size_t colour);

/* Whether its values lie so far apart that a logarithmic axis shows them better. */
bool sp_curve_spans(const sp_curve *curve, double ratio);

#endif
