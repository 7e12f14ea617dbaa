"""Child processes: their environment, their time limit, what they used."""

import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PYTHON = "/usr/bin/python3"
TIMEOUT = 300


class Failed(Exception):
    pass


def environment(threads, policy):
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "SHARDPROP_"))
    }
    if policy:
        kept["OMP_WAIT_POLICY"] = policy
    count = str(threads)
    return dict(
        kept,
        OMP_NUM_THREADS=count,
        OPENBLAS_NUM_THREADS=count,
        MKL_NUM_THREADS=count,
        PYTHONDONTWRITEBYTECODE="1",
    )


def child(command, threads, timeout=TIMEOUT, may_stop=False, policy=None):
    """Runs a command; returns its output, wall seconds and peak MB. One that takes too long
    is interrupted, and with may_stop that is no failure."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=TOP,
            env=environment(threads, policy),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )

        stopped = []

        def late(*_):
            stopped.append(timeout)
            process.send_signal(signal.SIGINT if may_stop else signal.SIGKILL)

        old = signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, timeout)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)
        seconds = time.perf_counter() - begin
        process.returncode = code = os.waitstatus_to_exitcode(status)
        stdout.seek(0)
        stderr.seek(0)
        text, errors = stdout.read().decode(), stderr.read().decode()
    if stopped and not may_stop:
        raise Failed(f"not done in {timeout:g} s")
    if code != 0 and not (may_stop and code in (-signal.SIGINT, 128 + signal.SIGINT)):
        last = (errors.strip().splitlines() or ["no message"])[-1]
        raise Failed(f"{os.path.basename(command[0])} ended with {code}: {last}")
    return text, seconds, usage.ru_maxrss / 1024


def in_child(work, *arguments):
    """What needs memory is done in a process of its own: the peak that the system reports of a
    child is at least that of the process that started it."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work(*arguments)
            code = 0
        except Exception as error:  # told, and told by the exit status
            print(f"bench: {error}", file=sys.stderr)
        finally:
            os._exit(code)
    if os.waitpid(pid, 0)[1] != 0:
        sys.exit("bench: could not write the data")


class Busy:
    """A process that does nothing but keep the last of the cores busy."""

    def __enter__(self):
        core = max(os.sched_getaffinity(0))
        parent = os.getpid()
        loop = (
            f"import os\nos.sched_setaffinity(0, {{{core}}})\n"
            f"while os.getppid() == {parent}:\n    for _ in range(10**6): pass\n"
        )
        self.process = subprocess.Popen([PYTHON, "-S", "-c", loop])
        time.sleep(0.2)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def installed(name):
    command = [PYTHON, "-c", f"import importlib.util as u; exit(u.find_spec('{name}') is None)"]
    return subprocess.run(command, check=False).returncode == 0
