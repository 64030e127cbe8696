"""How soon what was killed is back: a supervised broker, and a worker of a web node."""

import json
import os
import signal
import time
import urllib.request

from zcomet_lab.bench.cluster import Flood
from zcomet_lab.bench.lab import await_true, processes_of

KILLS, SHORT_KILLS = 10, 1
STREAMS, SHORT_STREAMS = 1000, 50
WORKERS = 2
TIMEOUT_S = 30
LOOK_S = 0.002
# A process that has not lived for five seconds is started again later, and later each time.
STABLE_S = 5.5
# A proxy of this machine has nothing to do with it.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def stats(admin):
    """What a program says of itself; nothing if it does not answer."""
    try:
        with DIRECT.open(f"http://{admin}/stats", timeout=1) as answer:
            return json.load(answer)
    except OSError:
        return None


class Cluster:
    """A supervised broker, and a web node with streams, each with an id of its own."""

    def __init__(self, lab):
        self._streams = SHORT_STREAMS if lab.short else STREAMS
        self._broker = lab.start(
            "zcomet-broker",
            "--supervise",
            "--listen",
            "tcp://127.0.0.1:*",
            "--feed",
            "tcp://127.0.0.1:*",
            "--admin",
            "127.0.0.1:0",
        )
        broker = self._broker.await_ready()
        self._broker_admin = broker["admin"]
        node = lab.start(
            "zcomet-webnode",
            "--broker",
            broker["listen"],
            "--http",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
            "--name",
            "web",
            "--workers",
            WORKERS,
        ).await_ready()
        self._node_admin = node["admin"]
        Flood(lab, f"{node['http']}/test/{{id}}", self._streams)
        self._await_ids()

    def _await_ids(self):
        await_true(
            lambda: self._ids() == self._streams,
            TIMEOUT_S,
            f"the broker does not know {self._streams} ids",
            LOOK_S,
        )

    def _ids(self):
        told = stats(self._broker_admin)
        return told and told["ids"]

    def _incarnation(self):
        told = stats(self._broker_admin)
        return told and told["incarnation"]

    def kill_broker(self):
        """Returns how long it takes until it answers, and until it knows all ids again, in seconds."""
        before = self._incarnation()
        _, pid = processes_of(self._broker.pid)
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        await_true(
            lambda: self._incarnation() not in (None, before),
            TIMEOUT_S,
            "the killed broker does not answer again",
            LOOK_S,
        )
        answered = time.monotonic()
        self._await_ids()
        return answered - killed, time.monotonic() - killed

    def _worker(self):
        told = stats(self._node_admin)
        return told and told["workers"][0]

    def _is_live_again(self, killed_pid):
        worker = self._worker()
        return worker and worker["pid"] != killed_pid and worker["state"] == "live"

    def kill_worker(self):
        """Returns how long it takes until another is in its place and live, in seconds."""
        pid = self._worker()["pid"]
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        await_true(
            lambda: self._is_live_again(pid),
            TIMEOUT_S,
            "the killed worker is not live again",
            LOOK_S,
        )
        return time.monotonic() - killed


def repeat(kill, count):
    """Lets something be killed so often, and returns what came of each time."""
    measured = []
    for index in range(count):
        if index > 0:
            time.sleep(STABLE_S)
        measured.append(kill())
    return measured


def run(lab):
    kills = SHORT_KILLS if lab.short else KILLS
    cluster = Cluster(lab)
    answered_s, whole_s = zip(*repeat(cluster.kill_broker, kills))
    live_s = repeat(cluster.kill_worker, kills)
    return {
        "failures": [],
        "times": [
            {"what": "supervised broker killed: it answers again", "seconds": answered_s},
            {
                "what": f"supervised broker killed: it knows all {STREAMS:,} ids again",
                "seconds": whole_s,
            },
            {"what": "worker killed: another is in its place and live", "seconds": live_s},
        ],
    }
