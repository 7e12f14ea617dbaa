#include "cmd/terminal.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool knows_commands(void) {
    const char *kind = getenv("TERM");
    return kind && *kind && strcmp(kind, "dumb") != 0;
}

bool sp_terminal_can_redraw(int descriptor) {
    return isatty(descriptor) && knows_commands();
}

bool sp_terminal_has_colours(int descriptor) {
    const char *refused = getenv("NO_COLOR");
    return sp_terminal_can_redraw(descriptor) && (!refused || !*refused);
}

void sp_terminal_size(int descriptor, size_t *columns, size_t *rows) {
    struct winsize size = {0};
    bool known = ioctl(descriptor, TIOCGWINSZ, &size) == 0;
    *columns = known && size.ws_col > 0 ? size.ws_col : 80;
    *rows = known && size.ws_row > 0 ? size.ws_row : 24;
    if (*columns < 2) *columns = 2;
}

size_t sp_terminal_rows(const size_t *widths, size_t lines, size_t columns) {
    size_t rows = 0;
    for (size_t i = 0; i < lines; i++) rows += widths[i] > columns ? (widths[i] + columns - 1) / columns : 1;
    return rows;
}

bool sp_terminal_is_ready(void) {
    struct pollfd stream = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&stream, 1, 0) == 1 && (stream.revents & POLLOUT);
}

void sp_terminal_write(const char *text) {
    fflush(stderr);
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t written = write(STDERR_FILENO, text, left);
        if (written <= 0) return; /* a picture of how it goes: the next may get through */
        text += written;
        left -= (size_t)written;
    }
}

bool sp_terminal_is_utf8(void) {
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (int i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (value && *value) return strstr(value, "UTF-8") || strstr(value, "utf8") || strstr(value, "UTF8");
    }
    return false;
}
