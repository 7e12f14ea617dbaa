/* `train --help-config`: every key, its default and its source; itself a config. */
#include "config.h"
#include "support.h"

#include <string.h>

Test(cli_help_config, lists_every_key_with_its_default) {
    outcome help = run("shardprop train --help-config");
    cr_assert_eq(help.status, 0);
    cr_expect_str_empty(help.err);
    const char *at = help.out;
    for (size_t i = 0; i < sp_key_count; i++) { /* in the order of the table */
        char line[200], *found;
        snprintf(line, sizeof line, "\n%s =%s%s\n", sp_keys[i].name, *sp_keys[i].initial ? " " : "",
                 sp_keys[i].initial);
        found = strstr(at, line);
        cr_assert_not_null(found, "no %s.%s = %s", sp_keys[i].section, sp_keys[i].name, sp_keys[i].initial);
        snprintf(line, sizeof line, "[%s]\n", sp_keys[i].section);
        cr_expect(strstr(help.out, line) && strstr(help.out, line) < found, "no %s", line);
        at = found;
    }
    for (char *line = strtok(help.out, "\n"); line; line = strtok(NULL, "\n"))
        cr_expect_leq(strlen(line), 80, "%s", line);
}

/* The text of --help-config about a key, in one line. */
static const char *about_key(const char *help, const char *name) {
    const char *end = strstr(help, format_text("\n%s =", name)), *first = end;
    cr_assert_not_null(end, "%s", name);
    while (first > help && !(first[-1] == '\n' && *first != ';') && *first != '[') first--;
    char *text = format_text("%.*s", (int)(end - first), first);
    for (char *at; (at = strstr(text, "\n; "));) memmove(at + 1, at + 3, strlen(at + 3) + 1), *at = ' ';
    return text;
}

Test(cli_help_config, names_the_source_of_every_key) {
    const char *help = run("shardprop train --help-config").out;
    const struct {
        const char *key, *source;
    } some[] = {{"elastic_alpha", "source: Simard, Steinkraus, Platt, ICDAR 2003"},
                {"max_norm", "source: Srivastava et al., JMLR 15, 2014"},
                {"warmup_epochs", "source: Goyal et al."},
                {"normalization", "Hoffer, Hubara, Soudry, NIPS 2017"},
                {"shards", "source: shardprop"}};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        cr_expect(strstr(about_key(help, some[i].key), some[i].source), "%s: %s", some[i].key,
                  about_key(help, some[i].key));
    size_t sources = 0;
    for (const char *at = help; (at = strstr(at, "\n; source: ")); at++) sources++;
    cr_expect_eq(sources, sp_key_count);
    /* Of every method that has a paper. */
    const char *const methods[] = {
        "relu",    "leaky_relu", "elu",     "selu",  "gelu",       "silu",   "softplus",  "softmax",  "batch",
        "layer",   "he",         "xavier",  "lecun", "orthogonal", "sgd",    "momentum",  "nesterov", "adagrad",
        "rmsprop", "adam",       "amsgrad", "adamw", "rprop",      "cosine", "one_cycle", "huber",    "cross_entropy"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        bool found = false;
        for (size_t k = 0; k < sp_key_count && !found; k++)
            found = strstr(format_text(" %s", sp_key_source(&sp_keys[k])), format_text(" %s: ", methods[i]));
        cr_expect(found, "%s", methods[i]);
    }
}

Test(cli_help_config, is_a_config) {
    const char *path = scratch_path("all.ini");
    outcome result =
        run("shardprop train --help-config > %s && shardprop check %s -s data.train=data/iris.csv", path, path);
    cr_expect_eq(result.status, 0, "%s", result.err);
    cr_expect_str_empty(result.err);
    cr_expect(strstr(result.out, "150 rows of data/iris.csv"));
}
