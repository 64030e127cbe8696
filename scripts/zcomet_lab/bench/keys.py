"""What keys between hosts cost: the cluster's CPU time with and without them, in pairs."""

import pathlib
import statistics
import tempfile
from collections.abc import Sequence

from zcomet_lab.bench.loads import FLAT_OUT, Load, rate_text
from zcomet_lab.bench.rows import Row
from zcomet_lab.bench.servers import start_cluster
from zcomet_lab.bench.side import Side
from zcomet_lab.cluster import Broker
from zcomet_lab.keys import Keys
from zcomet_lab.processes import cpu_s
from zcomet_lab.programs import Argument
from zcomet_lab.suite import Lab

STREAMS, STREAMS_SHORT = 10_000, 100
IDS, IDS_SHORT = 1_000_000, 10_000
LOGIN_PAIRS, LOGIN_PAIRS_SHORT = 5, 1
LOGIN_TIMEOUT_S = 120


LOADS = (Load(1_000, 10_000, 10), Load(20_000, 100_000, 10), Load(FLAT_OUT, 300_000, 10))
LOADS_SHORT = (Load(1_000, 500, 1), Load(FLAT_OUT, 5_000, 1))


def login_cpu_s(lab: Lab, ids: int, keys: Keys | None) -> float:
    """CPU seconds of a broker and a node until the broker has all ids of the node."""
    broker = Broker(lab.programs, keys=keys)
    before = cpu_s([broker.program.pid])
    key: list[Argument] = ["--key", keys.new("bench", "node")] if keys else []
    node = lab.programs.start(
        "bench-table", *("--broker", broker.listen, "--nodes", 1, "--ids", ids), *key
    )
    node.await_line(" ready", LOGIN_TIMEOUT_S)
    taken = cpu_s([broker.program.pid]) - before + cpu_s([node.pid])
    lab.programs.end(node)
    lab.programs.end(broker.program)
    return taken


def rows_of(what: str, plain: Sequence[float], keyed: Sequence[float]) -> list[Row]:
    """The rows of measurements in pairs, in seconds of CPU time."""
    ratio = statistics.median(k / max(p, 1e-9) for p, k in zip(plain, keyed))
    return [
        Row(f"{what} without keys", statistics.median(plain), "s"),
        Row(f"{what} with keys", statistics.median(keyed), "s"),
        Row(f"{what}: ratio, median of {len(plain)} pairs", ratio, ""),
    ]


def compare_delivery(lab: Lab, folder: pathlib.Path) -> list[Row]:
    """Both clusters run all the time, and each load goes to one, then to the other."""
    streams = STREAMS_SHORT if lab.short else STREAMS
    plain = Side(lab, start_cluster(lab, streams), streams, streams)
    keys = Keys(lab.programs.path("zcomet-ctl"), folder)
    keyed = Side(lab, start_cluster(lab, streams, keys=keys), streams, streams)
    rows: list[Row] = []
    for load in LOADS_SHORT if lab.short else LOADS:
        pairs = [(plain.cpu_s(load), keyed.cpu_s(load)) for _ in range(load.times)]
        name = rate_text(load.per_s)
        rows += rows_of(f"{name}: CPU a million", *zip(*pairs))
    plain.finish()
    keyed.finish()
    return rows


def compare_logins(lab: Lab, folder: pathlib.Path) -> list[Row]:
    """The same ids logged in at a new broker each time."""
    ids = IDS_SHORT if lab.short else IDS
    pairs = []
    for pair in range(LOGIN_PAIRS_SHORT if lab.short else LOGIN_PAIRS):
        own = folder / str(pair)
        own.mkdir()
        keys = Keys(lab.programs.path("zcomet-ctl"), own)
        pairs.append((login_cpu_s(lab, ids, None), login_cpu_s(lab, ids, keys)))
    return rows_of(f"{ids:,} logins: CPU of broker and node", *zip(*pairs))


def run(lab: Lab) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="zcomet-bench-") as name:
        folder = pathlib.Path(name)
        return compare_delivery(lab, folder) + compare_logins(lab, folder)
