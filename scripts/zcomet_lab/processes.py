"""Linux's figures on processes: their children, their processor time and their memory."""

import contextlib
import dataclasses
import os
import pathlib
import re
import resource
from collections.abc import Iterable

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass
class Memory:
    """Memory of one or several processes, in bytes."""

    pss: int = 0
    """Resident memory, each page divided by the number of processes that share it."""
    rss: int = 0
    """Resident memory; a shared page counts once for each process."""


def is_running(pid: int) -> bool:
    """Whether the process has not ended. A zombie has ended."""
    with contextlib.suppress(OSError):
        # The name, the second field, stands in brackets and may contain anything.
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    return False


def name_of(pid: int) -> str:
    """The name of a running process, cut off after 15 characters by Linux."""
    return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()


def children_of(pid: int) -> list[int]:
    """The running processes that `pid` has started."""
    children: list[int] = []
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            children += map(int, path.read_text().split())
    return [child for child in children if is_running(child)]


def processes_of(pid: int) -> list[int]:
    """`pid` and all its descendants."""
    found = [pid]
    for parent in found:
        found += children_of(parent)
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """User and system time that these processes have taken so far, in seconds."""
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS_PER_S


def memory(pids: Iterable[int]) -> Memory:
    """The memory of these processes together."""
    total = Memory()
    for pid in pids:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        total.pss += _kib(text, "Pss") * 1024
        total.rss += _kib(text, "Rss") * 1024
    return total


def kernel_memory() -> int:
    """Bytes that the kernel has in slabs (sockets, files, epoll entries) on the whole machine."""
    return _kib(pathlib.Path("/proc/meminfo").read_text(), "Slab") * 1024


def keepalive_probes() -> int:
    """How many probes of quiet connections the kernel has sent on the whole machine."""
    lines = pathlib.Path("/proc/net/netstat").read_text().splitlines()
    names, values = (line.split() for line in lines if line.startswith("TcpExt:"))
    return int(values[names.index("TCPKeepAlive")])


def files_max() -> int:
    """How many files a process may have open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def _kib(text: str, name: str) -> int:
    """The number in the line `NAME:  NUMBER kB`."""
    found = re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)
    if found is None:
        raise OSError(f"Linux does not say '{name}'")
    return int(found[1])
