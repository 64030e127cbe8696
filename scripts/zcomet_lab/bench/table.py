"""The broker's table: what ten million ids cost, and how soon a million are back after a restart."""

import json
import os
import signal
import time

from zcomet_lab.bench.lab import Row, at_most, await_true, memory

GIGABYTE = 1_000_000_000
MEMORY_GIGABYTES_MAX = 1
RESTORED_S_MAX = 2
TIMEOUT_S = 120
LOOK_S = 0.02


class Table:
    """A broker and the nodes that bench-table plays."""

    def __init__(self, lab, nodes, ids_per_node):
        self._lab = lab
        self._ids = nodes * ids_per_node
        self._start_broker("tcp://127.0.0.1:*", "tcp://127.0.0.1:*")
        self.empty = memory([self.broker.pid])
        self._cluster = lab.start(
            "bench-table", "--broker", self.listen, "--nodes", nodes, "--ids", ids_per_node
        )
        ready = self._cluster.await_line(" ready", TIMEOUT_S)
        self.filled_s = float(ready.split("seconds=")[1])
        self.await_whole()

    def _start_broker(self, listen, feed):
        self.broker = self._lab.start("zcomet-broker", "--listen", listen, "--feed", feed)
        ready = self.broker.await_ready()
        self.listen, self._feed = ready["listen"], ready["feed"]

    def await_whole(self):
        """Waits until the broker's own figures say that it has all ids."""
        await_true(
            lambda: self._lab.ctl_json(self.listen, "stats")["ids"] == self._ids,
            TIMEOUT_S,
            "ids are still missing from the broker's table",
            LOOK_S,
        )

    def restart_broker(self):
        """Kills the broker outright and starts it on the same ports. Returns how long it takes from the
        kill, and from the new broker's ready line, until it has all ids."""
        killed = time.monotonic()
        os.kill(self.broker.pid, signal.SIGKILL)
        self._lab.end(self.broker)
        self._start_broker(self.listen, self._feed)
        ready = time.monotonic()
        self.await_whole()
        whole = time.monotonic()
        return whole - killed, whole - ready

    def end(self):
        """Ends all; returns how often a node took the broker for dead."""
        self._cluster.ask_to_end()
        lost = json.loads(self._cluster.finish(TIMEOUT_S))["lost_brokers"]
        self._lab.end(self._cluster)
        os.kill(self.broker.pid, signal.SIGKILL)
        self._lab.end(self.broker)
        return lost


def measure_memory(lab):
    nodes, ids_per_node = (100, 100) if lab.short else (100, 100_000)
    table = Table(lab, nodes, ids_per_node)
    full = memory([table.broker.pid])
    lost = table.end()
    ids = nodes * ids_per_node
    return [
        at_most(
            f"table, {ids:,} ids on {nodes} nodes: broker's RSS",
            full.rss / GIGABYTE,
            "GB",
            MEMORY_GIGABYTES_MAX,
        ),
        Row("table: bytes an id (RSS)", (full.rss - table.empty.rss) / ids, "B"),
        Row("table: all logged in after", table.filled_s, "s"),
        at_most("table: times that a node took the broker for dead meanwhile", lost, "", 0),
    ]


def measure_restart(lab):
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


def run(lab):
    return measure_memory(lab) + measure_restart(lab)
