/* Signals that end a training after its step, or have it write a checkpoint. */
#ifndef SP_CMD_SIGNALS_H
#define SP_CMD_SIGNALS_H

#include <stdbool.h>

/* SIGINT, SIGTERM and SIGHUP (unless that is ignored) are noted; a later one ends the program at once. */
void sp_signals_watch(void);

/* Until then: they end the program at once, with a line and 128 + signal. */
void sp_signals_leave(void);

/* The one that came first, 0: none. */
int sp_signals_seen(void);

/* SIGUSR1 is noted, too; whether it has come since this was last asked. */
void sp_signals_watch_wishes(void);
bool sp_signals_take_wish(void);

/*
 * Of this folder, in which are files alone, nothing is left when a later signal ends the program; NULL: of none. For a
 * path that is too long, too.
 */
void sp_signals_remove(const char *folder);

#endif
