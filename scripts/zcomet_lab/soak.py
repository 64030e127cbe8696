"""The load behind scripts/soak: 10,000 streams, 1,000 messages a second for ten minutes.

Memory is watched meanwhile.
"""

import argparse
import dataclasses
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

from zcomet_lab import ROOT
from zcomet_lab.cluster import GENERATORS_MAX, Cluster
from zcomet_lab.flood import Flood
from zcomet_lab.plot_memory import plot
from zcomet_lab.programs import ProgramError, Programs, end_on_signals

STREAMS = 10_000
PER_S = 1_000
SAMPLE_S = 1
LATENCY_P99_MS_MAX = 5
# Memory may change by a few pages; real growth would be more than this part.
GROWTH_MAX = 0.02
SETTLE_S = 60
END_SAMPLES = 10
ARRIVAL_S = 3


@dataclasses.dataclass(frozen=True)
class Load:
    """The result of the load, and its begin and end in seconds since 1970."""

    sent: Mapping[str, Any]
    """msggen's summary."""
    received: Mapping[str, Any]
    """floodtest's summary."""
    began_s: float
    ended_s: float


def run(programs: Programs, folder: pathlib.Path, minutes: float) -> Load:
    """Runs the load. Memory goes to webnode.log and broker.log in the folder."""
    cluster = Cluster(programs, broker_options=("--admin", "127.0.0.1:0"))
    watch = ("--interval", SAMPLE_S, "--out")
    admin = f"http://{cluster.node.admin}"
    programs.start("zcomet-memlog", "--admin", admin, *watch, folder / "webnode.log")
    broker_pid = cluster.broker.program.pid
    programs.start("zcomet-memlog", "--pid", broker_pid, *watch, folder / "broker.log")
    flood = Flood(programs, cluster.url, STREAMS)
    cluster.await_ids(STREAMS)
    print(f"{STREAMS} streams are open; {GENERATORS_MAX} generators begin", flush=True)
    count = round(minutes * 60 * PER_S / GENERATORS_MAX) * GENERATORS_MAX
    began_s = time.time()
    sent = cluster.send(count=count, per_s=PER_S, ids=STREAMS, message_bytes=None)
    ended_s = time.time()
    time.sleep(ARRIVAL_S)
    return Load(sent, flood.stop(), began_s, ended_s)


def growth(samples: Sequence[tuple[float, int]], began_s: float, ended_s: float) -> float | None:
    """Memory at the end of the load over that after its first minute, less 1.

    `samples` are times in seconds and resident memory. Both ends are medians of ten samples; with
    too few samples it returns None. PSS would be wrong: it rises when other programs that use the
    same libraries end.
    """
    settled = [memory for at_s, memory in samples if began_s + SETTLE_S <= at_s <= ended_s]
    if len(settled) < 2 * END_SAMPLES:
        return None
    first, last = settled[:END_SAMPLES], settled[-END_SAMPLES:]
    return statistics.median(last) / statistics.median(first) - 1


def read_memory(log: pathlib.Path) -> list[tuple[float, int]]:
    """Times and resident memory from a log of zcomet-memlog."""
    rows = [line.split("\t") for line in log.read_text(encoding="utf-8").splitlines()]
    return [(int(row[1]), int(row[2])) for row in rows if row[2].isdigit()]


def checks(load: Load, growths: Mapping[str, float | None]) -> list[tuple[str, bool]]:
    """The conditions as sentences, and whether they hold."""
    sent, flood = load.sent, load.received
    latency_ms = {
        name: flood["latency_ns"][name] / 1e6 for name in ("p50", "p90", "p99", "p99_9", "max")
    }
    latencies = ", ".join(
        f"{name.replace('_', '.')} {value:.2f} ms" for name, value in latency_ms.items()
    )
    stayed_open = flood["connected"] == STREAMS and flood["closed"] == 0
    return [
        (
            f"all {STREAMS} streams stayed open",
            stayed_open and flood["failed"]["total"] == 0,
        ),
        (
            f"{sent['sent']} messages sent at {sent['per_s']:.0f} a second, "
            f"{flood['chunks']} arrived",
            sent["sent"] == flood["chunks"],
        ),
        (f"latency {latencies}", latency_ms["p99"] < LATENCY_P99_MS_MAX),
        *(
            (
                f"memory of the {name} changed by {value:+.2%} after the first minute",
                value <= GROWTH_MAX,
            )
            for name, value in growths.items()
            if value is not None
        ),
    ]


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/soak",
        description=f"{STREAMS} streams, {GENERATORS_MAX} generators at 1,000 messages a second in "
        "all: says whether every message arrived, with a p99 latency under "
        f"{LATENCY_P99_MS_MAX} ms, and whether memory stayed flat; draws the web node's memory.",
    )
    parser.add_argument("--build", default="build", help=argparse.SUPPRESS)
    parser.add_argument("--minutes", type=float, default=10, help="how long to send; default: 10")
    parser.add_argument(
        "--plot",
        metavar="FILE",
        type=pathlib.Path,
        default=ROOT / "docs" / "memory-10k.png",
        help="where to draw memory; default: docs/memory-10k.png",
    )
    return parser.parse_args()


def soak(options: argparse.Namespace) -> bool:
    """Runs the load, prints the verdict and draws memory. Returns whether everything holds."""
    with (
        tempfile.TemporaryDirectory() as folder_name,
        Programs(options.build) as programs,
    ):
        folder = pathlib.Path(folder_name)
        load = run(programs, folder, options.minutes)
        logs = {"web node": folder / "webnode.log", "broker": folder / "broker.log"}
        growths = {
            name: growth(read_memory(log), load.began_s, load.ended_s) for name, log in logs.items()
        }
        verdicts = checks(load, growths)
        for text, holds in verdicts:
            print(("ok    " if holds else "FAIL  ") + text)
        title = f"Memory of a web node: {STREAMS:,} streams, {PER_S:,} messages a second"
        print(plot(logs["web node"], options.plot, title))
        return all(holds for _, holds in verdicts)


def main() -> int:
    options = read_options()
    end_on_signals()
    try:
        return 0 if soak(options) else 1
    except ProgramError as error:
        print(f"soak: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
