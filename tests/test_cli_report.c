/* `shardprop report` and `train --report`: what the page says, of runs that ended well and of such that did not. */
#include "support.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Trains digits into scratch/NAME, quickly; `more`: further options. */
static const char *trained(const char *name, const char *more) {
    const char *dir = scratch_path(name);
    outcome result =
        run("shardprop train --quiet configs/digits.ini -s train.epochs=4 -s output.dir='%s' %s", dir, more);
    cr_assert_eq(result.status, 0, "%s", result.err);
    return dir;
}

/* The page of a run that has to be made without a word on stderr. */
static const char *page_of(const char *dir) {
    outcome result = run("shardprop report '%s' -o '%s'", dir, scratch_path("page.html"));
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_assert_str_empty(result.err);
    return read_text(scratch_path("page.html"));
}

static size_t times(const char *text, const char *what) {
    size_t found = 0;
    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what)) found++;
    return found;
}

#define has(page, text)   cr_expect(strstr(page, text), "the page has no '%s'", text)
#define lacks(page, text) cr_expect_null(strstr(page, text), "the page has '%s'", text)

/* A page that fetches nothing and runs nothing; every picture is a PNG in it, and nothing is left that is no number. */
static void expect_self_contained(const char *page) {
    static const char *const banned[] = {"<script",    "javascript:", "<iframe",     "@import",
                                         "src=\"http", "url(http",    "href=\"http", "<link rel=\"stylesheet",
                                         ">nan<",      ">-nan<",      ">inf<",       "(null)"};
    for (size_t i = 0; i < sizeof banned / sizeof *banned; i++) lacks(page, banned[i]);
    cr_expect_eq(times(page, "<img "), times(page, "src=\"data:image/png;base64,iVBORw0KGgo"));
    cr_expect_eq(times(page, "<section"), times(page, "</section>"));
    cr_expect_eq(times(page, "<table"), times(page, "</table>"));
    cr_expect_eq(times(page, "<figure>"), times(page, "</figure>"));
    cr_expect_eq(times(page, "<div"), times(page, "</div>"));
    has(page, "</html>\n");
}

/* ---- A run that ended well -------------------------------------------------------------------------- */

Test(cli_report, stands_in_the_run_and_says_where) {
    const char *dir = trained("run", "");
    outcome result = run("shardprop report '%s'", dir);
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_assert_str_eq(result.out, format_text("report of 1 run in %s/report.html\n", dir));
    expect_self_contained(read_text(format_text("%s/report.html", dir)));
}

/* The counts of the page's confusion matrix, as rows of a CSV. */
static const char *matrix_of(const char *page) {
    const char *at = strstr(page, "class=\"matrix\""), *end = at ? strstr(at, "</table>") : NULL;
    char *text = keep(calloc(1, 4096));
    cr_assert(at && end, "there is no matrix");
    at = strstr(at, "<tbody>");
    for (; at && at < end; at = strpbrk(at + 1, "<")) {
        if (strncmp(at, "</tr>", 5) == 0) strcat(text, "\n");
        if (strncmp(at, "<td", 3) != 0) continue;
        at = strchr(at, '>') + 1;
        strcat(text, ",");
        strncat(text, at, strcspn(at, "<"));
    }
    return text;
}

Test(cli_report, confusions_are_those_of_evaluate) {
    const char *dir = trained("run", "-s data.test=data/digits.csv"), *counts = scratch_path("counts.csv");
    outcome judged =
        run("shardprop evaluate '%s' data/digits.csv --confusion '%s' >'%s'; sed 1d '%s' | sed 's/^[^,]*//'", dir,
            counts, scratch_path("out"), counts);
    cr_assert_eq(judged.status, 0, "%s", judged.err);
    const char *page = page_of(dir);
    cr_assert_str_eq(matrix_of(page), judged.out);
    has(page, "How good it is on 1797 test rows");
    double accuracy = number_after(read_text(scratch_path("out")), "\naccuracy");
    has(page, format_text("<th scope=\"row\">Accuracy</th><td class=\"n\">%.2f&nbsp;%%", 100 * accuracy));
    size_t wrong = (size_t)lround(1797 * (1 - accuracy));
    has(page, format_text("of %zu wrong rows", wrong));
}

Test(cli_report, tells_what_the_run_has_measured) {
    const char *dir = trained("run", "-s data.validation=0.2 -s network.activation=tanh");
    const char *summary = read_text(format_text("%s/summary.json", dir)), *page = page_of(dir);
    expect_self_contained(page);
    has(page, format_text("<dt>Test accuracy</dt><dd>%.2f&nbsp;%%", 100 * number_after(summary, "test_accuracy")));
    has(page, format_text("<dt>Epochs</dt><dd>%.0f<", number_after(summary, "\"epochs\"")));
    has(page, ">completed<");
    static const char *const charts[] = {"Loss",
                                         "Accuracy",
                                         "Learning rate",
                                         "Thousand samples per second",
                                         "Norm of the gradient",
                                         "Update, as a share of the weights"};
    for (size_t i = 0; i < sizeof charts / sizeof *charts; i++)
        has(page, format_text("<figcaption>%s</figcaption><svg class=\"chart\"", charts[i]));
    has(page, "best epoch");
    has(page, "<code>network.activation</code></td><td><code>tanh</code></td><td class=\"soft\"><code>relu</code>");
    has(page, "<td>data/digits.csv</td>");
    const char *hash = strstr(summary, "\"content_xxh64\":\t\"");
    cr_assert(hash);
    has(page, format_text("%.16s", hash + strlen("\"content_xxh64\":\t\"")));
    has(page, format_text("shardprop verify %s", dir));
}

/* Six by six pixels: class 0 is bright on the left, 1 on the right; every tenth row says the wrong class. */
static void write_images(const char *images, const char *labels) {
    enum { ROWS = 100, SIDE = 6 };
    unsigned char bytes[16 + ROWS * SIDE * SIDE] = {0, 0, 8, 3, 0, 0, 0, ROWS, 0, 0, 0, SIDE, 0, 0, 0, SIDE};
    unsigned char classes[8 + ROWS] = {0, 0, 8, 1, 0, 0, 0, ROWS};
    for (size_t i = 0; i < ROWS; i++) {
        classes[8 + i] = (unsigned char)((i + (i % 10 == 0)) % 2);
        for (size_t p = 0; p < SIDE * SIDE; p++)
            bytes[16 + i * SIDE * SIDE + p] =
                (p % SIDE < SIDE / 2) == (i % 2 == 0) ? (unsigned char)(200 + p % 50) : 10;
    }
    write_bytes(images, bytes, sizeof bytes);
    write_bytes(labels, classes, sizeof classes);
}

Test(cli_report, images_are_shown_where_they_were_mistaken) {
    write_images("images", "labels");
    const char *dir = scratch_path("run"), *images = scratch_path("images"), *labels = scratch_path("labels");
    outcome result = run("shardprop train -q configs/digits.ini -s data.train='%s' -s data.train_labels='%s' "
                         "-s data.test='%s' -s data.test_labels='%s' -s data.target=last -s train.epochs=20 "
                         "-s network.hidden=5 -s output.dir='%s'",
                         images, labels, images, labels, dir);
    cr_assert_eq(result.status, 0, "%s", result.err);
    const char *page = page_of(dir);
    expect_self_contained(page);
    has(page, "10 of 10 wrong rows");
    cr_assert_eq(times(page, "<img "), 10 + 5, "ten mistakes, five units");
    cr_assert_eq(times(page, "is <b>1</b>, taken for <b>0</b>"), 10);
    has(page, format_text("title=\"%s: row 11\"", images));
}

Test(cli_report, regression_and_labels_have_pages_of_their_own) {
    outcome result = run("shardprop train -q configs/concrete.ini -s train.epochs=5 -s output.dir='%s' && "
                         "shardprop train -q configs/digit-properties.ini -s train.epochs=3 -s output.dir='%s'",
                         scratch_path("values"), scratch_path("labels"));
    cr_assert_eq(result.status, 0, "%s", result.err);
    const char *page = page_of(scratch_path("values"));
    expect_self_contained(page);
    has(page, "<figcaption>Predicted compressive_strength</figcaption>");
    has(page, "The largest errors");
    lacks(page, "Confusion matrix");
    lacks(page, "<figcaption>Accuracy<");
    page = page_of(scratch_path("labels"));
    expect_self_contained(page);
    has(page, "Rows with every label right");
    has(page, "<th scope=\"row\">prime</th>");
}

Test(cli_report, charts_become_files) {
    const char *dir = trained("run", ""), *png = scratch_path("charts");
    outcome result = run("shardprop report '%s' --png '%s'", dir, png);
    cr_assert_eq(result.status, 0, "%s", result.err);
    result = run("cd '%s' && ls && head -c 4 loss.png", png);
    cr_assert_eq(result.status, 0, "%s", result.err);
    has(result.out, "accuracy.png\n");
    has(result.out, "gradient_norm.png\n");
    has(result.out, "\x89PNG");
}

/* ---- Several ------------------------------------------------------------------------------------------ */

Test(cli_report, several_runs_are_compared) {
    trained("runs/one", "-s parallel.threads=1");
    trained("runs/two", "-s parallel.threads=2");
    const char *page = page_of(scratch_path("runs"));
    expect_self_contained(page);
    has(page, "2 runs compared");
    has(page, "come to the same weights, bit for bit");
    has(page, "<th scope=\"col\">parallel.threads</th></tr>");
    lacks(page, "<th scope=\"col\">output.dir</th>");
    trained("runs/three", "-s optimizer.learning_rate=0.01 -s parallel.threads=1");
    page = page_of(scratch_path("runs"));
    lacks(page, "bit for bit.</b>");
    has(page, "<th scope=\"col\">optimizer.learning_rate</th><th scope=\"col\">parallel.threads</th>");
    has(page, ">0.01<");
    for (size_t i = 1; i <= 3; i++) has(page, format_text("id=\"run%zu\"", i));
    const char *curve = strstr(page, "<figcaption>Training loss</figcaption>");
    cr_assert(curve);
    cr_assert_eq(times(format_text("%.*s", (int)(strstr(curve, "</figure>") - curve), curve), "<li>"), 3);
}

Test(cli_report, of_many_runs_the_comparison_alone) {
    const char *dir = trained("runs/0", "");
    outcome result = run("for i in 1 2 3 4 5 6 7 8; do cp -r '%s' '%s'/$i; done", dir, scratch_path("runs"));
    cr_assert_eq(result.status, 0, "%s", result.err);
    const char *page = page_of(scratch_path("runs"));
    expect_self_contained(page);
    has(page, "9 runs compared");
    lacks(page, "id=\"run1\"");
    lacks(page, "Confusion matrix");
}

/* ---- Scaling ------------------------------------------------------------------------------------------ */

/* A folder as `shardprop scale` leaves it, with such points. */
static const char *scaling_of(const char *curves) {
    cr_assert_eq(run("mkdir -p '%s'", scratch_path("scale")).status, 0);
    write_text("scale/scale.json",
               format_text("{\"config\": \"di<g>its\", \"scaling\": \"strong\", \"curves\": %s}", curves));
    return scratch_path("scale");
}

Test(cli_report, scaling_is_drawn_and_listed) {
    const char *dir = scaling_of(
        "[{\"amdahl_serial\": 0.05, \"amdahl_ceiling\": 20, \"points\": ["
        "{\"batch_size\": 64, \"shards\": 4, \"threads\": 1, \"samples_per_second\": {\"median\": 1000, "
        "\"lower_quartile\": 990, \"upper_quartile\": 1010}, \"speedup\": 1, \"efficiency\": 1, \"karp_flatt\": null, "
        "\"phases\": {\"forward\": 0.6, \"backward\": 0.4}},"
        "{\"batch_size\": 64, \"shards\": 4, \"threads\": 2, \"samples_per_second\": {\"median\": 1900, "
        "\"lower_quartile\": 1862, \"upper_quartile\": 1938}, \"speedup\": 1.9, \"efficiency\": 0.95, "
        "\"karp_flatt\": 0.053, \"phases\": {\"forward\": 0.6, \"backward\": 0.3, \"barrier\": 0.1}}]}]");
    const char *page = page_of(dir);
    expect_self_contained(page);
    has(page, "How di&lt;g&gt;its scales (strong scaling)");
    has(page, "<figcaption>Speed-up</figcaption>");
    has(page, "<figcaption>Microseconds a row, all threads together (batch 64, 4 shards)</figcaption>");
    has(page, "<td class=\"n\">2</td><td class=\"n\">1900</td><td class=\"n\">2.00&nbsp;%</td><td class=\"n\">1.9</td>"
              "<td class=\"n\">95.00&nbsp;%</td><td class=\"n\">0.053</td>");
    has(page, "a serial share of 5.00&nbsp;%, so a speed-up of at most 20.");
}

Test(cli_report, of_scaling_nothing_is_taken_on_trust) {
    static const char *const odd[] = {"null",
                                      "[]",
                                      "7",
                                      "[null]",
                                      "[{\"points\": 3}]",
                                      "[{\"points\": [null, {}, {\"threads\": \"two\", \"phases\": []}]}]"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) expect_self_contained(page_of(scaling_of(odd[i])));
    has(page_of(scaling_of("[]")), "Nothing was measured.");
    outcome result = run("shardprop report '%s'", scaling_of("[}"));
    cr_assert_eq(result.status, 3);
    cr_assert_eq(lines_of(result.err), 1, "%s", result.err);
}

/* ---- Runs that are not whole ---------------------------------------------------------------------------- */

Test(cli_report, a_run_that_diverged_says_so) {
    const char *dir = scratch_path("run");
    outcome result =
        run("shardprop train -q configs/digits.ini -s optimizer.learning_rate=100000 -s output.dir='%s'", dir);
    cr_assert_eq(result.status, 1);
    const char *page = page_of(dir);
    expect_self_contained(page);
    has(page, ">diverged<");
}

Test(cli_report, a_run_that_goes_on_has_a_page_too) {
    const char *dir = trained("run", "");
    cr_assert_eq(run("cd '%s' && rm summary.json model.safetensors && printf '5,0.00' >>metrics.csv", dir).status, 0);
    const char *page = page_of(dir);
    expect_self_contained(page);
    has(page, ">unfinished<");
    has(page, "There is no model.safetensors yet");
    has(page, "<figcaption>Loss</figcaption>");
    cr_assert_eq(run("cd '%s' && sed -i 1q metrics.csv", dir).status, 0);
    has(page_of(dir), "No epoch has ended.");
}

Test(cli_report, damaged_files_are_told_and_left_out) {
    static const char *const names[] = {"config.ini", "metrics.csv", "summary.json", "model.safetensors"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *dir = trained(format_text("run%zu", i), "");
        cr_assert_eq(
            run("cd '%s' && head -c 300 %s >cut && printf '[x]\\0<b>' >>cut && mv cut %s", dir, names[i], names[i])
                .status,
            0);
        const char *page = page_of(dir);
        expect_self_contained(page);
        has(page, format_text("<li>%s/%s", dir, names[i]));
    }
}

Test(cli_report, a_folder_without_a_run_is_refused) {
    outcome result = run("mkdir '%s' && shardprop report '%s'", scratch_path("empty"), scratch_path("empty"));
    cr_assert_eq(result.status, 2);
    cr_assert_eq(lines_of(result.err), 1);
    result = run("printf '[x' >'%s/config.ini'; shardprop report '%s'", scratch_path("empty"), scratch_path("empty"));
    cr_assert_eq(result.status, 3);
    cr_assert_eq(lines_of(result.err), 1, "%s", result.err);
    cr_assert_eq(run("shardprop report").status, 2);
}

Test(cli_report, without_its_data_there_is_no_judgement) {
    const char *dir = trained("run", "");
    outcome result = run("here=$PWD; cd '%s' && \"$here/%s\" report '%s'", scratch(), SHARDPROP_PROGRAM, dir);
    cr_assert_eq(result.status, 0, "%s", result.err);
    const char *page = read_text(format_text("%s/report.html", dir));
    expect_self_contained(page);
    has(page, "The model is not judged here: data/digits.csv");
    lacks(page, "Confusion matrix");
    has(page, "<figcaption>Loss</figcaption>");
}

Test(cli_report, data_that_have_changed_are_named) {
    cr_assert_eq(run("cp data/digits.csv '%s'", scratch_path("d.csv")).status, 0);
    const char *dir = trained("run", format_text("-s data.train='%s'", scratch_path("d.csv")));
    has(page_of(dir), "Confusion matrix");
    cr_assert_eq(run("sed -i '5s/,[0-9]*,/,16,/' '%s'", scratch_path("d.csv")).status, 0);
    const char *page = page_of(dir);
    has(page, format_text("The model is not judged here: %s", scratch_path("d.csv")));
    lacks(page, "Confusion matrix");
}

/* ---- Names are data --------------------------------------------------------------------------------------- */

Test(cli_report, nothing_of_a_file_becomes_markup) {
    const char *folder = format_text("%s/a<b>&\\\"'x", scratch()); /* between double quotes of the shell */
    outcome result = run("shardprop train -q configs/digits.ini -s train.epochs=1 -s \"output.dir=%s\" && cd \"%s\" && "
                         "sed -i 's/\"version\":.*\"/\"version\": \"<script>alert(1)<\\/script>\"/; "
                         "s/\"warnings\":.*/\"warnings\": [\"<img src=x onerror=alert(1)>\"],/' summary.json",
                         folder, folder);
    cr_assert_eq(result.status, 0, "%s", result.err);
    result = run("shardprop report \"%s\" -o '%s'", folder, scratch_path("page.html"));
    cr_assert_eq(result.status, 0, "%s", result.err);
    const char *page = read_text(scratch_path("page.html"));
    expect_self_contained(page);
    lacks(page, "<img src=x");
    has(page, "&lt;img src=x onerror=alert(1)&gt;");
    has(page, "&lt;script&gt;alert(1)");
    has(page, "<h1>a&lt;b&gt;&amp;&quot;&#39;x</h1>");
    has(page, "a&lt;b&gt;&amp;&quot;&#39;\\&#39;&#39;x&#39;\nshardprop train "); /* one word to a shell */
}

/* ---- Faults ---------------------------------------------------------------------------------------------- */

/* A folder with a gnuplot that tells its version, and draws nothing. */
static const char *broken_gnuplot(void) {
    const char *folder = scratch_path("bin");
    cr_assert_eq(run("mkdir -p '%s'", folder).status, 0);
    write_text("bin/gnuplot", "#!/bin/sh\n[ \"$1\" = --version ] && exec echo gnuplot 5.4\necho no ink >&2\nexit 3\n");
    cr_assert_eq(run("chmod +x '%s/gnuplot'", folder).status, 0);
    return folder;
}

Test(cli_report, without_gnuplot_the_old_report_stays) {
    const char *dir = trained("run", ""), *old = format_text("%s/report.html", dir);
    cr_assert_eq(run("echo old >'%s'", old).status, 0);
    outcome result = run("PATH=/nowhere shardprop report '%s'", dir);
    cr_assert_eq(result.status, 1);
    cr_assert_eq(lines_of(result.err), 1, "%s", result.err);
    has(result.err, "gnuplot-nox");
    result = run("PATH='%s':$PATH shardprop report '%s'", broken_gnuplot(), dir);
    cr_assert_eq(result.status, 1);
    has(result.err, "(no ink)");
    cr_assert_str_eq(read_text(old), "old\n");
    cr_assert_eq(run("ls '%s' | grep -q tmp", dir).status, 1);
}

Test(cli_report, where_it_cannot_be_written_says_so) {
    const char *dir = trained("run", "");
    outcome result = run("shardprop report '%s' -o '%s'", dir, scratch_path("no/such/page.html"));
    cr_assert_neq(result.status, 0);
    cr_assert_eq(lines_of(result.err), 1, "%s", result.err);
    has(result.err, "no/such/page.html");
    result = run("shardprop report '%s' -o /dev/full", dir);
    cr_assert_eq(result.status, 1, "%s", result.err);
    cr_assert_eq(lines_of(result.err), 1, "%s", result.err);
}

/* ---- At the end of a training ------------------------------------------------------------------------------- */

Test(cli_report, training_makes_one_on_demand) {
    const char *dir = scratch_path("run");
    outcome result = run("shardprop train -q configs/digits.ini -s train.epochs=3 -s output.dir='%s' --report", dir);
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_assert_str_empty(result.err);
    has(result.out, format_text("report in %s/report.html\n", dir));
    const char *page = read_text(format_text("%s/report.html", dir));
    expect_self_contained(page);
    has(page, "Confusion matrix");
    /* It goes where the run's other files go when the next one begins. */
    result = run("shardprop train -q configs/digits.ini -s train.epochs=1 -s output.dir='%s' && ls '%s' '%s/previous'",
                 dir, dir, dir);
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_assert_eq(times(result.out, "report.html"), 1);
}

Test(cli_report, a_training_is_not_begun_whose_report_cannot_be_made) {
    const char *dir = scratch_path("run");
    outcome result = run("PATH=/nowhere shardprop train configs/digits.ini -s output.dir='%s' --report", dir);
    cr_assert_eq(result.status, 1);
    cr_assert_eq(lines_of(result.err), 1, "%s", result.err);
    has(result.err, "gnuplot-nox");
    cr_assert_eq(run("test -e '%s'", dir).status, 1);
}

Test(cli_report, a_report_that_fails_does_not_spoil_a_training) {
    const char *dir = scratch_path("run");
    outcome result =
        run("PATH='%s':$PATH shardprop train -q configs/digits.ini -s train.epochs=2 -s output.dir='%s' --report",
            broken_gnuplot(), dir);
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_assert_eq(lines_of(result.err), 1, "%s", result.err);
    has(result.err, "the training is whole, but there is no report");
    has(result.err, "(no ink)");
    has(read_text(format_text("%s/summary.json", dir)), "completed");
    cr_assert_eq(run("shardprop info '%s'", dir).status, 0);
}

Test(cli_report, a_training_that_diverged_is_reported) {
    const char *dir = scratch_path("run");
    outcome result = run("shardprop train -q configs/digits.ini -s optimizer.learning_rate=100000 -s output.dir='%s' "
                         "--report",
                         dir);
    cr_assert_eq(result.status, 1);
    has(read_text(format_text("%s/report.html", dir)), ">diverged<");
}

/* As the shell makes them of runs: those with nothing in them stop nobody. */
Test(cli_report, operands_that_hold_no_run_are_passed_over) {
    const char *dir = trained("runs/one", ""), *empty = scratch_path("runs/empty"), *page = scratch_path("page.html");
    run("mkdir '%s'; echo > '%s'", empty, scratch_path("runs/notes.txt"));
    outcome result = run("shardprop report '%s'/* -o '%s'", scratch_path("runs"), page);
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_expect_str_eq(result.out, format_text("report of 1 run in %s\n", page));
    cr_expect_eq(lines_of(result.err), 2, "%s", result.err);
    cr_expect(strstr(result.err, format_text("shardprop: warning: %s: holds no config.ini", empty)), "%s", result.err);
    cr_expect(strstr(result.err, "shardprop: warning: ") && strstr(result.err, "/notes.txt: is no folder"), "%s",
              result.err);
    cr_expect_str_empty(run("shardprop plot '%s'/* 2>&1 >/dev/null | grep -v warning", scratch_path("runs")).out);
    cr_expect_eq(run("shardprop report '%s' '%s' -o '%s'", dir, scratch_path("runs/on"), page).status, 2,
                 "what is not there is a mistake");
    result = run("shardprop report '%s' '%s' -o '%s'", empty, empty, page);
    cr_expect_eq(result.status, 2, "none is left");
    cr_expect(strstr(result.err, format_text("shardprop: %s: holds no config.ini", empty)), "%s", result.err);
}
