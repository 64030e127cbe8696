"""The broker's table: the cost of ten million ids, and how soon a million are back."""

import json
import os
import signal
import time

from zcomet_lab.bench.rows import Row, at_most
from zcomet_lab.cluster import Broker
from zcomet_lab.processes import memory
from zcomet_lab.suite import Lab
from zcomet_lab.waiting import await_true

GIGABYTE = 1_000_000_000
MEMORY_GIGABYTES_MAX = 1
RESTORED_S_MAX = 2
TIMEOUT_S = 120
PAUSE_S = 0.02


class Table:
    """A broker, and the nodes that bench-table plays."""

    def __init__(self, lab: Lab, nodes: int, ids_per_node: int) -> None:
        """Logs all ids in, and waits until the broker knows them."""
        self._lab = lab
        self._ids = nodes * ids_per_node
        self.broker = Broker(lab.programs)
        self.empty_bytes = self.memory_bytes()
        self._cluster = lab.programs.start(
            "bench-table",
            *("--broker", self.broker.listen, "--nodes", nodes, "--ids", ids_per_node),
        )
        ready = self._cluster.await_line(" ready", TIMEOUT_S)
        self.filled_s = float(ready.split("seconds=")[1])
        self.await_whole()

    def memory_bytes(self) -> int:
        """The broker's resident memory."""
        return memory([self.broker.program.pid]).rss

    def await_whole(self) -> None:
        """Waits until the broker's own figures say that it has all ids."""
        await_true(
            "the broker's table has all ids",
            lambda: int(self.broker.ctl.json("stats")["ids"]) == self._ids,
            TIMEOUT_S,
            PAUSE_S,
        )

    def restart_broker(self) -> tuple[float, float]:
        """Kills the broker by SIGKILL and starts it on the same ports.

        Returns how long it takes until it has all ids, in seconds: from the kill, and from the new
        broker's ready line.
        """
        killed = time.monotonic()
        self._kill_broker()
        self.broker = Broker(self._lab.programs, listen=self.broker.listen, feed=self.broker.feed)
        ready = time.monotonic()
        self.await_whole()
        whole = time.monotonic()
        return whole - killed, whole - ready

    def _kill_broker(self) -> None:
        os.kill(self.broker.program.pid, signal.SIGKILL)
        self._lab.programs.end(self.broker.program)

    def end(self) -> int:
        """Ends all programs; returns how often a node believed the broker dead."""
        self._cluster.ask_to_end()
        lost = int(json.loads(self._cluster.finish(TIMEOUT_S))["lost_brokers"])
        self._lab.programs.end(self._cluster)
        self._kill_broker()
        return lost


def measure_memory(lab: Lab) -> list[Row]:
    nodes, ids_per_node = (100, 100) if lab.short else (100, 100_000)
    table = Table(lab, nodes, ids_per_node)
    full_bytes = table.memory_bytes()
    lost = table.end()
    ids = nodes * ids_per_node
    return [
        at_most(
            f"table, {ids:,} ids on {nodes} nodes: broker's RSS",
            full_bytes / GIGABYTE,
            "GB",
            MEMORY_GIGABYTES_MAX,
        ),
        Row("table: bytes an id (RSS)", (full_bytes - table.empty_bytes) / ids, "B"),
        Row("table: all logged in after", table.filled_s, "s"),
        at_most("table: times that a node took the broker for dead meanwhile", lost, "", 0),
    ]


def measure_restart(lab: Lab) -> list[Row]:
    nodes, ids_per_node = (4, 1000) if lab.short else (52, 1_000_000 // 52 + 1)
    table = Table(lab, nodes, ids_per_node)
    from_kill_s, from_ready_s = table.restart_broker()
    table.end()
    ids = nodes * ids_per_node
    return [
        at_most(
            f"table, {ids:,} ids on {nodes} nodes: restored after the broker is ready again",
            from_ready_s,
            "s",
            RESTORED_S_MAX,
        ),
        Row("table: restored after the broker was killed", from_kill_s, "s"),
    ]


def run(lab: Lab) -> list[Row]:
    return measure_memory(lab) + measure_restart(lab)
