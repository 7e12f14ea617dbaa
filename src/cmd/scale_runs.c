#include "cmd/scale_runs.h"

#include "base/file.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 4096 };

void sp_scale_name_run(const sp_scale_point *point, size_t repetition, sp_scale_run *run) {
    int used =
        snprintf(run->name, sizeof run->name, "b%zu-s%zu-t%zu-", point->batch_size, point->shards, point->threads);
    char *end = run->name + used;
    size_t size = sizeof run->name - (size_t)used;
    if (run->kind == SP_SCALE_MEASURED)
        snprintf(end, size, "%zu", repetition);
    else
        snprintf(end, size, "%s", run->kind == SP_SCALE_TIMED ? "phases" : repetition > 0 ? "check" : "trial");
}

/* Behind the letter and the digits that follow it; NULL: there are none. */
static const char *skip_number(const char *at, char letter) {
    if (!at || *at != letter) return NULL;
    size_t digits = strspn(++at, "0123456789");
    return digits > 0 ? at + digits : NULL;
}

static bool is_name(const char *name) {
    static const char *const ends[] = {"-phases", "-check", "-trial"};
    const char *at = skip_number(name, 'b');
    at = at && *at == '-' ? skip_number(at + 1, 's') : NULL;
    at = at && *at == '-' ? skip_number(at + 1, 't') : NULL;
    for (int i = 0; at && i < 3; i++)
        if (strcmp(at, ends[i]) == 0) return true;
    at = skip_number(at, '-');
    return at && !*at;
}

static int is_shown(const struct dirent *entry) {
    return is_name(entry->d_name);
}

/* Of a training that was ended before it began there is a lock, and perhaps a part of its config. */
static void remove_beginning(const char *path) {
    static const char *const names[] = {".lock", "config.ini.tmp"};
    char inside[PATH];
    for (int i = 0; i < 2; i++)
        if (sp_path_join(inside, sizeof inside, path, names[i])) unlink(inside);
    rmdir(path); /* fails where there is something else in it */
}

static void remove_run(const char *path) {
    char config[PATH];
    struct stat about;
    if (lstat(path, &about) || !S_ISDIR(about.st_mode)) return;
    if (sp_path_join(config, sizeof config, path, "config.ini") && sp_is_regular(config))
        sp_folder_remove(path);
    else
        remove_beginning(path);
}

void sp_scale_remove_runs(const char *folder) {
    char runs[PATH], path[PATH];
    struct dirent **entries;
    if (!sp_path_join(runs, sizeof runs, folder, "runs")) return;
    int count = scandir(runs, &entries, is_shown, NULL);
    for (int i = 0; i < count; i++) {
        if (sp_path_join(path, sizeof path, runs, entries[i]->d_name)) remove_run(path);
        free(entries[i]);
    }
    if (count >= 0) free(entries);
    rmdir(runs); /* fails where there is something else in it */
}
