/* The terminal that stderr, or stdout, may be. */
#ifndef SP_CMD_TERMINAL_H
#define SP_CMD_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/* Whether that is a terminal on which lines can be drawn over: not where TERM is dumb, or not set. */
bool sp_terminal_can_redraw(int descriptor);

/* Whether it has colours, too, and nobody minds: NO_COLOR (no-color.org). */
bool sp_terminal_has_colours(int descriptor);

/* Its columns and rows, as they are now; 80 and 24 where it is none, or does not tell. At least 2 and 1. */
void sp_terminal_size(int descriptor, size_t *columns, size_t *rows);

/*
 * Rows that lines of these widths take: where the window has become narrower, terminals break lines that do not fit any
 * more. (Some cut them instead; there a row above the lines is lost for each.)
 */
size_t sp_terminal_rows(const size_t *widths, size_t lines, size_t columns);

/* Whether stderr would take text now without having the writer wait. */
bool sp_terminal_is_ready(void);

/* Writes the text to stderr in one piece, where it can. */
void sp_terminal_write(const char *text);

/* Whether text is UTF-8 here, by LC_ALL, LC_CTYPE or LANG. */
bool sp_terminal_is_utf8(void);

#endif
