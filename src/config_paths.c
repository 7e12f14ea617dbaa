/* Files that a configuration names and that are not there. */
#include "config.h"

#include "base/error.h"
#include "base/file.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int line_of(const sp_config *config, const char *key) {
    for (size_t i = 0; i < sp_key_count; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s.%s", sp_keys[i].section, sp_keys[i].name);
        if (strcmp(name, key) == 0) return config->line[i];
    }
    return 0;
}

/* What stands behind the '=' of a line of the config's file, comment and all; in `text`, which that may change. NULL:
 * nothing. */
static char *whole_value(char *text, int line) {
    for (int i = 1; i < line && text; i++) {
        text = strchr(text, '\n');
        text += text != NULL;
    }
    if (!text) return NULL;
    text[strcspn(text, "\n")] = '\0';
    char *value = strpbrk(text, "=:");
    if (!value) return NULL;
    value += 1 + strspn(value + 1, " \t");
    for (size_t length = strlen(value); length > 0 && isspace((unsigned char)value[length - 1]); length--)
        value[length - 1] = '\0';
    return value;
}

/* Whether a comment has cut the value, which is else the name of a file. */
static bool was_cut(const sp_config *config, const char *key, const char *path) {
    enum { LARGEST_FILE = 1 << 20 };
    int line = line_of(config, key);
    char *text;
    size_t size;
    sp_error unread = {0};
    if (line <= 0 || sp_file_read(config->path, LARGEST_FILE, &text, &size, &unread)) return false;
    const char *value = whole_value(text, line);
    bool cut = value && strlen(value) > strlen(path) && sp_file_exists(value);
    free(text);
    return cut;
}

static const char *hint(const sp_config *config, const char *key, const char *path) {
    size_t length = strlen(path);
    if (length > 1 && (path[0] == '"' || path[0] == '\'') && path[length - 1] == path[0])
        return "leave out the quotes around it";
    if (path[0] == '~') return "write the home folder out, for ~ stays as it is";
    if (was_cut(config, key, path)) return "a # or ; after a blank begins a comment, so rename that file";
    return path[0] == '/' ? "name a file that can be read"
                          : "name a file that can be read; its path is relative to the current folder";
}

sp_status sp_config_find_file(const sp_config *config, const char *key, const char *path, sp_error *error) {
    char place[SP_PLACE];
    if (sp_file_exists(path)) return SP_OK; /* or may: who opens it tells more */
    int cause = errno;
    sp_config_place(config, key, place, sizeof place);
    return sp_fail(error, SP_BAD_CONFIG, "%.2000s: cannot be opened (%s), named by %s of %.2000s; %s", path,
                   strerror(cause), key, place, hint(config, key, path));
}
