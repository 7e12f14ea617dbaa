/*
 * Shows people how a training goes, on stderr: on a terminal a block of a few lines that is drawn over, else a line now
 * and then.
 *
 * Every line of the block ends with a newline, and nothing of the terminal is changed: however the program ends, the
 * cursor stands at the beginning of the line below it.
 */
#ifndef SP_CMD_PROGRESS_H
#define SP_CMD_PROGRESS_H

#include "shardprop.h"

enum { SP_BLOCK_LINES = 3, SP_BLOCK_NOTE = 300 };

typedef struct sp_display {
    bool quiet;                      /* nothing is shown */
    bool terminal;                   /* a block, drawn over; else a line now and then */
    bool colour;                     /* of a terminal */
    double drawn, pause;             /* seconds: when it was last drawn; how long it then stays as it is */
    size_t lines;                    /* of the block that stands there */
    size_t widths[SP_BLOCK_LINES];   /* columns that each takes */
    sp_epoch last;                   /* the epoch before; epoch 0: none yet */
    char note[SP_BLOCK_NOTE];        /* the last warning, and its epoch; empty: none */
    char pending[2 * SP_ERROR_TEXT]; /* warnings that are printed when it is drawn next */
} sp_display;

/* By what stderr is, TERM and NO_COLOR. */
sp_display sp_display_create(bool quiet);
void sp_display_start(sp_display *display, const char *plan);
void sp_display_step(sp_display *display, const sp_progress *progress);
void sp_display_epoch(sp_display *display, const sp_epoch *epoch, const sp_progress *progress);

/* In full above the block, and as its last line. */
void sp_display_warning(sp_display *display, const char *text);

/* Takes the block away; before anything else is printed. */
void sp_display_end(sp_display *display);

#endif
