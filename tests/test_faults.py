#!/usr/bin/python3
"""Every call that can fail fails, one at a time: see tests/harness/inject.c.

For each command: its calls are counted, then each call site is made to fail, in a run of its own. A fault must end in
one line and a documented status, or be tolerated where tolerable() says so, and then the results are the same. The
run directory must be whole in either case, and a training must go on from it to the bits of an undisturbed one.

Usage: test_faults.py [COMMAND]...; FAULTS_KINDS='malloc write' chooses kinds of calls.
"""

import collections
import concurrent.futures
import gzip
import os
import re
import shutil
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "harness"))
import faults  # noqa: E402

# What a call can fail with: errno(3), a + behind it: and from then on. 4 is EINTR, 5 EIO, 11 EAGAIN, 12 ENOMEM,
# 13 EACCES, 22 EINVAL, 24 EMFILE, 28 ENOSPC, 30 EROFS, 31 EMLINK, 37 ENOLCK.
KILLS = ["kill", "kill+"]
WAYS = {
    "malloc": ["12", "12+"], "calloc": ["12", "12+"], "realloc": ["12", "12+"], "aligned": ["12", "12+"],
    "mmap": ["12", "12+"], "madvise": ["22"], "thread": ["11", "11+"],
    "write": ["28", "28+", "5", "4", "short", *KILLS, "kill/2"], "writev": ["28", "short", "kill/2"],
    "pwrite": ["28", "short"], "fsync": ["28", "5", "5+", "4", *KILLS], "rename": ["28", "13", "5+", *KILLS],
    "link": ["31", "28", *KILLS], "unlink": ["30", "5", *KILLS], "ftruncate": ["5", *KILLS],
    "mkdir": ["28", "13", *KILLS], "open": ["24", "28", "13", "24+"], "close": ["5"],
    "read": ["5", "4", "short"], "pread": ["5"], "fstat": ["5", "5+"], "flock": ["37", "37+"],
}
CHANGING = {"write", "writev", "pwrite", "fsync", "rename", "link", "unlink", "ftruncate", "mkdir"}
MEMORY = {"malloc", "calloc", "realloc", "aligned"}


# Faults that change nothing: (kinds, function that is on the way to the call, why that is right).
NO_LIMIT = "a limit, or how processors lie, that cannot be read is none"
TOLERABLE = [
    ("malloc open read fstat close", "sp_host_threads", NO_LIMIT),
    ("malloc open read fstat close", "sp_host_memory", NO_LIMIT),
    ("malloc open read fstat close", "survey", NO_LIMIT),
    ("malloc open read fstat close", "sp_host_peak_bytes", "it is for people alone, and then not told"),
    ("madvise", "sp_allocate", "huge pages are a wish"),
    ("madvise", "sp_memory_warm", "huge pages are a wish, and pages come when they are used, too"),
    ("thread calloc", "sp_jobs_run", "the caller does the jobs itself"),
    ("thread calloc", "sp_helper_create", "checkpoints are written while training waits"),
    ("open close", "hold_standard_streams", "they are open already"),
    ("fstat malloc", "_IO_file_doallocate", "stdio then does without a buffer"),
    ("malloc", "qsort_r", "it then sorts in place; nothing that is sorted has equals"),
    ("realloc", "feed", "libcsv then asks for less"),
    ("fstat", "sp_input_open", "what is no folder is opened, and its length unknown"),
    ("fstat", "is_special", "what is not known to be special is replaced"),
    ("fstat", "sp_is_folder", "what is done with it then fails, or does not"),
    ("fstat", "sp_is_regular", "only a hint"),
    ("fstat", "sp_is_same_file", "what cannot be told to be one file is taken for two"),
    ("close", "check_owner", "all has been read"),
    ("malloc calloc realloc open read fstat close", "begin_utf8", "without a locale names are shown as ASCII"),
    ("malloc calloc realloc open read fstat close", "first_of", "likewise"),
    ("fstat", "sp_file_exists", "only a hint"),
    ("fstat", "is_at", "it is tried again"),
    ("ftruncate pwrite", "say_who", "for people alone: the lock is the kernel's"),
    ("flock", "sp_lock_take", "a file system that knows no locks"),
    ("unlink close", "sp_lock_release", "the kernel takes the lock back when the program ends"),
    ("close", "sp_input_close", "all has been read"),
    ("close", "sp_events_find", "all has been read"),
    ("fstat", "sp_input_stamp", "a file of which nobody knows which it is is read without a cache"),
    ("open", "sp_cache_file_open", "a cache that cannot be opened is none"),
    ("close", "sync_folder_of", "fsync() has said that all is well"),
    ("close", "sp_rundir_destroy", "fsync() has said that all is well"),
    ("unlink link", "write_copy", "the checkpoint before is a second one"),
    ("unlink", "keep_previous", "rename() replaces it"),
    ("malloc", "take_complaint", "what another program complains of, though all went well"),
]

# What lacks a part for want of memory says so itself.
SAYS_SO = {"report.html": b"out of memory"}


def says_so(path, data):
    return path in SAYS_SO and SAYS_SO[path] in data


def tolerable(site, functions, way):
    if way in ("short", "4"):
        return True  # the rest is written, or the call repeated
    return any(site.kind in kinds.split() and function in functions for kinds, function, _ in TOLERABLE)


# Libraries that end the program themselves where they get nothing, and cannot be told not to.
LEFT_OUT = ("libgomp.so", "libopenblas.so")
OWNERS = "program libcjson libcsv libinih libpng libisal"


def is_left_out(site, names):
    functions = faults.functions_of(site, names)
    return not site.owner.startswith(tuple(OWNERS.split())) or (functions and functions[0].startswith(("libxsmm", "internal_")))


class Case:
    """A command: arguments, the folder that it finds, and what it comes to undisturbed. {d} in arguments: that folder.
    only: how the functions begin on whose way calls are made to fail; the others are those of another case.
    starts: it starts other programs."""

    def __init__(self, name, arguments, template, again=None, only="", starts=False):
        self.name, self.arguments, self.template, self.again = name, arguments.split(), template, again
        self.settings = {"INJECT_STARTS": "1"} if starts else {}
        self.files = faults.files_of(template)
        with tempfile.TemporaryDirectory() as scratch:
            folder = os.path.join(scratch, "d")
            shutil.copytree(template, folder)
            plain = self.run(folder)
            assert plain.status == 0, f"{name}: {plain}"
            self.out, self.results = self.told(plain, folder), self.results_in(folder)
            shutil.rmtree(folder)
            shutil.copytree(template, folder)
            log = os.path.join(scratch, "sites")
            self.run(folder, {"INJECT_LOG": log})
            self.sites = faults.read_sites(log)
        self.names = faults.name_frames(self.sites)
        self.sites = [site for site in self.sites if not only or any(
            function.startswith(only) for function in faults.functions_of(site, self.names))]

    def run(self, folder, injected=None, more=()):
        words = [word.replace("{d}", folder) for word in self.arguments]
        return faults.run([*words, *more], {**injected, **self.settings} if injected else None)

    def told(self, outcome, folder):
        """What is printed, without what the clock, the memory and the folder say."""
        text = re.sub(r"in [0-9.]+ s, \d+ samples/s|saved in \S+|memory +\d+ MiB at most\n", "", outcome.out)
        return text.replace(folder, "{d}")

    def results_in(self, folder):
        found = {os.path.relpath(path, "run") if path.startswith("run") else path: data
                 for path, data in faults.files_of(folder).items() if path not in self.files or path.startswith("run")}
        return faults.what_counts({path: data.replace(folder.encode(), b"{d}") for path, data in found.items()})


def ways_of(site, first):
    """(which of the site's calls, how it fails). Of memory: the first call; for the first site of a function also the
    last one, and all from then on."""
    if site.kind not in MEMORY:
        return [(1, way) for way in WAYS[site.kind]]
    last = [(site.count, "12")] if site.count > 1 and first else []
    return [(1, way) for way in WAYS[site.kind] if first or not way.endswith("+")] + last


# Who asks for limits and processors does not matter to how that goes.
WHOEVER_CALLS = {"sp_host_threads", "sp_host_memory", "survey"}


# So much of a backtrace makes a call site, where the call changes no file: how a command came there does not matter.
DEPTH = 8


def distinct(sites, names, seen):
    """One site each of those that are alike, and that no case before had; `seen` knows those."""
    found = []
    for site in sites:
        functions = faults.functions_of(site, names)
        until = next((i + 1 for i, name in enumerate(functions) if name in WHOEVER_CALLS), DEPTH)
        key = (site.kind, site.frames[:until])
        if site.kind in CHANGING or key not in seen:
            found.append(site)
        seen.add(key)
    return found


class Failed(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise Failed(text)


def check_outcome(case, site, way, outcome, folder):
    expect(outcome.status is not None, "does not end")
    if way.startswith("kill"):
        expect(outcome.status == -9, "is not killed")
        return
    expect(0 <= outcome.status <= 3, f"ends with {outcome.status}")
    if outcome.status == 0:
        functions = faults.functions_of(site, case.names)
        results = case.results_in(folder)
        said = any(says_so(path, data) for path, data in results.items())
        expect(said or tolerable(site, functions, way), "is not noticed")
        expect(case.told(outcome, folder) == case.out, "has other results")
        expect(said or results == case.results, "leaves other files")
        expect(outcome.err == "", "says something all the same")
        return
    lines = outcome.err.splitlines()
    expect(len(lines) == 1 and lines[0].startswith("shardprop: ") and ": " in lines[0][11:], "not one line")
    expect(any(cause in lines[0] for cause in causes_of(site.kind, way)), "does not say why")
    expect(site.kind not in MEMORY or outcome.status == 1, "ends with another status")


def causes_of(kind, way):
    if kind == "thread":
        return ["the system grants "]
    named = os.strerror(int(way.rstrip("+"))) if way != "short" else "cut"
    if kind == "fstat":
        return [": "]  # what is said is what was taken for granted then
    return [named, "out of memory", "the system grants 1 of 2 threads"] if kind in MEMORY else [named]


def check_folder(case, folder, way):
    """All that was there is there, and what is new is whole."""
    found, killed = faults.files_of(folder), way.startswith("kill")
    try:
        faults.check_files({path: data for path, data in found.items() if path.startswith("run")}, killed,
                           way == "kill/2")
    except AssertionError as fault:
        raise Failed(str(fault)) from fault
    if case.again is None:
        expect({path: found.get(path) for path in case.files} == case.files, "changes what it only reads")
        new = {path: data.replace(folder.encode(), b"{d}") for path, data in found.items() if path not in case.files}
        whole = all(case.results.get(path) == data or says_so(path, data) or (killed and path.endswith(".tmp"))
                    for path, data in new.items())
        expect(whole, "leaves a file in part")


def check_goes_on(case, folder):
    """A training goes on to the same end; one that had not begun begins."""
    run = os.path.join(folder, "run")
    found = faults.files_of(run)
    old = {path[4:]: data for path, data in case.files.items() if path.startswith("run/")}
    moves = case.again == "moves" and any(found.get(path) == data for path, data in old.items())
    if case.again == "moves":
        kept = all(data in (found.get(path), found.get("previous/" + path)) for path, data in old.items())
        expect(kept, "loses files of the run before")
    if moves and found == old:
        return
    ended = case.run(folder, more=() if moves else ("--resume",) if "--resume" not in case.arguments else ())
    expect(ended.status == 0, f"does not go on: {ended}")
    expect(case.told(ended, folder) == case.out, "goes on to another end")
    expect(case.results_in(folder) == case.results, "goes on to other files")
    if case.again == "moves":
        kept = faults.files_of(os.path.join(run, "previous"))
        expect(kept == old, "does not keep the files of the run before")


def may_not_come(case, site, nth):
    """Another thread does the work this time, or a JSON text, which has times, grows at another of its parts."""
    return (nth > 1 or {"work", "help"} & set(faults.functions_of(site, case.names))
            or site.kind == "realloc" and site.owner.startswith("libcjson"))


def inject(case, site, nth, way):
    """The same; where it does not come to the call, again."""
    for _ in range(5):
        fault, outcome = inject_once(case, site, nth, way)
        if fault not in ("missed", "does not come"):
            break
    return fault, outcome


def inject_once(case, site, nth, way):
    """Runs the case with one fault; returns what is wrong, and the outcome."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, hit = os.path.join(scratch, "d"), os.path.join(scratch, "hit")
        shutil.copytree(case.template, folder)
        outcome = case.run(folder, {"INJECT": f"{site.kind} {site.hash} {nth} {way}", "INJECT_HIT": hit,
                                   "INJECT_OWNERS": OWNERS})
        try:
            if may_not_come(case, site, nth) and not os.path.exists(hit):
                return "missed", outcome
            expect(os.path.exists(hit), "does not come")
            check_outcome(case, site, way, outcome, folder)
            check_folder(case, folder, way)
            if case.again and outcome.status != 0:
                check_goes_on(case, folder)
        except Failed as fault:
            return str(fault), outcome
        return None, outcome


# ---- The commands --------------------------------------------------------------------------------

TRAIN = ("train configs/digits.ini -q -s network.hidden=16 -s data.test=0.2 -s data.validation=0.1 -s train.epochs={n} "
         "-s optimizer.name=adam -s schedule.name=constant -s output.checkpoint_every=1 -s parallel.threads=2 -s output.dir={d}/run ")

EVENTS = "-s output.tensorboard=yes "


def write_images(folder):
    """A dozen gzipped images of 6x5 pixels, in two classes."""
    def words(*values):
        return b"".join(value.to_bytes(4, "big") for value in values)

    pixels = bytes((i * 37 + i // 30 * 11) % 256 for i in range(12 * 30))
    with gzip.open(os.path.join(folder, "images.gz"), "wb") as file:
        file.write(words(0x803, 12, 6, 5) + pixels)
    with gzip.open(os.path.join(folder, "labels.gz"), "wb") as file:
        file.write(words(0x801, 12) + bytes([0, 1] * 6))
    with open(os.path.join(folder, "images.ini"), "w", encoding="ascii") as file:
        file.write(f"[data]\ntrain = {folder}/images.gz\ntrain_labels = {folder}/labels.gz\n"
                   "[network]\nhidden = 5\n[train]\nbatch_size = 4\n[augment]\nshift = 1\nelastic_alpha = 2\n")


def cases_in(folder):
    """All cases; what they find is made in `folder`."""
    def made(name, *commands):
        path = os.path.join(folder, name)
        os.mkdir(path)
        for command in commands:
            ended = faults.run(command.replace("{d}", path).split())
            assert ended.status == 0, ended
        return path

    before = made("before", TRAIN.replace("{n}", "1") + EVENTS + "-s train.seed=2")
    midway = made("midway", TRAIN.replace("{n}", "2"))
    shown = made("shown", TRAIN.replace("{n}", "2") + EVENTS)
    images = made("images")
    write_images(images)
    pictures = made("pictures", f"train {images}/images.ini -q -s output.dir={{d}}/run -s data.test=0.4 "
                    "-s train.epochs=2 -s parallel.threads=1 ")
    packed = made("packed", TRAIN.replace("{n}", "1"))
    with open(os.path.join(faults.TOP, "data", "digits.csv"), "rb") as file:
        with gzip.open(os.path.join(packed, "digits.csv.gz"), "wb") as out:
            out.write(file.read())
    return {
        "train": lambda: Case("train", TRAIN.replace("{n}", "2"), before, again="moves"),
        "resume": lambda: Case("resume", TRAIN.replace("{n}", "4") + "--resume", midway, again="goes on"),
        "events": lambda: Case("events", TRAIN.replace("{n}", "2") + EVENTS, before, again="moves", only="sp_events"),
        "events-on": lambda: Case("events-on", TRAIN.replace("{n}", "4") + EVENTS + "--resume", shown, again="goes on",
                                  only="sp_events"),
        "evaluate": lambda: Case("evaluate", "evaluate {d}/run data/digits.csv -q --json --confusion {d}/matrix.csv",
                                 packed),
        "predict": lambda: Case("predict", "predict {d}/run {d}/digits.csv.gz -q -p", packed),
        "predict-file": lambda: Case("predict-file", "predict {d}/run data/digits.csv -q --output {d}/out.csv", packed),
        "check": lambda: Case("check", f"check {images}/images.ini --gradients --samples {{d}}/sheet.png", images),
        "check-table": lambda: Case("check-table", "check configs/jobs.ini", images),
        "report": lambda: Case("report", "report {d}/run --output {d}/report.html", pictures,
                               starts=True),
        "info": lambda: Case("info", "info {d}/run", packed),
        "help-config": lambda: Case("help-config", "train --help-config", images),
    }


def tasks_of(sites, names):
    """[(site, which call, how it fails)]"""
    tasks, functions = [], set()
    for site in sites:
        function = (site.kind, *faults.functions_of(site, names)[:1])
        tasks += [(site, nth, way) for nth, way in ways_of(site, function not in functions)]
        functions.add(function)
    return tasks


def try_case(case, workers, kinds, seen, show):
    sites = [site for site in case.sites if site.kind in kinds and not is_left_out(site, case.names)]
    sites = distinct(sites, case.names, seen)
    tasks = tasks_of(sites, case.names)
    results = workers.map(lambda task: inject(case, *task), tasks)
    counts, failures = collections.Counter(), 0
    for (site, nth, way), (fault, outcome) in zip(tasks, results):
        counts[site.kind] += fault != "missed"
        if fault in (None, "missed"):
            continue
        failures += 1
        functions = " < ".join(faults.functions_of(site, case.names))
        show(f"{case.name}: {site.kind} {way} (call {nth} of {site.count}): {fault}\n    {functions}\n"
             f"    status {outcome.status}: {outcome.err.strip()}")
    for kind, count in sorted(counts.items()):
        at = sum(site.kind == kind for site in sites)
        print(f"{case.name:14} {kind:10} {at:4} call sites  {count:5} faults", flush=True)
    return sum(counts.values()), failures


def main():
    kinds = os.environ.get("FAULTS_KINDS", " ".join(WAYS)).split()
    lock = threading.Lock()

    def show(text):
        with lock:
            print(text, file=sys.stderr, flush=True)

    total, failures, seen = 0, 0, set()
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as workers:
        cases = cases_in(folder)
        for name in sys.argv[1:] or cases:
            injected, failed = try_case(cases[name](), workers, kinds, seen, show)
            total, failures = total + injected, failures + failed
    print(f"faults injected: {total}; not borne: {failures}")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
