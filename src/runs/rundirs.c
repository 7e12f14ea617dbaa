#include "runs/rundirs.h"

#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = 4096, DEEPEST = 3 };

static int is_shown(const struct dirent *entry) {
    return entry->d_name[0] != '.' && strcmp(entry->d_name, "previous") != 0;
}

static int by_name(const struct dirent **one, const struct dirent **other) {
    return strcmp((*one)->d_name, (*other)->d_name); /* alphasort would go by the locale */
}

/* False: no memory. */
static bool find(const char *folder, int depth, sp_names *found) {
    char path[PATH];
    if (sp_path_join(path, PATH, folder, "config.ini") && sp_file_exists(path)) return sp_names_add(found, folder);
    struct dirent **entries;
    int count = depth < DEEPEST ? scandir(folder, &entries, is_shown, by_name) : -1;
    bool good = true;
    for (int i = 0; i < count; i++) {
        if (good && sp_path_join(path, PATH, folder, entries[i]->d_name) && sp_is_folder(path))
            good = find(path, depth + 1, found);
        free(entries[i]);
    }
    if (count >= 0) free(entries);
    return good;
}

sp_status sp_rundirs_find(const char *path, sp_names *found, sp_error *error) {
    size_t before = found->count;
    if (!sp_is_folder(path)) return sp_fail(error, SP_BAD_CONFIG, "%s: is no folder; name a run directory", path);
    if (!find(path, 0, found)) return sp_fail_memory(error, path, PATH);
    if (found->count > before) return SP_OK;
    return sp_fail(error, SP_BAD_CONFIG, "%s: holds no config.ini, nor do its folders; name a run directory", path);
}

sp_status sp_rundirs_add(const char *path, sp_names *found, sp_error *passed, sp_error *error) {
    sp_error fault = {0};
    sp_status status = sp_rundirs_find(path, found, &fault);
    if (!status) return SP_OK;
    if (status == SP_BAD_CONFIG && sp_file_exists(path)) {
        sp_fail(passed, status, "%s", fault.text);
        return SP_OK;
    }
    return sp_fail(error, status, "%s", fault.text);
}
