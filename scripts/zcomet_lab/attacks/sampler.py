"""Notes how much memory processes and the kernel's TCP take, many times a second."""

import contextlib
import os
import pathlib
import threading
from collections.abc import Callable, Iterator, Mapping

SAMPLE_S = 0.05
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

Gauge = Callable[[], int]


def resident_bytes(pid: int) -> Gauge:
    """Reads the resident memory of a process; 0 once it has ended."""
    path = pathlib.Path(f"/proc/{pid}/statm")

    def read() -> int:
        with contextlib.suppress(OSError):
            return int(path.read_text().split()[1]) * PAGE_BYTES
        return 0

    return read


def tcp_bytes() -> int:
    """What the buffers of all TCP sockets of this host take."""
    for line in pathlib.Path("/proc/net/sockstat").read_text().splitlines():
        if line.startswith("TCP:"):
            return int(line.split()[-1]) * PAGE_BYTES
    raise OSError("Linux does not say what TCP takes")


class Sampler:
    """The value of each gauge when the sampling begins, and the greatest one until it ends."""

    def __init__(self, gauges: Mapping[str, Gauge]) -> None:
        self._gauges = gauges
        self._before: dict[str, int] = {}
        self._peak: dict[str, int] = {}

    @contextlib.contextmanager
    def sampling(self) -> Iterator[None]:
        self._before = {name: read() for name, read in self._gauges.items()}
        self._peak = dict(self._before)
        ending = threading.Event()
        sampler = threading.Thread(target=self._sample_until, args=(ending,))
        sampler.start()
        try:
            yield
        finally:
            ending.set()
            sampler.join()

    def _sample_until(self, ending: threading.Event) -> None:
        while not ending.wait(SAMPLE_S):
            for name, read in self._gauges.items():
                self._peak[name] = max(self._peak[name], read())

    def extent(self) -> dict[str, dict[str, int]]:
        """Both values of each gauge."""
        return {
            name: {"before": before, "peak": self._peak[name]}
            for name, before in self._before.items()
        }
