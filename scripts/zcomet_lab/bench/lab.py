"""What the benchmarks share: starting the programs, and reading what processes cost from /proc."""

import dataclasses
import json
import os
import pathlib
import re
import resource
import subprocess
import time

from zcomet_lab.programs import ProgramError

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
FOLDERS = {"zcomet-broker": "broker", "zcomet-webnode": "webnode"}
CTL_TIMEOUT_S = 20
# Each local address has 28,000 ports to one server, but finding a free one gets slow when half are taken.
# Linux has all of 127.0.0.0/8 on the loopback.
STREAMS_PER_SOURCE = 4_000
# A process's open files beside its streams.
OTHER_FILES = 64


@dataclasses.dataclass
class Row:
    """One line of the table: a figure, and whether it meets its target (None: it only informs)."""

    what: str
    value: float
    unit: str
    target: str = ""
    holds: bool | None = None


def at_most(what, value, unit, bound):
    return Row(what, value, unit, f"≤ {bound:,g}", value <= bound)


def at_least(what, value, unit, bound):
    return Row(what, value, unit, f"≥ {bound:,g}", value >= bound)


@dataclasses.dataclass
class Memory:
    """Of one or several processes, in bytes."""

    pss: int = 0
    rss: int = 0


def processes_of(pid):
    """`pid` and all its descendants."""
    found = [pid]
    for parent in found:
        for children in pathlib.Path(f"/proc/{parent}/task").glob("*/children"):
            found += map(int, children.read_text().split())
    return found


def cpu_s(pids):
    """User and system time that these processes have taken so far, all threads, in seconds."""
    ticks = 0
    for pid in pids:
        # The name, the second field, stands in brackets and may contain anything.
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS_PER_S


def memory(pids):
    total = Memory()
    for pid in pids:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        total.pss += 1024 * int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
        total.rss += 1024 * int(re.search(r"^Rss:\s+(\d+)", text, re.M)[1])
    return total


def kernel_memory():
    """Bytes that the kernel holds in slabs (sockets, files, epoll entries), of the whole machine."""
    text = pathlib.Path("/proc/meminfo").read_text()
    return 1024 * int(re.search(r"^Slab:\s+(\d+)", text, re.M)[1])


def files_max():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def await_true(condition, timeout_s, what, pause_s=0.2):
    """Waits until `condition()` holds; `what` ends the sentence of the error."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise ProgramError(f"after {timeout_s} s {what}")
        time.sleep(pause_s)


def plot(name, commands, folder):
    """Draws NAME.png with gnuplot into `folder`."""
    commands = f"""
        set terminal pngcairo size 900,500
        set output "{folder / f'{name}.png'}"
        set grid
        {commands}
    """
    subprocess.run(["gnuplot"], input=commands.encode(), check=True)


class Lab:
    """Starts programs of one build for one benchmark. `short` asks for a run of seconds that checks
    whether everything works and arrives, not how fast."""

    def __init__(self, build, programs, folder, results, short):
        """`folder` is for files of the run, `results` for plots that are kept."""
        self._build = build
        self._programs = programs
        self.folder = folder
        self.results = results
        self.short = short

    def path(self, name):
        inside = FOLDERS.get(name, "test/bench" if name.startswith("bench-") else "tools")
        return os.path.join(self._build, inside, name)

    def start(self, name, *arguments, **keywords):
        return self._programs.start(self.path(name), arguments, name=name, **keywords)

    def end(self, program):
        """Ends one program before the others."""
        self._programs.end(program)

    def start_broker(self, *extra, **keywords):
        """A broker on free ports. Returns the program and its endpoint."""
        program = self.start(
            "zcomet-broker",
            "--listen",
            "tcp://127.0.0.1:*",
            "--feed",
            "tcp://127.0.0.1:*",
            *extra,
            **keywords,
        )
        return program, program.await_ready()["listen"]

    def ctl_json(self, broker, *arguments):
        output = subprocess.check_output(
            [self.path("zcomet-ctl"), "--broker", broker, *arguments, "--json"],
            timeout=CTL_TIMEOUT_S,
        )
        return json.loads(output)
