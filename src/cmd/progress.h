/* Shows people how a training goes, on stderr. */
#ifndef SP_CMD_PROGRESS_H
#define SP_CMD_PROGRESS_H

#include "shardprop.h"

typedef struct sp_display {
    bool quiet;    /* nothing is shown */
    bool terminal; /* one line, drawn over; else a line now and then */
    double drawn;  /* seconds: when it was last drawn */
    sp_epoch last; /* the epoch before; epoch 0: none yet */
} sp_display;

void sp_display_start(sp_display *display, const char *plan);
void sp_display_step(sp_display *display, const sp_progress *progress);
void sp_display_epoch(sp_display *display, const sp_epoch *epoch, const sp_progress *progress);

/* A line of its own. */
void sp_display_warning(sp_display *display, const char *text);

/* Takes the drawn line away. */
void sp_display_end(sp_display *display);

#endif
