"""A cluster of real programs on network namespaces, with streams and a load, for faults to happen to.

    host        programs
    broker      zcomet-broker --supervise (and `spare`, to which a fault may move it)
    web1, web2  zcomet-webnode with two workers
    load        zcomet-msggen --ack
    browsers    zcomet-floodtest, one for each web node: each id has two streams on each

The runner itself sits at the switch, with an address of its own. Everyone knows the broker by name, from
a hosts file that a fault may change.
"""

import contextlib
import errno
import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.request

from zcomet_lab.namespaces import SWITCH, Network, on_host
from zcomet_lab.programs import ProgramError

ADDRESSES = {
    "broker": "198.18.0.1",
    "web1": "198.18.0.2",
    "web2": "198.18.0.3",
    "load": "198.18.0.4",
    "browsers": "198.18.0.5",
    "spare": "198.18.0.6",
}
OWN_ADDRESS = "198.18.0.250/24"
BROKER_NAME = "zcomet-broker"
BROKER = f"tcp://{BROKER_NAME}:5555"
WEB_NODES = ("web1", "web2")
WORKERS = 2
IDS = 200
STREAMS = 2 * IDS  # of each web node
SEND_INTERVAL_MS = 5
MESSAGES_BETWEEN = 150  # that the broker and each worker get before a fault, and after it
LIVENESS_S = 3
LOG_DISK_BYTES = 8 << 20
RECEIVE_QUEUE, SEND_QUEUE = 0, 1  # columns of ss
EVENT_S = 30  # what takes longer has failed
LIBRARY_OF_CLOCKS = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
# A proxy of this machine knows nothing of our hosts.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
FOLDERS = {"zcomet-broker": "broker", "zcomet-webnode": "webnode"}


def await_event(what, happened, timeout_s=EVENT_S):
    """Returns the first true answer of `happened`, which is asked again and again."""
    deadline = time.monotonic() + timeout_s
    while not (answer := happened()):
        if time.monotonic() > deadline:
            raise ProgramError(f"in {timeout_s} s it did not happen that {what}")
        time.sleep(0.05)
    return answer


def check(holds, text):
    """What a fault has to see itself, since no log shows it."""
    if not holds:
        raise ProgramError(text)


def state_and_parent(pid):
    """Of a process; nothing if it has ended, reaped or not."""
    with contextlib.suppress(OSError):
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        state, parent = stat.rpartition(") ")[2].split()[:2]
        return None if state == "Z" else (state, int(parent))
    return None


def is_running(pid):
    return state_and_parent(pid) is not None


def children_of(pid):
    """The processes that `pid` has started and that have not ended."""
    running = (
        (child, state_and_parent(child))
        for child in map(int, filter(str.isdigit, os.listdir("/proc")))
    )
    return sorted(child for child, facts in running if facts and facts[1] == pid)


def waiting_bytes(host, queue):
    """What waits in this queue of a host's connections."""
    sockets = subprocess.check_output(
        [*on_host(host), "ss", "-Htn", "state", "established"], text=True
    )
    return sum(int(line.split()[queue]) for line in sockets.splitlines())


class Flood:
    """One run of zcomet-floodtest: streams to one web node."""

    def __init__(self, node, log, program):
        self.node = node
        self.log = log
        self.program = program


class Cluster:
    def __init__(self, build, folder, programs, *, own_clocks=False):
        self._build = build
        self._programs = programs
        self.folder = folder
        self._own_clocks = own_clocks
        self.log_disk = os.path.join(folder, "logs")
        self._hosts_file = os.path.join(folder, "hosts")
        self._clock_file = os.path.join(folder, "clock")
        self.broker_host = "broker"
        self.broker = self.generator = None
        self.web_nodes = {}
        self.floods = []
        self.sent_log = os.path.join(folder, "sent")

    # Setting up ------------------------------------------------------------------------------------

    def build_hosts(self):
        Network(ADDRESSES)
        subprocess.run(["ip", "address", "add", OWN_ADDRESS, "dev", SWITCH], check=True)
        self.name_broker("broker")
        subprocess.run(["mount", "--bind", self._hosts_file, "/etc/hosts"], check=True)
        os.mkdir(self.log_disk)
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={LOG_DISK_BYTES}", "tmpfs", self.log_disk],
            check=True,
        )
        self.set_clocks(0)

    def tear_down(self):
        """Takes the disks away, as far as there are any, once the programs have ended."""
        subprocess.run(
            ["umount", "--lazy", self.log_disk, "/etc/hosts"], check=False, capture_output=True
        )

    def start(self):
        self.start_broker()
        for node in WEB_NODES:
            self.start_web_node(node)
        self.refill()
        self.await_whole()
        self.start_generator()
        self.await_load()

    def name_broker(self, host):
        """From now on the broker's name stands for this host; the broker is not touched."""
        self.broker_host = host
        # In place: the file is mounted over everybody's /etc/hosts.
        with open(self._hosts_file, "w", encoding="utf-8") as file:
            file.write(f"127.0.0.1 localhost\n{ADDRESSES[host]} {BROKER_NAME}\n")

    def path(self, program):
        return os.path.join(self._build, FOLDERS.get(program, "tools"), program)

    def service(self, host, program, *arguments):
        """A program of the cluster itself; its log is on the disk for logs."""
        log = os.path.join(self.log_disk, f"{host}.log")
        prefix = [*on_host(host), "sh", "-c", 'exec 2>>"$0"; exec "$@"', log, *self._clock_prefix()]
        return self._programs.start(
            self.path(program), arguments, name=f"{program} on {host}", prefix=prefix
        )

    def tool(self, host, program, *arguments):
        return self._programs.start(
            self.path(program), arguments, name=f"{program} on {host}", prefix=on_host(host)
        )

    def start_broker(self):
        self.broker = self.service(
            self.broker_host,
            "zcomet-broker",
            "--supervise",
            "--listen",
            "tcp://0.0.0.0:5555",
            "--liveness-ms",
            LIVENESS_S * 1000,
            "--log-level",
            "debug",
        )
        self.broker.await_ready()

    def start_web_node(self, node):
        self.web_nodes[node] = self.service(
            node,
            "zcomet-webnode",
            "--broker",
            BROKER,
            "--http",
            f"{ADDRESSES[node]}:8000",
            "--workers",
            WORKERS,
            "--name",
            node,
            "--admin",
            f"{ADDRESSES[node]}:9480",
            "--log-level",
            "debug",
        )
        self.web_nodes[node].await_ready()

    def start_generator(self):
        self.generator = self.tool(
            "load",
            "zcomet-msggen",
            "--ack",
            "--log",
            self.sent_log,
            "--count",
            10_000_000,
            "--interval",
            SEND_INTERVAL_MS,
            "--max",
            IDS,
            "--broker",
            BROKER,
            "--json",
        )

    def open_streams(self, node, count, log=None):
        """Streams of a further zcomet-floodtest, all of them open."""
        log = log or os.path.join(self.folder, f"received-{len(self.floods)}")
        flood = Flood(
            node,
            log,
            self.tool(
                "browsers",
                "zcomet-floodtest",
                "--connections",
                count,
                "--ids",
                IDS,
                "--rate",
                0,
                "--url",
                f"http://{ADDRESSES[node]}:8000/test/{{id}}",
                "--log",
                log,
            ),
        )
        ready = flood.program.await_line("zcomet-floodtest ready")
        if f"open={count} " not in ready:
            raise ProgramError(f"of {count} streams to {node} not all opened: {ready}")
        return flood

    def refill(self):
        """Opens streams in place of those that were closed."""
        for node in WEB_NODES:
            await_event(f"the workers of {node} listen", lambda node=node: self._workers_live(node))
            lacking = STREAMS - self.streams(node)
            if lacking > 0:
                self.floods.append(self.open_streams(node, lacking))

    def forget(self, program):
        """Reaps a program that has been killed, with all that it left behind."""
        self._programs.end(program)

    # Asking ----------------------------------------------------------------------------------------

    def ctl(self, *arguments):
        """The answer of the broker to zcomet-ctl; nothing if there is none."""
        done = subprocess.run(
            [self.path("zcomet-ctl"), "--broker", BROKER, "--timeout", "1", "--json", *arguments],
            capture_output=True,
            text=True,
        )
        return json.loads(done.stdout) if done.returncode == 0 else None

    def stats(self, node):
        """What a web node says of itself; nothing if it does not answer."""
        try:
            with DIRECT.open(f"http://{ADDRESSES[node]}:9480/stats", timeout=2) as answer:
                return json.load(answer)
        except OSError:
            return None

    def streams(self, node):
        stats = self.stats(node)
        return stats["totals"]["streams"] if stats else 0

    def _workers_live(self, node):
        stats = self.stats(node)
        return stats and all(worker["state"] == "live" for worker in stats["workers"])

    def knows(self, name):
        """Whether the broker has this worker; nothing if it does not answer."""
        nodes = self.ctl("nodes")
        return None if nodes is None else any(node["name"] == name for node in nodes)

    def is_whole(self):
        """Every worker is live, and the broker's table has as many ids of it as it has itself."""
        nodes = self.ctl("nodes")
        if nodes is None:
            return False
        table = {node["name"]: node["ids"] for node in nodes if node["live"]}
        for node in WEB_NODES:
            stats = self.stats(node)
            if stats is None or any(
                worker["state"] != "live" or table.get(worker["name"]) != worker["counters"]["ids"]
                for worker in stats["workers"]
            ):
                return False
        return True

    def await_whole(self):
        await_event("the cluster is whole", self.is_whole)

    def await_load(self):
        """Until the broker has taken in, and every worker has got, what belongs between two faults."""
        first = await_event("the programs answer", self._messages)
        await_event("messages flow everywhere", lambda: self._have_flowed(first, self._messages()))

    @staticmethod
    def _have_flowed(first, now):
        return now and all(
            now.get(name, 0) >= count + MESSAGES_BETWEEN for name, count in first.items()
        )

    def _messages(self):
        """How many messages the broker and each worker have got; nothing if one of them does not answer."""
        broker = self.ctl("stats")
        stats = [self.stats(node) for node in WEB_NODES]
        if broker is None or None in stats:
            return None
        return {
            "broker": broker["counters"]["messages_in"],
            **{
                worker["name"]: worker["counters"]["messages_received"]
                for node in stats
                for worker in node["workers"]
            },
        }

    def senders(self):
        """How many the broker knows of; nothing if it does not answer."""
        stats = self.ctl("stats")
        return stats and stats["senders"]

    def worker_pid(self, node, index=0):
        return self.stats(node)["workers"][index]["pid"]

    def broker_pid(self):
        """Of the broker itself, the child of the one that supervises it."""
        children = children_of(self.broker.pid)
        return children[0] if len(children) == 1 else None

    # Ending ----------------------------------------------------------------------------------------

    def end_load(self):
        """Ends the generator, which waits until all is acknowledged; returns its summary."""
        self.generator.ask_to_end()
        return json.loads(self.generator.finish(60, status=128 + signal.SIGTERM).splitlines()[-1])

    def ledger(self):
        """The broker's ledger once nothing is on its way, and whether it balances."""
        done = subprocess.run(
            [self.path("zcomet-ctl"), "--broker", BROKER, "--json", "ledger", "--wait", "20"],
            capture_output=True,
            text=True,
        )
        if not done.stdout:
            raise ProgramError(done.stderr.strip())
        return done.returncode == 0, json.loads(done.stdout)

    def await_delivered(self):
        """Until every stream has read what was written to it: after a cable was pulled the kernel waits
        longer and longer before it tries again."""
        await_event(
            "the web nodes' kernels have delivered",
            lambda: not any(waiting_bytes(node, SEND_QUEUE) for node in WEB_NODES),
        )
        await_event("the streams have read", lambda: not waiting_bytes("browsers", RECEIVE_QUEUE))

    def end_streams(self):
        """Ends every zcomet-floodtest, so that the logs are whole. Some have lost streams, by their status."""
        for flood in self.floods:
            flood.program.ask_to_end()
        for flood in self.floods:
            flood.program.finish(20, status=None)

    def reconcile(self):
        done = subprocess.run(
            [
                self.path("zcomet-ctl"),
                "--json",
                "reconcile",
                self.sent_log,
                *(flood.log for flood in self.floods),
            ],
            capture_output=True,
            text=True,
        )
        if not done.stdout:
            raise ProgramError(done.stderr.strip())
        return json.loads(done.stdout)

    # Clocks and disks ------------------------------------------------------------------------------

    def _clock_prefix(self):
        """Lets a program take CLOCK_REALTIME from a file, which no other program reads; all other clocks
        stay those of the machine."""
        if not self._own_clocks:
            return []
        return [
            "env",
            f"LD_PRELOAD={LIBRARY_OF_CLOCKS}",
            f"FAKETIME_TIMESTAMP_FILE={self._clock_file}",
            "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
        ]

    def set_clocks(self, ahead_s):
        """Steps the clock of the cluster's programs."""
        with open(self._clock_file + ".new", "w", encoding="utf-8") as file:
            file.write(f"{ahead_s:+d}\n")
        os.rename(self._clock_file + ".new", self._clock_file)

    def shown_clock(self):
        """What a program of the cluster takes for the time, in seconds."""
        return int(subprocess.check_output([*self._clock_prefix(), "date", "+%s"]))

    def fill_log_disk(self):
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
