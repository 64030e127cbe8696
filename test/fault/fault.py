"""Causes faults in a cluster of real programs under load; judges by logs and ledger.

    PYTHONPATH=scripts python3 test/fault/fault.py
        --fault NAME          one fault
        --random 50 --seed 7  so many, one after the other
        --list                their names

Prints only JSON: a line for each fault when it is over, one with the figures of the run and its
ledger, and one for each thing that is wrong. If something is wrong, the programs' last log lines go
to standard error. The exit status is 0 if no message was lost, shown twice, out of order or
unexplained, except as the faults declare; 77 if namespaces are not permitted here, or the fault
cannot be done.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence

from zcomet_lab.namespaces import NotPermitted, enter_private_namespaces
from zcomet_lab.options import positive
from zcomet_lab.programs import ProgramError, Programs, end_on_signals
from zcomet_lab.skipping import SKIPPED

from cluster import WEB_NODES, Cluster
from faults import FAULTS, Fault
from verdict import Happening, Logs, missed_beyond

FINDINGS_SHOWN = 10
LOG_LINES_SHOWN = 20
SEED_BITS = 32


def say(**facts: object) -> None:
    """Prints a line of JSON."""
    print(json.dumps(facts), flush=True)


def happen(cluster: Cluster, fault: Fault, node: str) -> Happening:
    """Causes a fault.

    Returns when the cluster is whole again and messages have flowed for a while.
    """
    happening = Happening(fault, node, time.time_ns())
    fault.happen(cluster, node)
    cluster.refill()
    cluster.await_whole()
    happening.whole_ns = time.time_ns()
    cluster.await_load()
    cluster.await_resumed()
    whole_again_s = round((happening.whole_ns - happening.began_ns) / 1e9, 2)
    say(fault=fault.name, node=node, whole_again_s=whole_again_s)
    return happening


def judge(cluster: Cluster, happenings: Sequence[Happening]) -> list[str]:
    """Ends the load and compares; returns what is wrong, as sentences."""
    summary = cluster.end_load()
    came_back = cluster.end_resuming()
    balanced, ledger = cluster.ledger()
    cluster.await_delivered()
    ended_ns = time.time_ns()
    cluster.end_streams()
    reconciled = cluster.reconcile()
    totals = reconciled["totals"]
    resumed = cluster.reconcile_resuming()
    untold = resumed["totals"]["missing"] - resumed["totals"]["told"]
    disordered = sum(resumed["totals"][kind] for kind in ("twice", "out_of_order", "unsent"))
    logs = Logs(cluster.sent_log, {flood.log: flood.node for flood in cluster.floods})
    missing = [each for each in reconciled["findings"] if each["kind"] == "missing"]
    others = [each for each in reconciled["findings"] if each["kind"] != "missing"]
    lost = missed_beyond(logs, missing, happenings)
    closed = logs.closed_beyond(happenings, ended_ns)
    ends = [each.began_ns for each in happenings[1:]] + [ended_ns]
    say(
        faults=[each.fault.name for each in happenings],
        flowed_again_s=[
            logs.flowed_again_s(each, until, missing) for each, until in zip(happenings, ends)
        ],
        sent=summary["sent"],
        acknowledged=summary["acknowledged"],
        resent=summary["resent"],
        void=summary["void"],
        unconfirmed=summary["unconfirmed"],
        received=totals["received"],
        streams=totals["streams"],
        missing=len(lost),
        missing_as_declared=len(missing) - len(lost),
        twice=totals["twice"],
        out_of_order=totals["out_of_order"],
        unsent=totals["unsent"],
        closed_unasked=closed,
        came_back=came_back,
        untold=untold,
        resuming=resumed["totals"],
        ledger_balanced=balanced,
        ledger=ledger,
    )
    wrong_when_resumed = [each for each in resumed["findings"] if not each.get("told")]
    for finding in [*lost, *others, *wrong_when_resumed][:FINDINGS_SHOWN]:
        say(finding=finding)
    sentences = (
        (lost, f"{len(lost)} messages are missing on streams that were open"),
        (totals["twice"], f"{totals['twice']} came twice"),
        (totals["out_of_order"], f"{totals['out_of_order']} came out of order"),
        (totals["unsent"], f"{totals['unsent']} came that were not sent"),
        (summary["unconfirmed"], f"{summary['unconfirmed']} were never acknowledged"),
        (summary["log_lines_lost"], "the sender's log is not whole"),
        (closed, f"{closed} streams were closed that should have stayed open"),
        (untold, f"{untold} messages are missing on streams that came back and were not told"),
        (disordered, f"{disordered} came twice, out of order or unsent on streams that came back"),
        (not balanced, "the ledger does not balance"),
    )
    return [text for wrong, text in sentences if wrong]


def show_logs(cluster: Cluster) -> None:
    """Shows the last lines of the programs' logs."""
    for name in sorted(os.listdir(cluster.log_disk)):
        path = os.path.join(cluster.log_disk, name)
        with open(path, encoding="utf-8", errors="replace") as log:
            lines = [line for line in log if "debug" not in line][-LOG_LINES_SHOWN:]
        print(f"--- {name}\n{''.join(lines)}", end="", file=sys.stderr)


def chosen(options: argparse.Namespace) -> list[tuple[Fault, str]]:
    """The faults to cause, each with its web node."""
    if options.fault:
        return [(FAULTS[options.fault], WEB_NODES[0])]
    draw = random.Random(options.seed)
    possible = [fault for fault in FAULTS.values() if fault.anywhere and not fault.lacks()]
    return [(draw.choice(possible), draw.choice(WEB_NODES)) for _ in range(options.random)]


def run(options: argparse.Namespace, folder: str) -> int:
    """Returns the exit status. `folder` is for files of the run."""
    faults = chosen(options)
    own_clocks = any(not fault.anywhere for fault, _ in faults)
    with contextlib.ExitStack() as stack:
        programs = Programs(options.build)
        cluster = Cluster(folder, programs, own_clocks=own_clocks)
        stack.callback(cluster.tear_down)
        with programs:
            wrong = attempt(cluster, faults)
        if options.keep:
            shutil.copytree(cluster.log_disk, os.path.join(folder, "programs"))
        if wrong:
            show_logs(cluster)
    for text in wrong:
        say(failed=text)
    return 1 if wrong else 0


def attempt(cluster: Cluster, faults: Sequence[tuple[Fault, str]]) -> list[str]:
    """Returns what is wrong, as sentences."""
    cluster.build_hosts()
    try:
        cluster.start()
        return judge(cluster, [happen(cluster, fault, node) for fault, node in faults])
    except ProgramError as error:
        return [str(error)]


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", default="build", help="the build directory")
    parser.add_argument(
        "--seed",
        type=int,
        default=random.SystemRandom().getrandbits(SEED_BITS),
        help="of --random; printed, and drawn at random by default",
    )
    parser.add_argument(
        "--keep",
        metavar="DIR",
        help="a new folder for the logs of messages and programs, which stays",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--fault", choices=FAULTS, metavar="NAME")
    what.add_argument("--random", type=positive, metavar="N")
    what.add_argument("--list", action="store_true")
    return parser.parse_args()


def main() -> int:
    options = parse_options()
    if options.list:
        print("\n".join(FAULTS))
        return 0
    end_on_signals()
    try:
        enter_private_namespaces()
        if options.fault and (why := FAULTS[options.fault].lacks()):
            say(skipped=why)
            return SKIPPED
        if options.random:
            say(seed=options.seed)
        if options.keep:
            os.mkdir(options.keep)
            return run(options, options.keep)
        with tempfile.TemporaryDirectory(prefix="zcomet-fault-") as folder:
            return run(options, folder)
    except NotPermitted as error:
        say(skipped=f"network namespaces are not permitted here ({error})")
        return SKIPPED


if __name__ == "__main__":
    sys.exit(main())
