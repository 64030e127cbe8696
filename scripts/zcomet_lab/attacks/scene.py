"""What is common to all attacks: a cluster, a bystander, and figures of both."""

import contextlib
import dataclasses
import json
import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zcomet_lab.attacks.sampler import Sampler, resident_bytes, tcp_bytes
from zcomet_lab.cluster import BROKER_ADMIN, Cluster
from zcomet_lab.flood import Flood
from zcomet_lab.processes import children_of, cpu_s
from zcomet_lab.programs import Argument, Program
from zcomet_lab.stats import read_stats
from zcomet_lab.suite import Lab
from zcomet_lab.waiting import NotInTime, await_true

Figures = dict[str, Any]

MESSAGES_PER_S = 200
# The bystander's messages begin so long before the attack: memory is measured under its load.
WARM_S, SHORT_WARM_S = 1.0, 0.3
AFTER_S = 60
SENDING_TIMEOUT_S = 60
ARRIVAL_TIMEOUT_S = 5
MEMORY_MAX, SHORT_MEMORY_MAX = 256 << 20, 64 << 20
REQUEST_MEMORY, STREAM_MEMORY = 64 << 20, 128 << 20
SHORT_REQUEST_MEMORY, SHORT_STREAM_MEMORY = 16 << 20, 32 << 20


@dataclasses.dataclass(frozen=True)
class Attack:
    """What is said about an attack, beside its figures."""

    title: str
    before: str
    """What it cost version 0.1.0 of 2026-11-28 (commit 81720a4), on a machine of the same kind."""
    broker_counts: Sequence[str] = ()
    """Counters of the broker that the attack has to raise."""
    node_counts: Sequence[str] = ()
    """The same of the web node."""
    known: str = ""
    """Why it may fail, if that is known and stated among the weaknesses; the page repeats it."""


@dataclasses.dataclass(frozen=True)
class Victim:
    """What a node is known by."""

    name: bytes
    incarnation: int


class Scene:
    """A broker, a web node, and a bystander: one stream, and 200 messages a second to it."""

    def __init__(
        self,
        lab: Lab,
        *broker_options: Argument,
        seconds: float,
        node_options: Sequence[Argument] = (),
        prefix: Sequence[str] = (),
        acknowledged: bool = False,
    ) -> None:
        """The bystander's messages go on for `seconds` once the attack begins.

        With `acknowledged` its sender asks for an acknowledgement of each.
        """
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self.lab = lab
        self.bounds = bounds(lab.short)
        self._cluster = Cluster(
            lab.programs,
            workers=1,
            broker_options=(
                *BROKER_ADMIN,
                *("--memory-max", self.bounds["broker"]),
                *broker_options,
            ),
            node_options=(*memory_options(lab.short), *node_options),
            prefix=prefix,
        )
        self.broker = self._cluster.broker
        self.node = self._cluster.node
        self.url = self._cluster.url
        self.seconds = seconds
        self.figures: Figures = {}
        """What is particular to this attack."""
        self.failures: list[str] = []
        self.sender_name = b""
        """The name of the bystander's sender, once the attack has begun."""
        self._acknowledged = acknowledged
        self._warm_s = SHORT_WARM_S if lab.short else WARM_S
        self._record: Figures = {}
        [worker] = children_of(self.node.program.pid)
        self._pids = {"broker": self.broker.program.pid, "worker": worker}
        self._sampler = Sampler({**self._gauges_of_processes(), "kernel": tcp_bytes})
        self._ended = 0.0

    def victim(self) -> Victim:
        """The web node's worker, as anybody may ask the broker for it."""
        [node] = self.broker.ctl.json("nodes")
        return Victim(node["name"].encode(), int(node["incarnation"], 16))

    def require(self, holds: bool, sentence: str) -> None:
        """Notes the sentence as a failure unless it `holds`."""
        if not holds:
            self.failures.append(sentence)

    def cpu_s(self) -> float:
        """Processor time of the broker so far."""
        return cpu_s([self._pids["broker"]])

    def counters(self) -> dict[str, dict[str, int]]:
        """All figures of the broker and the web node, counters and gauges."""
        stats = await_true("the broker answers", lambda: read_stats(self.broker.admin))
        gauges = {name: value for name, value in stats.items() if isinstance(value, int)}
        return {"broker": {**gauges, **stats["counters"]}, "node": self.node.counters()}

    @contextlib.contextmanager
    def attack(self) -> Iterator[contextlib.ExitStack]:
        """The attack is the body, which gets a stack for its connections.

        They stay open until the bystander's last message has arrived.
        """
        flood = Flood(self.lab.programs, self.url, 1)
        sender = self._begin_sending()
        self.sender_name = b"msggen-%d" % sender.pid
        time.sleep(self._warm_s)
        counters, logs = self.counters(), self._logs()
        used_s = {name: cpu_s([pid]) for name, pid in self._pids.items()}
        began = time.monotonic()
        with contextlib.ExitStack() as stack:
            with self._sampler.sampling():
                yield stack
                self._record["honest"] = self._honest(flood, self._finish_sending(sender))
            seconds = time.monotonic() - began
            self._record["cpu_percent"] = {
                name: round(100 * (cpu_s([pid]) - used_s[name]) / seconds)
                for name, pid in self._pids.items()
            }
            self._record["counted"] = growth(counters, self.counters())
        self._note_logs(logs)
        self._ended = time.monotonic()

    @property
    def _count(self) -> int:
        """How many messages the bystander's sender sends."""
        return round(MESSAGES_PER_S * (self._warm_s + self.seconds))

    def _begin_sending(self) -> Program:
        return self.lab.programs.start(
            "zcomet-msggen",
            *("--broker", self.broker.listen, "--processes", 1, "--count", self._count),
            *("--interval", 1000 / MESSAGES_PER_S, "--max", 1, "--stamp", "--json"),
            *(("--ack",) if self._acknowledged else ()),
        )

    def _finish_sending(self, sender: Program) -> int:
        """Waits until all is sent, or the sender gives up; returns how much it tried to send."""
        lines = sender.finish(self.seconds + SENDING_TIMEOUT_S, status=None).splitlines()
        if sender.status != 0:
            self.failures.append(f"the bystander's sender ended with status {sender.status}")
        return int(json.loads(lines[-1])["sent"]) if lines else self._count

    @staticmethod
    def _honest(flood: Flood, sent: int) -> Figures:
        """How the bystander fared."""
        with contextlib.suppress(NotInTime):
            flood.await_chunks(sent, ARRIVAL_TIMEOUT_S)
        summary = flood.stop(status=None)
        latency = summary["latency_ns"]
        return {
            "sent": sent,
            # Only messages have a time stamp: a line about a gap counts as a chunk, too.
            "arrived": latency["count"],
            "closed": summary["closed"],
            "latency_ms": {name: round(latency[name] / 1e6, 1) for name in ("p50", "p99", "max")},
        }

    def record(self) -> Figures:
        """All figures, a minute after the attack; in a short run, at once."""
        if not self.lab.short:
            time.sleep(max(0, self._ended + AFTER_S - time.monotonic()))
        memory = self._sampler.extent()
        for name, gauge in self._gauges_of_processes().items():
            memory[name]["after"] = gauge()
        return {
            **self._record,
            "memory": memory,
            "bounds": self.bounds,
            "figures": self.figures,
            "failures": self.failures,
        }

    @property
    def is_quiet(self) -> bool:
        """Whether record() has nothing to wait for."""
        return self.lab.short or time.monotonic() >= self._ended + AFTER_S

    def _gauges_of_processes(self) -> dict[str, Any]:
        return {name: resident_bytes(pid) for name, pid in self._pids.items()}

    def _logs(self) -> dict[str, str]:
        return {"broker": self.broker.program.log(), "node": self.node.program.log()}

    def _note_logs(self, before: Mapping[str, str]) -> None:
        """Notes what the logs say about the attack."""
        news = {name: log[len(before[name]) :] for name, log in self._logs().items()}
        self._record["log_bytes"] = {name: len(text) for name, text in news.items()}
        self._record["events"] = {name: events(text) for name, text in news.items()}


def bounds(short: bool) -> dict[str, int]:
    """By how much a process may grow, in bytes, by the options that the scene gives it."""
    if short:
        return {"broker": SHORT_MEMORY_MAX, "worker": SHORT_REQUEST_MEMORY + SHORT_STREAM_MEMORY}
    return {"broker": MEMORY_MAX, "worker": REQUEST_MEMORY + STREAM_MEMORY}


def memory_options(short: bool) -> list[Argument]:
    """The options of the web node that bound its workers' memory."""
    requests, streams = (
        (SHORT_REQUEST_MEMORY, SHORT_STREAM_MEMORY) if short else (REQUEST_MEMORY, STREAM_MEMORY)
    )
    return ["--request-memory", requests, "--stream-memory", streams]


def growth(
    before: Mapping[str, Mapping[str, int]], after: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, int]]:
    """What has changed, and by how much; times are left out."""
    return {
        program: {
            name: value - before[program].get(name, 0)
            for name, value in figures.items()
            if value != before[program].get(name, 0) and not name.endswith("_ms")
        }
        for program, figures in after.items()
    }


def events(log: str) -> dict[str, int]:
    """How many lines of each event a log has."""
    counts: dict[str, int] = {}
    for line in log.splitlines():
        for word in line.split():
            if word.startswith("event="):
                name = word.removeprefix("event=")
                counts[name] = counts.get(name, 0) + 1
    return counts
