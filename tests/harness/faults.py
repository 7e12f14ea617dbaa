"""Runs the program under inject.so: what test_faults.py and test_kills.py share."""

import bisect
import collections
import json
import os
import re
import subprocess

import events

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
PROGRAM = os.path.join(BUILD, "shardprop")
SHIM = os.path.join(BUILD, "tests", "inject.so")
WAIT = 60  # seconds; a run takes a part of one

Outcome = collections.namedtuple("Outcome", "status out err")
Site = collections.namedtuple("Site", "kind hash count owner frames")


def run(arguments, injected=None, cwd=TOP):
    """The program's outcome; status is negative for a signal, None where it does not end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INJECT")}
    environment["OPENBLAS_NUM_THREADS"] = "1"  # it starts as many threads, for nothing
    if injected is not None:
        environment.update(injected, LD_PRELOAD=SHIM)
    try:
        ended = subprocess.run(
            [PROGRAM, *arguments], cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=WAIT, check=False)
    except subprocess.TimeoutExpired:
        return Outcome(None, "", "")
    return Outcome(ended.returncode, ended.stdout.decode(), ended.stderr.decode(errors="replace"))


# ---- Call sites ----------------------------------------------------------------------------------


def read_sites(path):
    with open(path, encoding="ascii") as file:
        rows = [line.split() for line in file]
    return [Site(row[0], row[1], int(row[2]), row[3], tuple(row[4:])) for row in rows]


def name_frames(sites):
    """{frame: functions, innermost first}, of the frames that lie in the program, and some in libc."""
    frames = sorted({frame for site in sites for frame in site.frames if frame.startswith("program+")})
    # A return address lies behind the call.
    addresses = [hex(int(frame.split("+")[1], 16) - 1) for frame in frames]
    text = subprocess.run(
        ["addr2line", "-a", "-f", "-i", "-e", PROGRAM], input="\n".join(addresses),
        stdout=subprocess.PIPE, check=True, encoding="ascii").stdout
    names = {}
    for part in re.split(r"^(?=0x)", text, flags=re.MULTILINE):
        lines = part.split("\n")
        if lines[0]:
            names[int(lines[0], 16)] = [re.sub(r"\..*", "", name) for name in lines[1::2] if name]
    found = {frame: names.get(int(address, 16), []) for frame, address in zip(frames, addresses)}
    return {**found, **name_libc(sites)}


def libc_symbols(path):
    """[(offset, name)] of libc's functions, sorted."""
    text = subprocess.run(["nm", "-D", "--defined-only", path], stdout=subprocess.PIPE, check=True, encoding="ascii").stdout
    rows = [line.split() for line in text.splitlines()]
    return sorted((int(row[0], 16), row[2].split("@")[0]) for row in rows if row[1] in "TWi")


def name_libc(sites):
    """{frame: [function]}, of frames in libc that lie in a function which matters to tests."""
    frames = {frame for site in sites for frame in site.frames if frame.startswith("libc.so")}
    loaded = subprocess.run(["ldd", PROGRAM], stdout=subprocess.PIPE, check=True, encoding="ascii").stdout
    symbols = libc_symbols(re.search(r"libc\.so\S* => (\S+)", loaded).group(1))
    names = {}
    for frame in frames:
        at = bisect.bisect_right(symbols, (int(frame.split("+")[1], 16) - 1, "~")) - 1
        if symbols[at][1] in ("_IO_file_doallocate", "qsort_r"):
            names[frame] = [symbols[at][1]]
    return names


def functions_of(site, names):
    """The functions that led to the call, the program's and some of libc, innermost first, up to main()."""
    found = []
    for frame in site.frames:
        for name in names.get(frame, []):
            if name == "main":
                return found
            found.append(name)
    return found


# ---- Whole files ---------------------------------------------------------------------------------

MASK = (1 << 64) - 1
P1, P2, P3, P4, P5 = (11400714785074694791, 14029467366897019727, 1609587929392839161,
                      9650029242287828579, 2870177450012600261)


def rotate(value, bits):
    return ((value << bits) | (value >> (64 - bits))) & MASK


def add_lane(lane, value):
    return rotate((lane + value * P2) & MASK, 31) * P1 & MASK


def xxh64(data):
    """XXH64 with seed 0, by its specification (github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md)."""
    at, size = 0, len(data)
    if size >= 32:
        lanes = [(P1 + P2) & MASK, P2, 0, -P1 & MASK]
        words = memoryview(data)[: size // 32 * 32].cast("Q")
        for first in range(0, len(words), 4):
            lanes = [add_lane(lanes[i], words[first + i]) for i in range(4)]
        at = size // 32 * 32
        value = sum(rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) & MASK
        for lane in lanes:
            value = ((value ^ add_lane(0, lane)) * P1 + P4) & MASK
    else:
        value = P5
    value = (value + size) & MASK
    while at + 8 <= size:
        value = (rotate(value ^ add_lane(0, int.from_bytes(data[at:at + 8], "little")), 27) * P1 + P4) & MASK
        at += 8
    if at + 4 <= size:
        value = (rotate(value ^ (int.from_bytes(data[at:at + 4], "little") * P1 & MASK), 23) * P2 + P3) & MASK
        at += 4
    for byte in data[at:]:
        value = rotate(value ^ (byte * P5 & MASK), 11) * P1 & MASK
    value = (value ^ (value >> 33)) * P2 & MASK
    value = (value ^ (value >> 29)) * P3 & MASK
    return value ^ (value >> 32)


def check_safetensors(path, data):
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length].decode())
    about = header.pop("__metadata__")
    ends = [tensor["data_offsets"][1] for tensor in header.values()]
    assert max(ends) == len(data) - 8 - length, f"{path}: is not as long as its header says"
    seal = about["xxh64"].encode()
    at = data.index(b'"xxh64":"' + seal) + len(b'"xxh64":"')
    unsealed = data[:at] + b"0" * 16 + data[at + 16:]
    assert xxh64(unsealed) == int(seal, 16), f"{path}: its checksum is another"


def check_metrics(path, data, halved):
    text = data.decode()
    if halved:  # a resumed training cuts it off
        text = text[: text.rfind("\n") + 1]
    assert not text or text.endswith("\n"), f"{path}: a row in part"
    rows = [row.split(",") for row in text.splitlines()]
    assert len({len(row) for row in rows}) <= 1, f"{path}: rows of several lengths"
    epochs = [int(row[0]) for row in rows[1:]]
    assert epochs == list(range(1, len(epochs) + 1)), f"{path}: epochs {epochs}"


def files_of(folder):
    """{path within the folder: bytes}"""
    found = {}
    for base, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(base, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


def check_files(files, killed=False, halved=False):
    """Every file of a run directory is whole; none is there that should not be, unless the program was killed. halved:
    half-way through a write, which for a row of metrics.csv no kill can do but a failing disk."""
    for path, data in files.items():
        name = os.path.basename(path)
        if name.endswith(".safetensors"):
            check_safetensors(path, data)
        elif name == "metrics.csv":
            check_metrics(path, data, halved)
        elif name.startswith("events.out.tfevents."):
            events.read(path, data, cut_off=halved)
        elif name == "summary.json":
            assert json.loads(data.decode())["version"], path
        elif name == "config.ini":
            assert b"[output]" in data and data.endswith(b"\n"), f"{path}: in part"
        else:
            # Whether somebody holds the lock is known to the kernel, not to the file.
            assert name == ".lock" or (killed and name.endswith(".tmp")), f"{path}: is left over"


# Of the machine, not of the training.
MEASURED = {"train_seconds", "total_seconds", "samples_per_second", "seconds", "threads", "peak_rss_mb"}


def what_counts(files):
    """The files of a run that has ended, without what the clock, the threads and the memory say."""
    kept = {}
    for path, data in files.items():
        if path.startswith(("previous", "checkpoint", ".lock")):
            continue  # a checkpoint knows how long it took
        if path == "metrics.csv":
            rows = [row.split(",") for row in data.decode().splitlines()]
            kept[path] = [row[:1] + row[2:7] + row[8:] for row in rows]
        elif path.startswith("events.out.tfevents."):  # the name has the time
            kept["events"] = [(event.step, [(value.tag, value.simple_value) for value in event.summary.value
                                            if value.tag not in MEASURED]) for event in events.read(path, data)]
        elif path == "summary.json":
            kept[path] = {k: v for k, v in json.loads(data.decode()).items() if k not in MEASURED}
        elif path == "config.ini":
            kept[path] = re.sub(rb"(?m)^(dir|threads) = .*$", b"", data)
        else:
            kept[path] = data
    return kept
