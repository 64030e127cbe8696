"""A cluster of real programs on network namespaces, with streams and a load, for faults.

    host        programs
    broker      zcomet-broker --supervise (a fault may move it to the host `spare`)
    web1, web2  zcomet-webnode with two workers
    load        zcomet-msggen --ack
    browsers    zcomet-floodtest, one for each web node: each id has two streams on each
    readers     zcomet_lab.resuming: EventSources of the ids with a history, which come back

The runner itself is connected to the switch, with an address of its own. All hosts know the broker
by a name from a hosts file, which a fault may change.
"""

import dataclasses
import errno
import functools
import json
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from zcomet_lab.ctl import Ctl
from zcomet_lab.namespaces import SWITCH, Network, on_host, port_name
from zcomet_lab.processes import children_of
from zcomet_lab.programs import Argument, Program, ProgramError, Programs
from zcomet_lab.stats import read_stats
from zcomet_lab.waiting import await_true

ADDRESSES = {
    "broker": "198.18.0.1",
    "web1": "198.18.0.2",
    "web2": "198.18.0.3",
    "load": "198.18.0.4",
    "browsers": "198.18.0.5",
    "spare": "198.18.0.6",
    "readers": "198.18.0.7",
}
OWN_ADDRESS = "198.18.0.250/24"
BROKER_NAME = "zcomet-broker"
BROKER = f"tcp://{BROKER_NAME}:5555"
WEB_NODES = ("web1", "web2")
WORKERS = 2
IDS = 200
STREAMS = 2 * IDS  # of each web node
SEND_INTERVAL_MS = 5
MESSAGES_MAX = 10_000_000
MESSAGES_BETWEEN = 150  # that the broker and each worker get before a fault, and after it
LIVENESS_S = 3
HISTORY = "*0=1000,10m"
HISTORY_IDS = [user_id for user_id in map(str, range(1, IDS + 1)) if user_id.endswith("0")]
END = "the end"  # the last message to each of them
RESUMED_TIMEOUT_S = 60
LOG_DISK_BYTES = 8 << 20
RECEIVE_QUEUE, SEND_QUEUE = 0, 1  # columns of ss
END_TIMEOUT_S = 20
ACKNOWLEDGED_TIMEOUT_S = 60
LEDGER_WAIT_S = 20
LIBRARY_OF_CLOCKS = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


def check(holds: object, text: str) -> None:
    """Checks something that a fault must check itself, because no log shows it."""
    if not holds:
        raise ProgramError(text)


def port_of(host: str) -> str:
    """The switch's port of a host."""
    return port_name(list(ADDRESSES).index(host))


def connections(host: str, which: str = "") -> list[str]:
    """The lines of ss for a host's connections, or for those that its filter `which` takes."""
    command = [*on_host(host), "ss", "-Htn", "state", "established", *which.split()]
    return subprocess.check_output(command, text=True).splitlines()


def waiting_bytes(host: str, queue: int) -> int:
    """How many bytes wait in this queue of a host's connections."""
    return sum(int(line.split()[queue]) for line in connections(host))


@dataclasses.dataclass(frozen=True)
class Flood:
    """One run of zcomet-floodtest: streams to one web node."""

    node: str
    log: str
    """What its streams received."""
    program: Program


class Cluster:
    """The hosts, the programs on them, and their own figures."""

    # Set by start(); faults may replace them.
    broker: Program
    generator: Program
    resuming: Program

    def __init__(self, folder: str, programs: Programs, *, own_clocks: bool = False) -> None:
        """`folder` is for files of the run. With `own_clocks` set_clocks() has an effect."""
        self._programs = programs
        self.folder = folder
        self._own_clocks = own_clocks
        self.log_disk = os.path.join(folder, "logs")
        self._hosts_file = os.path.join(folder, "hosts")
        self._clock_file = os.path.join(folder, "clock")
        self._ctl = Ctl(programs.path("zcomet-ctl"), "--broker", BROKER)
        self.broker_host = "broker"
        self.web_nodes: dict[str, Program] = {}
        self.floods: list[Flood] = []
        self.sent_log = os.path.join(folder, "sent")
        self.resuming_log = os.path.join(folder, "resuming")

    # Setting up -----------------------------------------------------------------------------------

    def build_hosts(self) -> None:
        Network(ADDRESSES)
        subprocess.run(["ip", "address", "add", OWN_ADDRESS, "dev", SWITCH], check=True)
        self.name_broker("broker")
        subprocess.run(["mount", "--bind", self._hosts_file, "/etc/hosts"], check=True)
        os.mkdir(self.log_disk)
        size = f"size={LOG_DISK_BYTES}"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", self.log_disk], check=True)
        self.set_clocks(0)

    def tear_down(self) -> None:
        """Unmounts what is mounted, once the programs have ended."""
        unmount = ["umount", "--lazy", self.log_disk, "/etc/hosts"]
        subprocess.run(unmount, check=False, capture_output=True)

    def start(self) -> None:
        self.start_broker()
        for node in WEB_NODES:
            self.start_web_node(node)
        self.refill()
        self.start_resuming()
        self.await_whole()
        self.start_generator()
        self.await_load()

    def name_broker(self, host: str) -> None:
        """From now on the broker's name means this host; the broker is not touched."""
        self.broker_host = host
        # In place, because the file is mounted over every host's /etc/hosts.
        with open(self._hosts_file, "w", encoding="utf-8") as file:
            file.write(f"127.0.0.1 localhost\n{ADDRESSES[host]} {BROKER_NAME}\n")

    def service(self, host: str, program: str, *arguments: Argument) -> Program:
        """Starts a program of the cluster itself; its log is on the disk for logs."""
        log = os.path.join(self.log_disk, f"{host}.log")
        to_log = ["sh", "-c", 'exec 2>>"$0"; exec "$@"', log]
        prefix = [*on_host(host), *to_log, *self._clock_prefix()]
        name = f"{program} on {host}"
        return self._programs.start(program, *arguments, name=name, prefix=prefix)

    def tool(self, host: str, program: str, *arguments: Argument) -> Program:
        """Starts a program that is not part of the cluster."""
        name = f"{program} on {host}"
        return self._programs.start(program, *arguments, name=name, prefix=on_host(host))

    def start_broker(self) -> None:
        self.broker = self.service(
            self.broker_host,
            "zcomet-broker",
            *("--supervise", "--insecure", "--listen", "tcp://0.0.0.0:5555"),
            *("--liveness-ms", LIVENESS_S * 1000, "--log-level", "debug"),
            *("--history", HISTORY),
        )
        self.broker.await_ready()

    def start_web_node(self, node: str) -> None:
        self.web_nodes[node] = self.service(
            node,
            "zcomet-webnode",
            *("--broker", BROKER, "--http", f"{ADDRESSES[node]}:8000", "--auth", "public"),
            *("--workers", WORKERS),
            *("--name", node, "--admin", f"{ADDRESSES[node]}:9480", "--log-level", "debug"),
        )
        self.web_nodes[node].await_ready()

    def start_generator(self) -> None:
        self.generator = self.tool(
            "load",
            "zcomet-msggen",
            *("--ack", "--log", self.sent_log, "--count", MESSAGES_MAX),
            *("--interval", SEND_INTERVAL_MS, "--max", IDS, "--broker", BROKER, "--json"),
        )

    def start_resuming(self) -> None:
        """Opens a stream of each id with a history on each web node, until the run ends."""
        urls = [f"http://{ADDRESSES[node]}:8000" for node in WEB_NODES]
        self.resuming = self._programs.start(
            sys.executable,
            *("-m", "zcomet_lab.resuming", "--log", self.resuming_log, "--end", END),
            *("--ids", ",".join(HISTORY_IDS), *urls),
            name="the streams that come back",
            prefix=on_host("readers"),
        )
        self.resuming.await_line("streams open")

    def open_streams(self, node: str, count: int, log: str | None = None) -> Flood:
        """Starts a further zcomet-floodtest and waits until all of its streams are open."""
        log = log or os.path.join(self.folder, f"received-{len(self.floods)}")
        program = self.tool(
            "browsers",
            "zcomet-floodtest",
            *("--connections", count, "--ids", IDS, "--rate", 0, "--log", log),
            *("--url", f"http://{ADDRESSES[node]}:8000/test/{{id}}"),
        )
        ready = program.await_line("zcomet-floodtest ready")
        if f"open={count} " not in ready:
            raise ProgramError(f"not all of {count} streams to {node} opened: {ready}")
        return Flood(node, log, program)

    def refill(self) -> None:
        """Opens streams to replace the closed ones."""
        for node in WEB_NODES:
            await_true(f"the workers of {node} are live", functools.partial(self._is_live, node))
            lacking = STREAMS - (self.streams(node) - self.resuming_streams(node))
            if lacking > 0:
                self.floods.append(self.open_streams(node, lacking))

    def forget(self, program: Program) -> None:
        """Reaps a killed program and everything that it left behind."""
        self._programs.end(program)

    # Asking ---------------------------------------------------------------------------------------

    def ctl(self, *arguments: Argument) -> Any:
        """The broker's answer to zcomet-ctl, or None if there is none."""
        done = self._ctl.run("--timeout", 1, "--json", *arguments)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def stats(self, node: str) -> dict[str, Any] | None:
        """A web node's own figures, or None if it does not answer."""
        return read_stats(f"{ADDRESSES[node]}:9480")

    def streams(self, node: str) -> int:
        """How many streams the web node has; 0 if it does not answer."""
        stats = self.stats(node)
        return int(stats["totals"]["streams"]) if stats else 0

    def resuming_streams(self, node: str) -> int:
        """How many of the streams that come back are at the web node now."""
        return len(connections("readers", f"dst {ADDRESSES[node]}"))

    def await_resumed(self) -> None:
        """Waits until all streams that come back have done so."""
        await_true(
            "the streams that come back are there",
            lambda: sum(map(self.resuming_streams, WEB_NODES)) == len(WEB_NODES) * len(HISTORY_IDS),
        )

    def _is_live(self, node: str) -> bool:
        """Whether all workers of the web node are live."""
        stats = self.stats(node)
        return stats is not None and all(each["state"] == "live" for each in stats["workers"])

    def knows(self, name: str) -> bool | None:
        """Whether the broker has this worker, or None if it does not answer."""
        nodes = self.ctl("nodes")
        return None if nodes is None else any(node["name"] == name for node in nodes)

    def is_whole(self) -> bool:
        """Whether every worker is live, and the broker's table has as many ids for it as it has."""
        nodes = self.ctl("nodes")
        if nodes is None:
            return False
        table = {node["name"]: node["ids"] for node in nodes if node["live"]}
        return all(is_in_table(self.stats(node), table) for node in WEB_NODES)

    def await_whole(self) -> None:
        await_true("the cluster is whole", self.is_whole)

    def await_load(self) -> None:
        """Waits until the broker and every worker have got the messages between two faults."""
        first = await_true("the programs answer", self._messages)
        await_true("messages flow everywhere", lambda: have_flowed(first, self._messages()))

    def _messages(self) -> dict[str, int] | None:
        """How many messages the broker and each worker have got; None if one does not answer."""
        broker = self.ctl("stats")
        if broker is None:
            return None
        counts = {"broker": broker["counters"]["messages_in"]}
        for node in WEB_NODES:
            stats = self.stats(node)
            if stats is None:
                return None
            for worker in stats["workers"]:
                counts[worker["name"]] = worker["counters"]["messages_received"]
        return counts

    def senders(self) -> int | None:
        """How many senders the broker knows, or None if it does not answer."""
        stats = self.ctl("stats")
        return int(stats["senders"]) if stats else None

    def worker_pid(self, node: str) -> int | None:
        """The process of the web node's first worker, or None while there is none."""
        stats = self.stats(node)
        return int(stats["workers"][0]["pid"]) or None if stats else None

    def running_worker(self, node: str) -> int:
        """The same, once it is there."""
        return await_true(f"{node} has a worker", lambda: self.worker_pid(node))

    def broker_pid(self) -> int | None:
        """The broker itself, the child of the process that supervises it; None if there is none."""
        children = children_of(self.broker.pid)
        return children[0] if len(children) == 1 else None

    def running_broker(self) -> int:
        """The same, once it is there."""
        return await_true("the supervisor has a broker", self.broker_pid)

    # Ending ---------------------------------------------------------------------------------------

    def end_load(self) -> dict[str, Any]:
        """Ends the generator, which waits until all is acknowledged; returns its summary."""
        self.generator.ask_to_end()
        output = self.generator.finish(ACKNOWLEDGED_TIMEOUT_S, status=128 + signal.SIGTERM)
        summary: dict[str, Any] = json.loads(output.splitlines()[-1])
        return summary

    def end_resuming(self) -> int:
        """Sends the last messages, and waits until each stream that comes back has shown its own.

        Returns how often such streams came back.
        """
        for user_id in HISTORY_IDS:
            check(self.ctl("send", user_id, END), f"the last message to {user_id} was not sent")
        last_line = self.resuming.finish(RESUMED_TIMEOUT_S).splitlines()[-1]
        return int(last_line.removesuffix(" times").rpartition(" ")[2])

    def ledger(self) -> tuple[bool, dict[str, Any]]:
        """Whether the broker's ledger balances once no message is under way, and the ledger."""
        return self._judged("ledger", "--wait", LEDGER_WAIT_S)

    def reconcile(self) -> dict[str, Any]:
        """What `zcomet-ctl reconcile` finds in the logs of the sender and the streams."""
        return self._judged("reconcile", self.sent_log, *(flood.log for flood in self.floods))[1]

    def reconcile_resuming(self) -> dict[str, Any]:
        """What it finds in the log of the streams that come back."""
        return self._judged("reconcile", "--allow-gaps", self.sent_log, self.resuming_log)[1]

    def _judged(self, *arguments: Argument) -> tuple[bool, dict[str, Any]]:
        """Whether zcomet-ctl ends with 0, and its output."""
        done = self._ctl.run("--json", *arguments, timeout_s=ACKNOWLEDGED_TIMEOUT_S)
        if not done.stdout:
            raise ProgramError(done.stderr.strip())
        return done.returncode == 0, json.loads(done.stdout)

    def await_delivered(self) -> None:
        """Waits until every stream has read what was written to it.

        After a cable was pulled the kernel waits longer after each try.
        """
        await_true(
            "the web nodes' kernels have delivered",
            lambda: not any(waiting_bytes(node, SEND_QUEUE) for node in WEB_NODES),
        )
        await_true("the streams have read", lambda: not waiting_bytes("browsers", RECEIVE_QUEUE))

    def end_streams(self) -> None:
        """Ends every zcomet-floodtest, so that the logs are complete.

        Their exit statuses are ignored: some report that streams were lost.
        """
        for flood in self.floods:
            flood.program.ask_to_end()
        for flood in self.floods:
            flood.program.finish(END_TIMEOUT_S, status=None)

    # Clocks and disks -----------------------------------------------------------------------------

    def _clock_prefix(self) -> list[str]:
        """Lets a program take CLOCK_REALTIME from a file; all other clocks stay the machine's."""
        if not self._own_clocks:
            return []
        return [
            "env",
            f"LD_PRELOAD={LIBRARY_OF_CLOCKS}",
            f"FAKETIME_TIMESTAMP_FILE={self._clock_file}",
            "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
        ]

    def set_clocks(self, ahead_s: int) -> None:
        """Steps the clocks of the cluster's programs."""
        with open(self._clock_file + ".new", "w", encoding="utf-8") as file:
            file.write(f"{ahead_s:+d}\n")
        os.rename(self._clock_file + ".new", self._clock_file)

    def shown_clock(self) -> int:
        """The time that a program of the cluster sees, in seconds since 1970."""
        return int(subprocess.check_output([*self._clock_prefix(), "date", "+%s"]))

    def fill_log_disk(self) -> str:
        """Returns the file that takes all the room."""
        path = os.path.join(self.log_disk, "filler")
        with open(path, "wb", buffering=0) as file:
            for piece in (1 << 16, 1):
                try:
                    while True:
                        file.write(bytes(piece))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
        return path


def is_in_table(stats: dict[str, Any] | None, table: Mapping[str, int]) -> bool:
    """Whether a web node's workers are live and the broker has all of their ids.

    `table` has the number of ids of each worker that the broker believes live.
    """
    return stats is not None and all(
        worker["state"] == "live" and table.get(worker["name"]) == worker["counters"]["ids"]
        for worker in stats["workers"]
    )


def have_flowed(first: Mapping[str, int], now: Mapping[str, int] | None) -> bool:
    """Whether each has got MESSAGES_BETWEEN more messages than at first."""
    return now is not None and all(
        now.get(name, 0) >= count + MESSAGES_BETWEEN for name, count in first.items()
    )
