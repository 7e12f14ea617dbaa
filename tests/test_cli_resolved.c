/* Configurations as a user writes them: what is read, and as what. */
#include "config.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

static const char iris[] = "[data]\ntrain = data/iris.csv\n";

/* `shardprop train` on the config at `path`; its run directory is run/ of the scratch folder. */
static outcome train_file(const char *path, const char *more) {
    return run("shardprop train '%s' --set output.dir='%s' %s", path, scratch_path("run"), more);
}

/* The resolved config of a training of one epoch on `text`. */
static char *resolved(const char *text, const char *more) {
    outcome result = train_file(write_text("c.ini", text), more);
    cr_assert_eq(result.status, 0, "%s", result.err);
    return read_text(scratch_path("run/config.ini"));
}

Test(cli_resolved, comments_blanks_and_line_ends) {
    char *config = resolved("\xef\xbb\xbf; saved by an editor that writes a BOM and CRLF\r\n"
                            "# another comment\r\n"
                            "\r\n"
                            "  [data]  ; of flowers\r\n"
                            "\ttrain=data/iris.csv # the path\r\n"
                            "   target : species\r\n"
                            "[network]\r\n"
                            "hidden =   7 ,5   ; two\r\n"
                            "\t\tactivation = tanh,relu\r\n"
                            "[train]\r\n"
                            "epochs = 1",
                            "");
    cr_expect(strstr(config, "\ntrain = data/iris.csv\n"));
    cr_expect(strstr(config, "\ntarget = species\n"));
    cr_expect(strstr(config, "\nhidden = 7, 5\n"));
    cr_expect(strstr(config, "\nactivation = tanh, relu\n"));
    cr_expect(strstr(config, "\nepochs = 1\n"));
    cr_expect_null(strchr(config, '\r'));
}

Test(cli_resolved, lines_may_end_in_carriage_returns_alone) {
    char *config = resolved("[data]\rtrain = data/iris.csv ; irises\r\r[train]\repochs = 1\r", "-q");
    cr_expect(strstr(config, "epochs = 1\n"));
}

Test(cli_resolved, values_may_hold_what_else_means_something) {
    char text[600];
    const char *data = write_text("a=b;c#d.csv", "x,a = b : c\n1,2\n2,3\n3,4.5\n");
    snprintf(text, sizeof text, "[data]\ntrain = %s\ntarget = a = b : c\n[network]\nhidden=\n[train]\nepochs = 1\n",
             data);
    char *config = resolved(text, "");
    cr_expect(strstr(config, "a=b;c#d.csv\n"), "%s", config);
    cr_expect(strstr(config, "\ntarget = a = b : c\n"));
    cr_expect(strstr(config, "\nhidden =\n"), "no hidden layer");
    outcome again = train_file(scratch_path("run/config.ini"), "-q");
    cr_expect_eq(again.status, 0, "%s", again.err);
}

Test(cli_resolved, switches_in_every_spelling) {
    static const char *const words[][2] = {{"yes", "yes"}, {"true", "yes"}, {"on", "yes"}, {"1", "yes"},
                                           {"no", "no"},   {"false", "no"}, {"off", "no"}, {"0", "no"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char more[80], line[80];
        snprintf(more, sizeof more, "-s train.epochs=1 -s train.shuffle=%s", words[i][0]);
        snprintf(line, sizeof line, "\nshuffle = %s\n", words[i][1]);
        cr_expect(strstr(resolved(iris, more), line), "%s", words[i][0]);
    }
}

Test(cli_resolved, the_resolved_config_says_what_was_chosen) {
    char *config = resolved(iris, "-s train.epochs=1");
    cr_expect(strstr(config, "\ntask = classification\n"));
    cr_expect(strstr(config, "\nloss = cross_entropy\n"));
    cr_expect(strstr(config, "\noutput_activation = softmax\n"));
    cr_expect(strstr(config, "\nmonitor = validation_accuracy\n"));
    cr_expect(strstr(config, "\nshards = 1\n"), "which auto means for so small a network");
    for (size_t i = 0; i < sp_key_count; i++) {
        char line[80];
        snprintf(line, sizeof line, "\n%s =", sp_keys[i].name);
        cr_expect(strstr(config, line), "no %s.%s", sp_keys[i].section, sp_keys[i].name);
    }
}

Test(cli_resolved, set_overrides_the_file_and_the_last_one_wins) {
    char *config =
        resolved(format_text("%s[train]\nepochs = 3\nseed = 5\n", iris),
                 "-s train.epochs=2 --set train.epochs=1 --set=network.hidden=3,4 -snetwork.activation=tanh");
    cr_expect(strstr(config, "\nepochs = 1\n"));
    cr_expect(strstr(config, "\nseed = 5\n"));
    cr_expect(strstr(config, "\nhidden = 3, 4\n"));
    cr_expect(strstr(config, "\nactivation = tanh\n"));
}
