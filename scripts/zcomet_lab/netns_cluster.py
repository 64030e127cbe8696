"""Runs the cluster of a cluster file on one machine, with network namespaces as its hosts.

Behind scripts/netns-cluster.
"""

import argparse
import ipaddress
import pathlib
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import tomllib

from zcomet_lab.comparison import Comparison, bold, dim, read_sent
from zcomet_lab.ctl import Ctl
from zcomet_lab.keys import Keys
from zcomet_lab.namespaces import (
    Network,
    NotPermitted,
    enter_private_namespaces,
    free_address,
    from_outside,
    on_host,
)
from zcomet_lab.programs import Argument, Program, ProgramError, Programs, end_on_signals
from zcomet_lab.skipping import skip

MESSAGES, INTERVAL_MS, IDS = 100, 10, 5
SENDING_TIMEOUT_S = 60
ARRIVAL_TIMEOUT_S = 10
# Where msggen and the streams run, if the file has no such hosts.
EXTRA_HOSTS = ("load", "browsers")


def make_token_key(folder: pathlib.Path) -> pathlib.Path:
    """A file in `folder` with a secret that signs tokens."""
    path = folder / "token.key"
    path.touch(mode=0o600)
    path.write_text(secrets.token_hex(32), encoding="ascii")
    return path


class ClusterFile:
    """The parts of a cluster file that this program needs; Zcomet's programs check all of it."""

    def __init__(self, path: str) -> None:
        """Raises ValueError if a host has a loopback address, KeyError for a missing key."""
        with open(path, "rb") as file:
            content = tomllib.load(file)
        self.path = pathlib.Path(path).absolute()
        self.addresses: dict[str, str] = {host["name"]: host["address"] for host in content["host"]}
        self.brokers: dict[str, str] = {
            broker.get("name", broker["host"]): broker["host"] for broker in content["broker"]
        }
        self.web_nodes: dict[str, str] = {node["name"]: node["host"] for node in content["webnode"]}
        self.has_keys = not any(broker.get("insecure", False) for broker in content["broker"])
        self.has_tokens = any("token_keys" in node for node in content["webnode"])
        for name, address in self.addresses.items():
            if ipaddress.ip_address(address).is_loopback:
                raise ValueError(
                    f"host {name} has the loopback address {address}; "
                    "hosts need addresses at which others reach them"
                )

    def hosts_without_programs(self) -> list[str]:
        """Two hosts without a program of the cluster, for msggen and the streams.

        They are added if the file has none.
        """
        busy = {*self.brokers.values(), *self.web_nodes.values()}
        for name in EXTRA_HOSTS:
            free = len(self.addresses.keys() - busy)
            if free < len(EXTRA_HOSTS) and name not in self.addresses:
                self.addresses[name] = free_address(self.addresses.values())
        return [name for name in self.addresses if name not in busy][: len(EXTRA_HOSTS)]


class NamespaceCluster:
    """The hosts, the programs on them, and the streams."""

    def __init__(self, cluster: ClusterFile, programs: Programs, folder: pathlib.Path) -> None:
        self._cluster = cluster
        self._programs = programs
        self.load_host, self.stream_host = cluster.hosts_without_programs()
        program = programs.path("zcomet-ctl")
        self._keys = Keys(program, folder) if cluster.has_keys else None
        self._tools_key: list[Argument] = self._key_of("tools", "sender,operator")
        self._token_key = make_token_key(folder) if cluster.has_tokens else None
        ctl = [program, "--cluster", str(cluster.path), *map(str, self._tools_key)]
        self._ctl_on_any_host = ctl
        self.ctl = Ctl(*on_host(self.load_host), *ctl)
        self.urls: dict[str, str] = {}
        self.comparison = Comparison([])

    def _key_of(self, name: str, roles: str) -> list[Argument]:
        """The option with a new key, where the cluster has keys."""
        return ["--key", self._keys.new(name, roles)] if self._keys else []

    def _token_keys(self) -> list[Argument]:
        """The option with the key of tokens, where the cluster wants tokens."""
        return ["--token-keys", self._token_key] if self._token_key else []

    def _query(self) -> str:
        """What stands behind the path of a stream: a token, where the cluster wants one."""
        if not self._token_key:
            return ""
        make: list[Argument] = [self._programs.path("zcomet-ctl"), "token"]
        make += ["--key", self._token_key, "--ids", "*", "--for", "1h"]
        made = subprocess.run(list(map(str, make)), capture_output=True, text=True, check=True)
        return f"?token={made.stdout.strip()}"

    def _start(self, host: str, program: str, *arguments: Argument, name: str) -> Program:
        options: list[Argument] = ["--cluster", self._cluster.path, *arguments]
        return self._programs.start(program, *options, name=name, prefix=on_host(host))

    def build_hosts(self) -> None:
        print(bold("Hosts, each a network namespace"))
        Network(self._cluster.addresses)
        for name, address in self._cluster.addresses.items():
            print(f"  {name:<12} {address}")

    def start_programs(self) -> None:
        print(bold("\nPrograms"))
        keys: list[Argument] = ["--keys", self._keys.directory] if self._keys else []
        for name, host in self._cluster.brokers.items():
            self._start(host, "zcomet-broker", "--host", name, *keys, name=name).await_ready()
            print(f"  {host:<12} broker {name}, {'with keys' if self._keys else 'insecure'}")
        nodes = {
            name: self._start(
                host,
                "zcomet-webnode",
                *("--node", name, *self._key_of(name, "node"), *self._token_keys()),
                name=f"web node {name}",
            )
            for name, host in self._cluster.web_nodes.items()
        }
        for name, node in nodes.items():
            self.urls[name] = node.await_ready()["http"]
            who = "for bearers of tokens" if self._token_key else "for everybody"
            print(
                f"  {self._cluster.web_nodes[name]:<12} web node {name}, {self.urls[name]}, {who}"
            )

    def open_streams(self) -> None:
        """Opens a stream for each id on each web node, all from one host."""
        placed = [(node, str(number)) for node in self.urls for number in range(1, IDS + 1)]
        print(
            bold(
                f"\n{len(placed)} streams from {self.stream_host}, "
                f"{MESSAGES} messages from {self.load_host}"
            ),
            flush=True,
        )
        self.comparison = Comparison(placed)
        query = self._query()
        streams = self._programs.start(
            sys.executable,
            *("-m", "zcomet_lab.streams"),
            *(f"{self.urls[node]}/test/{user_id}{query}" for node, user_id in placed),
            name="streams",
            prefix=on_host(self.stream_host),
        )
        streams.await_line("open")
        threading.Thread(target=self._read_streams, args=(streams,), daemon=True).start()
        self.ctl.await_logins(user_id for _, user_id in placed)

    def _read_streams(self, streams: Program) -> None:
        for line in streams.lines():
            index, number, text = line.split("\t", 2)
            self.comparison.received(int(index), int(number), text)

    def send_messages(self, sent_file: pathlib.Path) -> dict[str, int]:
        """Sends messages to random ids; returns how many went to each."""
        generator = self._start(
            self.load_host,
            "zcomet-msggen",
            *("--count", MESSAGES, "--interval", INTERVAL_MS, "--max", IDS, "--sent", sent_file),
            *self._tools_key,
            name="message generator",
        )
        generator.finish(SENDING_TIMEOUT_S)
        return read_sent(sent_file)

    def stay(self) -> None:
        """Leaves everything running until Ctrl-C."""
        url = next(iter(self.urls.values()))
        print("\n" + bold("The cluster stays up. From another terminal:"))
        for host, command in (
            (self.stream_host, ["curl", "-N", f"{url}/test/5{self._query()}"]),
            (self.load_host, [*self._ctl_on_any_host, "nodes"]),
            (self.load_host, [*self._ctl_on_any_host, "send", "5", "hello from another host"]),
        ):
            print("  " + shlex.join([*from_outside(host), *command]))
        print(dim("Ctrl-C ends it all."), flush=True)
        signal.pause()


def run(options: argparse.Namespace) -> int:
    """Returns the exit status."""
    cluster = ClusterFile(options.file)
    with (
        tempfile.TemporaryDirectory(prefix="zcomet-netns-") as folder,
        Programs(options.build) as programs,
    ):
        hosts = NamespaceCluster(cluster, programs, pathlib.Path(folder))
        hosts.build_hosts()
        hosts.start_programs()
        hosts.open_streams()
        sent = hosts.send_messages(pathlib.Path(folder) / "sent")
        hosts.comparison.await_all(sent, ARRIVAL_TIMEOUT_S)
        arrived = hosts.comparison.print_table(sent)
        arrived = hosts.ctl.print_ledger() and arrived
        if options.keep:
            hosts.stay()
        return 0 if arrived else 1


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/netns-cluster",
        description="Builds the hosts of a cluster file as network namespaces of this machine, "
        "runs the cluster on them, sends messages from one host to streams of another, and "
        "compares. The exit status is 0 if everything arrived, 77 if namespaces are not permitted "
        "here.",
    )
    parser.add_argument("file", help="the cluster file, as topology/examples/three-hosts.toml")
    parser.add_argument("--build", default="build", help=argparse.SUPPRESS)
    parser.add_argument(
        "--keep",
        action="store_true",
        help="leave the cluster running, say what to try, end it with Ctrl-C",
    )
    return parser.parse_args()


def main() -> int:
    options = parse_options()
    end_on_signals()
    try:
        enter_private_namespaces()
        return run(options)
    except KeyboardInterrupt:
        print()
        return 0 if options.keep else 130
    except NotPermitted as error:
        return skip(f"network namespaces are not permitted here ({error})")
    except (KeyError, IndexError) as error:
        print(f"netns-cluster: {options.file} does not have {error}", file=sys.stderr)
        return 1
    except (ProgramError, OSError, ValueError) as error:
        print(f"netns-cluster: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
