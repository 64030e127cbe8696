"""One of three brokers is lost under load. Nothing acknowledged is lost or shown twice.

usage: broker_lost.py BUILD cut      (its host is cut off, and comes back)
       broker_lost.py BUILD killed
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from zcomet_lab.ctl import Ctl
from zcomet_lab.flood import Flood
from zcomet_lab.message_logs import Arrival, read_arrivals
from zcomet_lab.namespaces import Network, NotPermitted, enter_private_namespaces, on_host
from zcomet_lab.programs import Argument, Program, Programs
from zcomet_lab.skipping import skip

BROKERS = {"b1": "198.18.0.1", "b2": "198.18.0.2", "b3": "198.18.0.3"}
LOST = "b2"
WEB, LOAD = "198.18.0.4", "198.18.0.5"
HOSTS = {**BROKERS, "web": WEB, "load": LOAD}
PER_S, SECONDS, IDS = 400, 8, 60
FAULT_AFTER, CUT_S = 1600, 4
MS = 1e6


def set_link(host: str, state: str) -> None:
    subprocess.run(["ip", "-n", host, "link", "set", "eth0", state], check=True)


def cut(_: Program) -> None:
    set_link(LOST, "down")
    time.sleep(CUT_S)
    set_link(LOST, "up")


def kill(broker: Program) -> None:
    os.kill(broker.pid, signal.SIGKILL)


FAULTS: dict[str, Callable[[Program], None]] = {"cut": cut, "killed": kill}


def start_brokers(programs: Programs) -> tuple[list[Argument], Program]:
    """The options that name them, and the one that is going to be lost."""
    options: list[Argument] = []
    started = {}
    for name, address in BROKERS.items():
        listen = f"tcp://{address}:5555"
        started[name] = programs.start(
            "zcomet-broker",
            *("--listen", listen, "--feed", f"tcp://{address}:5556", "--name", name, "--insecure"),
            prefix=on_host(name),
        )
        started[name].await_ready()
        options += ["--broker", f"{name}={listen}"]
    return options, started[LOST]


def longest_wait_ms(arrivals: list[Arrival]) -> float:
    """From the sending of a message to its arrival, the longest."""
    return max(arrival.latency_ns for arrival in arrivals) / MS


def check(programs: Programs, folder: pathlib.Path, fault: str) -> None:
    options, broker = start_brokers(programs)
    ready = programs.start(
        "zcomet-webnode",
        *(*options, "--workers", 1, "--tell-gaps", "none", "--per-address", 0),
        *("--http", f"{WEB}:8000", "--auth", "public", "--name", "web"),
        prefix=on_host("web"),
    ).await_ready()
    flood = Flood(
        programs,
        f"{ready['http']}/test/{{id}}",
        IDS,
        log=folder / "got",
        prefix=on_host("web"),
    )
    sender = programs.start(
        "zcomet-msggen",
        *(*options, "--count", PER_S * SECONDS, "--interval", 1000 / PER_S, "--max", IDS),
        *("--ack", "--json", "--log", folder / "sent"),
        prefix=on_host("load"),
    )
    flood.await_chunks(FAULT_AFTER)  # a new sender waits for brokers that have just begun
    FAULTS[fault](broker)
    summary = json.loads(sender.finish(60).splitlines()[-1])
    assert summary["acknowledged"] == PER_S * SECONDS, summary
    assert summary["failed_over"] > 0, summary
    flood.await_chunks(PER_S * SECONDS)
    flood.stop()
    ctl = Ctl(*on_host("load"), programs.path("zcomet-ctl"), *options)
    done = ctl.run("reconcile", folder / "sent", folder / "got")
    assert done.returncode == 0, done.stdout
    waited = longest_wait_ms(read_arrivals(folder / "sent", folder / "got"))
    print(
        f"a broker was {fault}: {summary['failed_over']} messages went to another one, "
        f"the longest took {waited:.0f} ms"
    )


def main() -> int:
    try:
        enter_private_namespaces()
    except NotPermitted as error:
        return skip(f"network namespaces are not permitted here ({error})")
    Network(HOSTS)
    with (
        tempfile.TemporaryDirectory(prefix="zcomet-lost-") as folder,
        Programs(sys.argv[1]) as programs,
    ):
        check(programs, pathlib.Path(folder), sys.argv[2])
    return 0


if __name__ == "__main__":
    sys.exit(main())
