/* What `batch` shows while it works: a table of what runs on a terminal, else a line for each training that ends. */
#ifndef SP_CMD_BATCH_VIEW_H
#define SP_CMD_BATCH_VIEW_H

#include "runs/queue.h"

enum { SP_BATCH_VIEW_LINES = 25 };

typedef struct sp_batch_view {
    bool quiet, terminal;
    double drawn;                       /* when the table was, in seconds; 0: never */
    size_t height;                      /* lines of it that stand on the terminal */
    size_t widths[SP_BATCH_VIEW_LINES]; /* columns that each takes */
} sp_batch_view;

sp_batch_view sp_batch_view_create(bool quiet);

void sp_batch_view_start(sp_batch_view *view, const sp_queue *queue, size_t threads);
void sp_batch_view_end(sp_batch_view *view, const sp_queue *queue, size_t trial);
void sp_batch_view_rung(sp_batch_view *view, const sp_queue *queue, size_t dropped);
void sp_batch_view_wait(sp_batch_view *view, const sp_trial *trial, long process);

/* Draws the table anew, when it is time. */
void sp_batch_view_tick(sp_batch_view *view, const sp_queue *queue);

/* Takes the table away. */
void sp_batch_view_clear(sp_batch_view *view);

#endif
