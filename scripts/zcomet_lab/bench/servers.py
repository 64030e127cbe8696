"""The two servers under test: Zcomet's cluster, and the floor, which is the bare system calls."""

import math
from collections.abc import Sequence

from zcomet_lab.cluster import FLAT_OUT_PER_S_MIN, MESSAGE_BYTES, SENDING_TIMEOUT_S, Cluster
from zcomet_lab.keys import Keys
from zcomet_lab.processes import cpu_s, files_max
from zcomet_lab.programs import Argument
from zcomet_lab.suite import Lab

# A worker keeps this part of its files free for connections that arrive while it tells the other
# workers that it takes no more.
RESERVE = 1 / 32
OTHER_FILES = 64
"""Open files of a process beside its streams."""
DEVIATIONS = 6
"""Standard deviations of the busiest worker's share for which there has to be room."""


def workers_for(streams: int, files: int) -> int:
    """How many workers hold `streams`, if each may have `files` files open.

    The kernel spreads the streams at random, so each worker needs some spare room.
    """
    most = (files - OTHER_FILES) * (1 - RESERVE)
    workers = math.ceil(streams / most)
    while workers > 1 and streams / workers + DEVIATIONS * math.sqrt(streams / workers) > most:
        workers += 1
    return workers


def start_cluster(
    lab: Lab,
    streams_max: int,
    prefix: Sequence[str] = (),
    node_options: Sequence[Argument] = (),
    broker_options: Sequence[Argument] = (),
    keys: Keys | None = None,
    brokers: int = 1,
    replicas: int = 2,
) -> Cluster:
    """A cluster with enough workers for the streams, as Cluster is made."""
    workers = workers_for(streams_max, files_max())
    return Cluster(
        lab.programs,
        workers=workers,
        broker_options=broker_options,
        node_options=node_options,
        keys=keys,
        prefix=prefix,
        brokers=brokers,
        replicas=replicas,
    )


class Floor:
    """The bare system calls instead of a server: see test/bench/floor.cpp."""

    def __init__(self, lab: Lab, streams_max: int) -> None:
        """Starts enough processes for the streams; all of them share one port."""
        self._lab = lab
        self._programs = []
        port = "0"
        for _ in range(workers_for(streams_max, files_max())):
            program = lab.programs.start("bench-floor", "--port", port, takes_orders=True)
            port = program.await_ready()["port"]
            self._programs.append(program)
        self.url = f"http://127.0.0.1:{port}/test/{{id}}"

    def cpu_s(self) -> float:
        """Processor time so far, in seconds."""
        return cpu_s(program.pid for program in self._programs)

    def order(self, order: str, timeout_s: float) -> None:
        """Gives all processes the same order; waits until each has carried it out."""
        for program in self._programs:
            program.order(order)
        for program in self._programs:
            program.await_line("done", timeout_s)

    def send(self, *, count: int, per_s: int) -> None:
        """Sends `count` messages to random streams, `per_s` a second (0: flat out)."""
        timeout_s = SENDING_TIMEOUT_S + count / (per_s or FLAT_OUT_PER_S_MIN)
        self.order(f"send {count} {per_s} {MESSAGE_BYTES}", timeout_s)

    def end(self) -> None:
        for program in self._programs:
            self._lab.programs.end(program)
