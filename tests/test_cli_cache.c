/* CSVs read through a cache: the same bits, less memory, and nothing of the cache is believed. */
#include "support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FEATURES = 200 };

/* Rows of FEATURES numbers and a class, such that each row is another. */
static const char *write_wide(const char *name, size_t rows) {
    const char *path = scratch_path(name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < FEATURES; j++) fprintf(file, "%zu,", (i * 7 + j * j + i * j) % 97);
        fprintf(file, "%zu\n", i % 2);
    }
    cr_assert_eq(fclose(file), 0);
    return path;
}

static const char *make_folder(const char *name) {
    const char *path = scratch_path(name);
    cr_assert_eq(mkdir(path, 0777), 0);
    return path;
}

/* The only file in a folder; NULL: it has none. */
static const char *only_file(const char *folder) {
    const char *found = NULL;
    DIR *opened = opendir(folder);
    cr_assert_not_null(opened);
    for (struct dirent *entry; (entry = readdir(opened));) {
        if (*entry->d_name == '.') continue;
        cr_assert_null(found, "%s beside %s", entry->d_name, found);
        found = format_text("%s/%s", folder, entry->d_name);
    }
    closedir(opened);
    return found;
}

static ino_t inode_of(const char *path) {
    struct stat about;
    cr_assert_eq(stat(path, &about), 0, "%s", path);
    return about.st_ino;
}

static const char *config_for(const char *train, const char *more) {
    return write_text("c.ini", format_text("[data]\ntrain = %s\n%s", train, more));
}

static outcome train(const char *config, const char *options) {
    outcome result = run("shardprop train %s -s output.dir=%s %s", config, scratch_path("run"), options);
    cr_assert_eq(result.status, 0, "%s: %s", options, result.err);
    return result;
}

static double peak_mb(void) {
    return number_after(read_text(scratch_path("run/summary.json")), "peak_rss_mb");
}

#define ALL_STEPS "normalize = standard\nvalidation = 0.1\ntest = 0.1\n[network]\nhidden = 4\n[train]\nepochs = 1\n"

/* Values of 46 MiB: parsed, drawn from, normalised, shuffled and judged within 8 more than a run on a few rows takes.
 * The rest is what each row has besides. */
Test(cli_cache, memory_is_bounded) {
    const size_t rows = 60000;
    const char *few = config_for(write_wide("few.csv", 100), ALL_STEPS "batch_size = 100\n");
    train(few, "-q -s data.cache=never");
    double base = peak_mb();
    const char *config = config_for(write_wide("wide.csv", rows), ALL_STEPS "batch_size = 100\n");
    outcome loaded = train(config, "-q -s data.cache=never");
    cr_expect(peak_mb() > base + 40, "loaded: %g MiB, base: %g", peak_mb(), base);
    const char *cached = format_text("-s data.memory_mb=8 -s data.cache_dir=%s", make_folder("cache"));
    for (int i = 0; i < 2; i++) { /* made, then used */
        outcome result = train(config, cached);
        cr_expect_str_eq(hash_of(&result), hash_of(&loaded));
        cr_expect(peak_mb() < base + 16, "%g MiB, base: %g", peak_mb(), base);
        cr_expect_not_null(strstr(result.out, "\nmemory "), "%s", result.out);
        cr_expect_not_null(strstr(result.err, "; values on disk"), "%s", result.err);
    }
    outcome judged = run("shardprop evaluate %s %s", scratch_path("run"), scratch_path("wide.csv"));
    outcome judged_cached = run("shardprop evaluate %s %s %s", scratch_path("run"), scratch_path("wide.csv"), cached);
    cr_expect_eq(judged_cached.status, 0, "%s", judged_cached.err);
    cr_expect_str_eq(judged_cached.out, judged.out);
}

Test(cli_cache, the_same_bits_at_every_number_of_threads) {
    static const int threads[] = {1, 2, 3, 4, 7};
    const char *config = config_for(write_wide("wide.csv", 5000),
                                    "normalize = minmax\nvalidation = 0.2\n[network]\nhidden = 5\n[train]\nepochs = 2\n"
                                    "batch_size = 64\n[parallel]\nshards = 4\n");
    outcome loaded = train(config, "-q");
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        outcome cached = train(config, format_text("-q -s data.memory_mb=1 -s parallel.threads=%d", threads[i]));
        cr_expect_str_eq(hash_of(&cached), hash_of(&loaded), "%d threads", threads[i]);
    }
    outcome verified = run("shardprop verify %s", scratch_path("run"));
    cr_expect_eq(verified.status, 0, "%s%s", verified.out, verified.err);
    outcome from_cache = train(config, "-q -s data.cache=always"); /* loaded, from the cache that is there */
    cr_expect_str_eq(hash_of(&from_cache), hash_of(&loaded));
}

/* A training that began on loaded values goes on with those of a cache, and back. */
Test(cli_cache, resumed_either_way) {
    const char *config = config_for(write_wide("wide.csv", 5000),
                                    "normalize = minmax\n[network]\nhidden = 5\n[train]\nbatch_size = 500\n");
    outcome whole = train(config, "-q -s train.epochs=3");
    const char *whole_hash = hash_of(&whole);
    train(config, "-q -s train.epochs=1");
    train(config, "-q -s train.epochs=2 -s data.memory_mb=1 --resume");
    outcome resumed = train(config, "-q -s train.epochs=3 --resume");
    cr_expect_str_eq(hash_of(&resumed), whole_hash);
}

/* Text that shows only once numbers are in the file, rows left out, means, weights, files for validation and test. */
Test(cli_cache, whatever_a_table_has) {
    static const char rows[] = "kind,size,w,price\n1,2.5,1,3\n2,,2,4\n1.0,1,1,1\nred,3,1,2\n,4,3,5\n2,2,1,3\n";
    static const char *const missing[] = {"mean", "drop"}, *const separators[] = {"auto", "comma"};
    const char *table = write_text("t.csv", rows);
    for (int i = 0; i < 4; i++) {
        const char *config = config_for(
            table, format_text("validation = %s\ntest = %s\ntask = regression\nsample_weight = w\nseparator = %s\n"
                               "categorical = onehot\nmissing = %s\nnormalize = standard\nnormalize_targets = "
                               "standard\n[network]\nhidden = 3\n[train]\nepochs = 3\n",
                               table, table, separators[i / 2], missing[i % 2]));
        outcome loaded = train(config, "");
        for (int again = 0; again < 2; again++) {
            outcome cached = train(config, "-s data.cache=always");
            cr_expect_str_eq(hash_of(&cached), hash_of(&loaded), "%s", missing[i % 2]);
            cr_expect_eq(strstr(loaded.err, "left out") != NULL, strstr(cached.err, "left out") != NULL, "%s",
                         cached.err);
        }
    }
}

/* 4 MiB of values, of which some columns turn out to be text in the very last row. */
Test(cli_cache, text_that_comes_late) {
    const char *path = write_wide("late.csv", 5000);
    FILE *file = fopen(path, "a");
    cr_assert_not_null(file);
    for (size_t j = 0; j < FEATURES; j++) fputs(j % 50 == 3 ? "red," : "1,", file);
    fputs("1\n", file);
    cr_assert_eq(fclose(file), 0);
    const char *config = config_for(path, "categorical = onehot\n[network]\nhidden = 3\n[train]\nepochs = 1\n"
                                          "batch_size = 100\n");
    outcome loaded = train(config, "-q");
    for (int again = 0; again < 2; again++) {
        outcome cached = train(config, "-q -s data.memory_mb=1");
        cr_expect_str_eq(hash_of(&cached), hash_of(&loaded));
    }
}

#define SMALL "[network]\nhidden = 2\n[train]\nepochs = 2\n"
static const char small_rows[] = "1,2,0\n2,1,1\n3,3,0\n4,1,1\n5,2,0\n6,4,1\n";

/* Used again by other places, times and packings of the same text, until that changes. */
Test(cli_cache, is_used_again_until_the_file_changes) {
    const char *path = write_text("t.csv", small_rows), *config = config_for(path, SMALL);
    const char *folder = make_folder("cache"),
               *cached = format_text("-s data.cache=always -s data.cache_dir=%s", folder);
    outcome first = train(config, cached);
    cr_expect_null(strstr(first.err, "warning"), "%s", first.err);
    ino_t made = inode_of(only_file(folder));
    run("touch -d '2001-01-01' %s", path);
    make_folder("elsewhere");
    run("cp %s %s", path, scratch_path("elsewhere"));
    const char *const same[] = {path, scratch_path("elsewhere/t.csv")};
    for (int i = 0; i < 2; i++) {
        train(config_for(same[i], SMALL), cached);
        cr_expect_eq(inode_of(only_file(folder)), made, "%s", same[i]);
    }
    run("sed -i '$s/6/7/; 1s/1/1/' %s; touch -d '2001-01-01' %s", path, path); /* as long as it was, and as old */
    config = config_for(path, SMALL);
    outcome loaded = train(config, "");
    outcome changed = train(config, cached);
    cr_expect_str_eq(hash_of(&changed), hash_of(&loaded));
    cr_expect_str_neq(hash_of(&changed), hash_of(&first));
}

/* A change behind what the cache is named by is told; one before is another cache. */
Test(cli_cache, a_stale_one_is_made_anew) {
    const char *path = write_wide("wide.csv", 500);
    const char *folder = make_folder("cache"),
               *cached = format_text("-s data.cache=always -s data.cache_dir=%s", folder);
    const char *config = config_for(path, SMALL);
    train(config, cached);
    ino_t made = inode_of(only_file(folder));
    run("sed -i '$s/^[0-9]*/11/' %s", path);
    outcome changed = train(config, cached);
    cr_expect_neq(inode_of(only_file(folder)), made);
    cr_expect_not_null(strstr(changed.err, "its cache is of another state of the file and was made anew"), "%s",
                       changed.err);
    outcome loaded = train(config, "");
    cr_expect_str_eq(hash_of(&changed), hash_of(&loaded));
    outcome again = train(config, cached);
    cr_expect_null(strstr(again.err, "warning"), "%s", again.err);
}

Test(cli_cache, options_have_caches_of_their_own) {
    static const char *const options[] = {"target=first", "ignore=0",           "header=no",
                                          "missing=mean", "categorical=onehot", "sample_weight=0"};
    const char *config = config_for(write_text("t.csv", small_rows), "task = regression\n" SMALL);
    const char *cached = "-s data.cache=always";
    train(config, cached);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        outcome loaded = train(config, format_text("-s data.%s", options[i]));
        outcome result = train(config, format_text("%s -s data.%s", cached, options[i]));
        cr_expect_str_eq(hash_of(&result), hash_of(&loaded), "%s", options[i]);
        cr_expect_null(strstr(result.err, "warning"), "%s", result.err);
    }
}

/* Each way to break it is found, told and mended. */
Test(cli_cache, a_broken_one_is_made_anew) {
    static const char *const ways[] = {
        "truncate -s -1 %s",
        "truncate -s 100 %s",
        "truncate -s 0 %s",
        "truncate -s +1 %s",
        "printf 'x' | dd of=%s bs=1 seek=0 conv=notrunc",      /* magic number */
        "printf '\\377' | dd of=%s bs=1 seek=8 conv=notrunc",  /* version */
        "printf '\\377' | dd of=%s bs=1 seek=24 conv=notrunc", /* rows */
        "printf '\\377' | dd of=%s bs=1 seek=5000 conv=notrunc",
        "printf '\\377' | dd of=%s bs=1 seek=405000 conv=notrunc",
        "printf 'hello' > %s",
    };
    const char *path = write_wide("wide.csv", 500), *config = config_for(path, SMALL);
    const char *folder = make_folder("cache"),
               *cached = format_text("-s data.cache=always -s data.cache_dir=%s", folder);
    outcome loaded = train(config, "");
    train(config, cached);
    const char *made = read_text(only_file(folder));
    (void)made;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char command[200];
        const char *at = strstr(ways[i], "%s");
        snprintf(command, sizeof command, "%.*s'%s'%s", (int)(at - ways[i]), ways[i], only_file(folder), at + 2);
        run("%s 2> /dev/null", command);
        outcome result = train(config, format_text("%s %s", cached, i % 2 ? "" : "-s data.memory_mb=1"));
        cr_expect_str_eq(hash_of(&result), hash_of(&loaded), "%s", ways[i]);
        cr_expect_not_null(strstr(result.err, "warning"), "%s: %s", ways[i], result.err);
        cr_expect_not_null(strstr(result.err, " and was made anew ("), "%s: %s", ways[i], result.err);
        result = train(config, cached);
        cr_expect_null(strstr(result.err, "warning"), "%s: %s", ways[i], result.err);
    }
}

static void expect_one_line(const outcome *result, const char *says) {
    cr_expect_eq(result->status, 1, "%d: %s", result->status, result->err);
    cr_expect_eq(lines_of(result->err), 1, "%s", result->err);
    cr_expect_not_null(strstr(result->err, says), "%s", result->err);
}

Test(cli_cache, a_folder_that_is_not_there) {
    const char *config = config_for(write_text("t.csv", small_rows), SMALL);
    outcome result = run("shardprop train -q %s -s output.dir=%s -s data.cache=always -s data.cache_dir=%s", config,
                         scratch_path("run"), scratch_path("none"));
    expect_one_line(&result, "cannot be written (No such file or directory)");
    cr_expect_not_null(strstr(result.err, "data.cache_dir says where"), "%s", result.err);
}

/* Half a MiB of a file are allowed, and 4 of values are to be written. */
Test(cli_cache, a_disk_without_room) {
    const char *config = config_for(write_wide("wide.csv", 5000), SMALL), *folder = make_folder("cache");
    outcome result = run("trap '' XFSZ; ulimit -f 512; shardprop train -q %s -s output.dir=%s -s data.memory_mb=1 "
                         "-s data.cache_dir=%s",
                         config, scratch_path("run"), folder);
    expect_one_line(&result, "writing failed (File too large)");
    cr_expect_null(only_file(folder));
}

/* A read that fails in the midst of training is told, not a signal, and no weights are saved. */
Test(cli_cache, cut_short_while_it_is_used) {
    const char *config = config_for(write_wide("wide.csv", 5000), SMALL), *folder = make_folder("cache");
    outcome result =
        run("shardprop train -q %s -s output.dir=%s -s data.memory_mb=1 -s data.cache_dir=%s "
            "-s train.epochs=1000000 & program=$!\n"
            "for i in $(seq 1200); do [ $(wc -l < %s/metrics.csv) -gt 1 ] && break; sleep 0.05; done 2>&-\n"
            "truncate -s 500000 %s/*.spcache; wait $program",
            config, scratch_path("run"), folder, scratch_path("run"), folder);
    expect_one_line(&result, "was cut short while it was read");
    cr_expect_neq(access(scratch_path("run/model.safetensors"), F_OK), 0);
}

/* Of two that want to make the same file one waits for the other, and uses what that made. */
Test(cli_cache, two_at_once) {
    const char *config = config_for(write_wide("wide.csv", 5000), SMALL), *folder = make_folder("cache");
    outcome result = run("for i in 1 2; do shardprop train -q %s -s output.dir=%s/run$i -s data.memory_mb=1 "
                         "-s data.cache_dir=%s -s parallel.threads=1 > %s/out$i & done; wait",
                         config, scratch(), folder, scratch());
    cr_expect_str_empty(result.err);
    const char *out[] = {read_text(scratch_path("out1")), read_text(scratch_path("out2"))};
    cr_assert_not_null(strstr(out[0], "weights_xxh64"));
    cr_assert_not_null(strstr(out[1], "weights_xxh64"));
    cr_expect_eq(strncmp(strstr(out[0], "weights_xxh64"), strstr(out[1], "weights_xxh64"), 30), 0);
    cr_expect_not_null(only_file(folder));
}

Test(cli_cache, of_pipes_and_packed_files) {
    const char *path = write_wide("wide.csv", 2000), *config = config_for(path, SMALL);
    const char *folder = make_folder("cache"),
               *cached = format_text("-s data.memory_mb=1 -s data.cache_dir=%s", folder);
    outcome loaded = train(config, "");
    run("gzip -k %s", path);
    outcome packed = train(config_for(format_text("%s.gz", path), SMALL), cached);
    cr_expect_str_eq(hash_of(&packed), hash_of(&loaded));
    cr_expect_not_null(only_file(folder));
    outcome piped =
        run("shardprop train %s -s data.train=/dev/stdin -s output.dir=%s -s data.cache=always < /dev/null; "
            "cat %s | shardprop train -q %s -s data.train=/dev/stdin -s output.dir=%s -s data.cache=always",
            config, scratch_path("none"), path, config, scratch_path("run"));
    cr_expect_str_eq(hash_of(&piped), hash_of(&loaded), "a pipe is loaded: %s", piped.err);
}

Test(cli_cache, of_predict) {
    const char *path = write_wide("wide.csv", 2000), *folder = make_folder("cache");
    train(config_for(path, SMALL), "-q");
    outcome loaded = run("shardprop predict %s %s", scratch_path("run"), path);
    cr_assert_eq(loaded.status, 0, "%s", loaded.err);
    for (int i = 0; i < 2; i++) {
        outcome cached =
            run("shardprop predict %s %s -s data.memory_mb=1 -s data.cache_dir=%s", scratch_path("run"), path, folder);
        cr_expect_eq(cached.status, 0, "%s", cached.err);
        cr_expect_str_eq(cached.out, loaded.out);
        cr_expect_not_null(only_file(folder));
    }
    outcome wrong = run("shardprop predict %s %s -s train.seed=1", scratch_path("run"), path);
    cr_expect_eq(wrong.status, 2);
    cr_expect_not_null(strstr(wrong.err, "it takes data.cache, data.cache_dir and data.memory_mb"), "%s", wrong.err);
}
