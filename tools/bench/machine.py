"""The machine: what it is, and what else it had to do."""

import os
import platform
import subprocess


class Cores:
    """How much of the cores others used, from the kernel's times."""

    def __init__(self):
        self.begin = self.now()

    @staticmethod
    def now():
        with open("/proc/stat") as stream:
            user, nice, system, idle, wait, irq, soft, steal = map(
                int, stream.readline().split()[1:9]
            )
        tick = os.sysconf("SC_CLK_TCK")
        ours = sum(os.times()[:4])
        return (user + nice + system + irq + soft + steal) / tick, (idle + wait) / tick, ours

    def others(self):
        busy, idle, ours = (b - a for a, b in zip(self.begin, self.now()))
        return max(0.0, busy - ours) / (busy + idle) if busy + idle > 0 else 0.0


def machine(program, threads):
    model, flags = platform.machine(), set()
    try:
        with open("/proc/cpuinfo") as stream:
            for line in stream:
                key, _, value = line.partition(":")
                if key.strip() == "model name":
                    model = value.strip()
                if key.strip() in ("flags", "Features"):
                    flags = set(value.split())
    except OSError:
        pass
    vectors = [name for name in ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd")]
    system = "Linux"
    try:
        with open("/etc/os-release") as stream:
            pairs = dict(line.rstrip().split("=", 1) for line in stream if "=" in line)
        system = pairs["PRETTY_NAME"].strip('"')
    except (OSError, KeyError):
        pass
    about = subprocess.run([program, "--version"], capture_output=True, text=True)
    version = [" ".join(line.split()) for line in about.stdout.splitlines()]
    return dict(
        cpu=model,
        vectors=[name for name in vectors if name in flags],
        cores=os.cpu_count(),
        cores_used=len(os.sched_getaffinity(0)),
        threads=threads,
        system=system,
        kernel=platform.release(),
        shardprop=version,
    )
