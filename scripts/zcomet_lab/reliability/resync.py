"""How soon a killed process is back: a supervised broker, and a worker of a web node."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any, TypeVar

from zcomet_lab.cluster import BROKER_ADMIN, Cluster
from zcomet_lab.flood import Flood
from zcomet_lab.processes import children_of
from zcomet_lab.results import Result
from zcomet_lab.stats import read_stats
from zcomet_lab.suite import Lab
from zcomet_lab.waiting import await_true

KILLS, SHORT_KILLS = 10, 1
STREAMS, SHORT_STREAMS = 1000, 50
WORKERS = 2
PAUSE_S = 0.002
# A process that lives for less than five seconds is started again after a pause, which gets longer
# each time.
STABLE_S = 5.5

Measured = TypeVar("Measured")


class Victim:
    """A supervised broker, and a web node with streams, each with an id of its own."""

    def __init__(self, lab: Lab) -> None:
        self._streams = SHORT_STREAMS if lab.short else STREAMS
        self._cluster = Cluster(
            lab.programs, workers=WORKERS, broker_options=("--supervise", *BROKER_ADMIN)
        )
        Flood(lab.programs, self._cluster.url, self._streams)
        self._await_ids()

    def _await_ids(self) -> None:
        await_true(
            f"the broker knows {self._streams} ids",
            lambda: bool(self._broker("ids") == self._streams),
            pause_s=PAUSE_S,
        )

    def _broker(self, name: str) -> Any:
        """One of the broker's own figures, or None if it does not answer."""
        stats = read_stats(self._cluster.broker.admin)
        return stats and stats[name]

    def _worker(self) -> dict[str, Any] | None:
        """The web node's figures of its first worker, or None if it does not answer."""
        stats = read_stats(self._cluster.node.admin)
        return stats and stats["workers"][0]

    def kill_broker(self) -> tuple[float, float]:
        """Returns how many seconds pass until it answers, and until it knows all ids."""
        before = self._broker("incarnation")
        [pid] = children_of(self._cluster.broker.program.pid)
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        await_true(
            "the killed broker answers again",
            lambda: self._broker("incarnation") not in (None, before),
            pause_s=PAUSE_S,
        )
        answered = time.monotonic()
        self._await_ids()
        return answered - killed, time.monotonic() - killed

    def kill_worker(self) -> float:
        """Returns how many seconds pass until another worker is in its place and live."""
        pid = await_true("the web node answers", self._worker)["pid"]
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        await_true(
            "another worker is in the place of the killed one and live",
            lambda: self._is_live_again(pid),
            pause_s=PAUSE_S,
        )
        return time.monotonic() - killed

    def _is_live_again(self, killed_pid: int) -> bool:
        worker = self._worker()
        return worker is not None and worker["pid"] != killed_pid and worker["state"] == "live"


def repeat(kill: Callable[[], Measured], count: int) -> list[Measured]:
    """Kills something `count` times, and returns the result of each."""
    measured = []
    for index in range(count):
        if index > 0:
            time.sleep(STABLE_S)
        measured.append(kill())
    return measured


def run(lab: Lab) -> Result:
    kills = SHORT_KILLS if lab.short else KILLS
    victim = Victim(lab)
    answered_s, whole_s = zip(*repeat(victim.kill_broker, kills))
    live_s = repeat(victim.kill_worker, kills)
    times = {
        "supervised broker killed: it answers again": answered_s,
        f"supervised broker killed: it knows all {STREAMS:,} ids again": whole_s,
        "worker killed: another is in its place and live": live_s,
    }
    return {
        "failures": [],
        "times": [{"what": what, "seconds": seconds} for what, seconds in times.items()],
    }
