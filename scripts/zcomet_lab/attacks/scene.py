"""What is common to all attacks: a cluster, a bystander, and figures of both."""

import contextlib
import json
import pathlib
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from zcomet_lab.cluster import BROKER_ADMIN, Cluster
from zcomet_lab.flood import Flood
from zcomet_lab.processes import cpu_s
from zcomet_lab.programs import Argument
from zcomet_lab.stats import read_stats
from zcomet_lab.suite import Lab
from zcomet_lab.waiting import await_true

Figures = dict[str, Any]

MESSAGES_PER_S = 200
SAMPLE_S = 0.05
AFTER_S, SHORT_AFTER_S = 60, 8
SENDING_TIMEOUT_S = 60
PAGE_BYTES = 4096


def resident_bytes(pid: int) -> int:
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


class Scene:
    """A broker, a web node, and a bystander: one stream, and 200 messages a second to it."""

    def __init__(
        self, lab: Lab, *broker_options: Argument, prefix: Sequence[str] = (), seconds: float
    ) -> None:
        """The bystander's messages go on for `seconds` once the attack begins."""
        self._lab = lab
        self._cluster = Cluster(
            lab.programs,
            workers=1,
            broker_options=(*BROKER_ADMIN, *broker_options),
            prefix=prefix,
        )
        self.broker = self._cluster.broker
        self.pid = self.broker.program.pid
        self.url = self._cluster.url
        self._seconds = seconds
        self._peak = 0

    def counters(self) -> dict[str, int]:
        """All figures of the broker, counters and gauges."""
        stats = await_true("the broker answers", lambda: read_stats(self.broker.admin))
        counters: dict[str, int] = dict(stats.pop("counters"))
        gauges = {name: value for name, value in stats.items() if isinstance(value, int)}
        return counters | gauges

    @contextlib.contextmanager
    def _sampled(self) -> Iterator[None]:
        """Notes the broker's peak of memory meanwhile."""
        ending = threading.Event()

        def sample() -> None:
            while not ending.wait(SAMPLE_S):
                self._peak = max(self._peak, resident_bytes(self.pid))

        sampler = threading.Thread(target=sample)
        sampler.start()
        try:
            yield
        finally:
            ending.set()
            sampler.join()

    @contextlib.contextmanager
    def attack(self) -> Iterator[Figures]:
        """The attack is the body; its figures are complete afterwards.

        The body returns while its connections are still open: an ExitStack around this closes them.
        """
        figures: Figures = {}
        flood = Flood(self._lab.programs, self.url, 1)
        before = self.counters()
        memory_before, cpu_before = resident_bytes(self.pid), cpu_s([self.pid])
        count = round(MESSAGES_PER_S * self._seconds)
        sender = self._lab.programs.start(
            "zcomet-msggen",
            *("--broker", self.broker.listen, "--processes", 1, "--count", count),
            *("--interval", 1000 / MESSAGES_PER_S, "--max", 1, "--stamp", "--json"),
        )
        began = time.monotonic()
        with self._sampled():
            yield figures
            sent = json.loads(sender.finish(self._seconds + SENDING_TIMEOUT_S).splitlines()[-1])
        seconds = time.monotonic() - began
        summary = flood.stop()
        after = self.counters()
        figures["honest"] = {
            "sent": sent["sent"],
            "arrived": summary["chunks"],
            "latency_ms": {
                name: round(summary["latency_ns"][name] / 1e6, 1) for name in ("p50", "p99", "max")
            },
        }
        figures["cpu_percent"] = round(100 * (cpu_s([self.pid]) - cpu_before) / seconds)
        figures["memory"] = {"before": memory_before, "peak": self._peak}
        figures["counted"] = {
            name: after[name] - before.get(name, 0)
            for name in after
            if after[name] != before.get(name, 0) and not name.endswith("_ms")
        }
        figures["events"] = self.events()

    def settle(self, figures: Figures) -> None:
        """Waits a while after the attack, and notes the memory that is left."""
        time.sleep(SHORT_AFTER_S if self._lab.short else AFTER_S)
        figures["memory"]["after"] = resident_bytes(self.pid)

    def events(self) -> dict[str, int]:
        """How many lines of each event the broker has logged."""
        counts: dict[str, int] = {}
        for line in self.broker.program.log().splitlines():
            for word in line.split():
                if word.startswith("event="):
                    name = word.removeprefix("event=")
                    counts[name] = counts.get(name, 0) + 1
        return counts
