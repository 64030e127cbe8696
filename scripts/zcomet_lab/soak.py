"""The ten-minute load behind scripts/soak: 10,000 streams, 1,000 messages a second, memory watched."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from zcomet_lab import ROOT
from zcomet_lab.programs import ProgramError, Programs, end_on_signals

STREAMS = 10_000
GENERATORS = 100
INTERVAL_MS = 100
SAMPLE_S = 1
LATENCY_P99_MS_MAX = 5
# Memory may wobble by a page here and there; growth would show as more than this.
GROWTH_MAX = 0.02
SETTLE_S = 60
ARRIVAL_S = 3
OPENING_S = 60


class Soak:
    def __init__(self, build, folder, programs):
        self._build = build
        self._programs = programs
        self._loaded_at = self._unloaded_at = 0
        self.node_log = os.path.join(folder, "webnode.log")
        self.broker_log = os.path.join(folder, "broker.log")

    def path(self, name):
        folder = {"zcomet-broker": "broker", "zcomet-webnode": "webnode"}.get(name, "tools")
        return os.path.join(self._build, folder, name)

    def start(self, name, *arguments):
        return self._programs.start(self.path(name), arguments, name=name)

    def run(self, minutes):
        """Runs the load; returns what floodtest saw and how many messages were sent."""
        broker_program = self.start(
            "zcomet-broker",
            "--listen",
            "tcp://127.0.0.1:*",
            "--feed",
            "tcp://127.0.0.1:*",
            "--admin",
            "127.0.0.1:0",
        )
        broker = broker_program.await_ready()["listen"]
        node = self.start(
            "zcomet-webnode",
            "--broker",
            broker,
            "--http",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
            "--name",
            "soak",
        ).await_ready()
        self.start(
            "zcomet-memlog",
            "--admin",
            f"http://{node['admin']}",
            "--interval",
            SAMPLE_S,
            "--out",
            self.node_log,
        )
        self.start(
            "zcomet-memlog",
            "--pid",
            broker_program.pid,
            "--interval",
            SAMPLE_S,
            "--out",
            self.broker_log,
        )
        flood = self.start(
            "zcomet-floodtest",
            "--connections",
            STREAMS,
            "--url",
            f"{node['http']}/test/{{id}}",
            "--rate",
            2000,
            "--json",
        )
        self.await_streams(broker)
        print(f"{STREAMS} streams are open; {GENERATORS} generators begin", flush=True)
        count = int(minutes * 60 * 1000 / INTERVAL_MS)
        self._loaded_at = time.time()
        generator = self.start(
            "zcomet-msggen",
            "--count",
            count,
            "--interval",
            INTERVAL_MS,
            "--max",
            STREAMS,
            "--processes",
            GENERATORS,
            "--stamp",
            "--broker",
            broker,
            "--json",
        )
        sent = json.loads(generator.finish(minutes * 60 + 60).splitlines()[-1])
        self._unloaded_at = time.time()
        time.sleep(ARRIVAL_S)
        flood.ask_to_end()
        return json.loads(flood.finish(20).splitlines()[-1]), sent

    def await_streams(self, broker):
        """Waits until every stream is open and the broker knows of its id."""
        deadline = time.monotonic() + OPENING_S
        while time.monotonic() < deadline:
            nodes = json.loads(
                subprocess.check_output(
                    [self.path("zcomet-ctl"), "--broker", broker, "nodes", "--json"]
                )
            )
            if sum(node["ids"] for node in nodes) == STREAMS:
                return
            time.sleep(0.2)
        raise ProgramError(f"{STREAMS} streams did not open in {OPENING_S} s")

    def growth(self, log):
        """Resident memory at the end of the load over that after its first minute, less 1, from medians
        of ten samples; nothing for a run too short to tell. Not PSS, which rises when other programs
        that use the same libraries end."""
        with open(log, encoding="utf-8") as lines:
            rows = [line.rstrip("\n").split("\t") for line in lines]
        settled = [
            int(row[2])
            for row in rows
            if self._loaded_at + SETTLE_S <= int(row[1]) <= self._unloaded_at
        ]
        if len(settled) < 20:
            return None
        return statistics.median(settled[-10:]) / statistics.median(settled[:10]) - 1


def report(flood, sent, growths):
    """Prints the verdict; returns whether everything holds."""
    latency = {
        name: flood["latency_ns"][name] / 1e6 for name in ("p50", "p90", "p99", "p99_9", "max")
    }
    checks = [
        (
            f"all {STREAMS} streams stayed open",
            flood["connected"] == STREAMS
            and flood["closed"] == 0
            and flood["failed"]["total"] == 0,
        ),
        (
            f"{sent['sent']} messages sent at {sent['per_s']:.0f} a second, {flood['chunks']} arrived",
            sent["sent"] == flood["chunks"],
        ),
        (
            "latency "
            + ", ".join(
                f"{name.replace('_', '.')} {value:.2f} ms" for name, value in latency.items()
            ),
            latency["p99"] < LATENCY_P99_MS_MAX,
        ),
    ]
    checks += [
        (
            f"memory of the {name} changed by {growth:+.2%} after the first minute",
            growth <= GROWTH_MAX,
        )
        for name, growth in growths.items()
        if growth is not None
    ]
    for text, holds in checks:
        print(("ok    " if holds else "FAIL  ") + text)
    return all(holds for _, holds in checks)


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/soak",
        description=f"{STREAMS} streams, {GENERATORS} generators at 1,000 messages a second in all: says "
        f"whether every message arrived, with a p99 latency under {LATENCY_P99_MS_MAX} ms, and whether "
        "memory stayed flat; draws the web node's memory.",
    )
    parser.add_argument("--build", default="build", help=argparse.SUPPRESS)
    parser.add_argument("--minutes", type=float, default=10, help="how long to send; default: 10")
    parser.add_argument(
        "--plot", metavar="FILE", help="where to draw memory; default: docs/memory-10k.png"
    )
    options = parser.parse_args()
    plot = options.plot or os.path.join(ROOT, "docs", "memory-10k.png")
    end_on_signals()
    try:
        with tempfile.TemporaryDirectory() as folder, Programs() as programs:
            soak = Soak(options.build, folder, programs)
            flood, sent = soak.run(options.minutes)
            passed = report(
                flood,
                sent,
                {"web node": soak.growth(soak.node_log), "broker": soak.growth(soak.broker_log)},
            )
            subprocess.run(
                [os.path.join(ROOT, "scripts", "plot-memory"), soak.node_log, plot], check=True
            )
    except ProgramError as error:
        print(f"soak: {error}", file=sys.stderr)
        return 1
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
