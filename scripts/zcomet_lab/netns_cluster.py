"""Runs the cluster of a cluster file on one machine, with network namespaces as its hosts; behind
scripts/netns-cluster."""

import argparse
import ipaddress
import os
import shlex
import signal
import sys
import tempfile
import threading
import tomllib

from zcomet_lab.comparison import Comparison, bold, dim, read_sent
from zcomet_lab.ledger import print_ledger
from zcomet_lab.logins import await_logins
from zcomet_lab.namespaces import (
    Network,
    NotPermitted,
    enter_private_namespaces,
    free_address,
    from_outside,
    on_host,
)
from zcomet_lab.programs import ProgramError, Programs, end_on_signals

MESSAGES, INTERVAL_MS, IDS = 100, 10, 5
ARRIVAL_TIMEOUT_S = 10
# Where msggen and the streams run, if the file has no such hosts.
EXTRA_HOSTS = ("load", "browsers")
NOT_PERMITTED = 77


class ClusterFile:
    """What this script wants to know of a cluster file; the programs check it in full."""

    def __init__(self, path):
        with open(path, "rb") as file:
            content = tomllib.load(file)
        self.path = os.path.abspath(path)
        self.addresses = {host["name"]: host["address"] for host in content["host"]}
        self.broker_host = content["broker"][0]["host"]
        self.web_nodes = {node["name"]: node["host"] for node in content["webnode"]}
        for name, address in self.addresses.items():
            if ipaddress.ip_address(address).is_loopback:
                raise ValueError(
                    f"host {name} has the loopback address {address}; "
                    "hosts want addresses at which others reach them"
                )

    def hosts_without_programs(self):
        """Two hosts that run nothing of the cluster, for msggen and the streams; added if need be."""
        busy = {self.broker_host, *self.web_nodes.values()}
        for name in EXTRA_HOSTS:
            if len(self.addresses.keys() - busy) < len(EXTRA_HOSTS) and name not in self.addresses:
                self.addresses[name] = free_address(self.addresses.values())
        return [name for name in self.addresses if name not in busy][: len(EXTRA_HOSTS)]


class NamespaceCluster:
    def __init__(self, build, cluster, programs):
        self._build = build
        self._cluster = cluster
        self._programs = programs
        self.load_host, self.stream_host = cluster.hosts_without_programs()
        self.urls = {}
        self.comparison = None

    def path(self, folder, name):
        return os.path.join(self._build, folder, name)

    def _start(self, host, program, arguments, name):
        return self._programs.start(
            program, ["--cluster", self._cluster.path, *arguments], name=name, prefix=on_host(host)
        )

    def _ctl(self):
        return [self.path("tools", "zcomet-ctl"), "--cluster", self._cluster.path]

    def print_ledger(self):
        return print_ledger([*on_host(self.load_host), *self._ctl()])

    def build_hosts(self):
        print(bold("Hosts, each a network namespace"))
        Network(self._cluster.addresses)
        for name, address in self._cluster.addresses.items():
            print(f"  {name:<12} {address}")

    def start_programs(self):
        print(bold("\nPrograms"))
        host = self._cluster.broker_host
        self._start(
            host, self.path("broker", "zcomet-broker"), ["--host", host], "broker"
        ).await_ready()
        print(f"  {host:<12} broker")
        nodes = {
            name: self._start(
                host, self.path("webnode", "zcomet-webnode"), ["--node", name], f"web node {name}"
            )
            for name, host in self._cluster.web_nodes.items()
        }
        for name, node in nodes.items():
            self.urls[name] = node.await_ready()["http"]
            print(f"  {self._cluster.web_nodes[name]:<12} web node {name}, {self.urls[name]}")

    def open_streams(self):
        """A stream for each id on each web node, all from one host."""
        placed = [(node, str(number)) for node in self.urls for number in range(1, IDS + 1)]
        print(
            bold(
                f"\n{len(placed)} streams from {self.stream_host}, "
                f"{MESSAGES} messages from {self.load_host}"
            ),
            flush=True,
        )
        self.comparison = Comparison(placed)
        urls = [f"{self.urls[node]}/test/{user_id}" for node, user_id in placed]
        streams = self._programs.start(
            sys.executable,
            ["-m", "zcomet_lab.streams", *urls],
            name="streams",
            prefix=on_host(self.stream_host),
        )
        streams.await_line("open")
        threading.Thread(target=self._read_streams, args=(streams,), daemon=True).start()
        await_logins([*on_host(self.load_host), *self._ctl()], [user_id for _, user_id in placed])

    def _read_streams(self, streams):
        for line in streams.lines():
            index, number, text = line.split("\t", 2)
            self.comparison.received(int(index), int(number), text)

    def send_messages(self, sent_file):
        generator = self._start(
            self.load_host,
            self.path("tools", "zcomet-msggen"),
            ["--count", MESSAGES, "--interval", INTERVAL_MS, "--max", IDS, "--sent", sent_file],
            "message generator",
        )
        generator.finish(timeout_s=60)
        return read_sent(sent_file)

    def stay(self):
        """Leaves everything up until Ctrl-C."""
        url = next(iter(self.urls.values()))
        print("\n" + bold("The cluster stays up. From another terminal:"))
        for host, command in (
            (self.stream_host, ["curl", "-N", f"{url}/test/5"]),
            (self.load_host, [*self._ctl(), "nodes"]),
            (self.load_host, [*self._ctl(), "send", "5", "hello from another host"]),
        ):
            print("  " + shlex.join([*from_outside(host), *command]))
        print(dim("Ctrl-C ends it all."), flush=True)
        signal.pause()


def run(options):
    cluster = ClusterFile(options.file)
    with tempfile.TemporaryDirectory(prefix="zcomet-netns-") as folder, Programs() as programs:
        hosts = NamespaceCluster(options.build, cluster, programs)
        hosts.build_hosts()
        hosts.start_programs()
        hosts.open_streams()
        sent = hosts.send_messages(os.path.join(folder, "sent"))
        hosts.comparison.await_all(sent, ARRIVAL_TIMEOUT_S)
        arrived = hosts.comparison.print_table(sent)
        arrived = hosts.print_ledger() and arrived
        if options.keep:
            hosts.stay()
        return 0 if arrived else 1


def parse_options():
    parser = argparse.ArgumentParser(
        prog="scripts/netns-cluster",
        description="Builds the hosts of a cluster file as network namespaces of this machine, runs "
        "the cluster on them, sends messages from one host to streams of another, and compares. "
        "The exit status is 0 if everything arrived, 77 if namespaces are not permitted here.",
    )
    parser.add_argument("file", help="the cluster file, as topology/examples/three-hosts.toml")
    parser.add_argument("--build", default="build", help=argparse.SUPPRESS)
    parser.add_argument(
        "--keep",
        action="store_true",
        help="leave the cluster running, say what to try, end it with Ctrl-C",
    )
    return parser.parse_args()


def main():
    options = parse_options()
    end_on_signals()
    try:
        enter_private_namespaces()
        return run(options)
    except KeyboardInterrupt:
        print()
        return 0 if options.keep else 130
    except NotPermitted as error:
        print(f"skipped: network namespaces are not permitted here ({error})")
        return NOT_PERMITTED
    except (KeyError, IndexError) as error:
        print(f"netns-cluster: {options.file} lacks {error}", file=sys.stderr)
        return 1
    except (ProgramError, OSError, ValueError) as error:
        print(f"netns-cluster: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
