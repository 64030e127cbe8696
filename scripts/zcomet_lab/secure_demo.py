"""The demonstration behind `scripts/demo --secure`: who is served, and who is refused, with words.

Network namespaces are the hosts. The broker has keys, and the web nodes want tokens. Everybody who
has the right key or token is served. Each other attempt is refused, and shown with the words of
the program that refuses it. In the end the ledger shows that no message was lost or made up.
"""

import argparse
import dataclasses
import functools
import json
import operator
import pathlib
import re
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence

from zcomet_lab.comparison import GREEN, RED, bold, coloured, dim
from zcomet_lab.ctl import Ctl
from zcomet_lab.keys import Keys, claim_broker
from zcomet_lab.namespaces import Network, from_outside, on_host
from zcomet_lab.programs import Argument, Program, ProgramError, Programs
from zcomet_lab.waiting import await_true

HOSTS = {
    "broker": "198.18.0.1",
    "web1": "198.18.0.2",
    "web2": "198.18.0.3",
    "shop": "198.18.0.4",
    "admin": "198.18.0.5",
    "browser": "198.18.0.6",
    "stranger": "198.18.0.7",
}
"""From the range for tests of networks (RFC 2544)."""
NODES = ("web1", "web2")
KEYS = {
    "web1": ("node,sender", ""),
    "web2": ("node,sender", ""),
    "shop": ("sender", "shop.*"),
    "admin": ("operator", ""),
    "late": ("node", ""),
}
"""The roles of each key, and the ids that it may send to."""
BROKER = f"tcp://{HOSTS['broker']}:5555"
FEED = f"tcp://{HOSTS['broker']}:5556"
ID, OTHER_ID = "shop.1", "bank.1"
LIFE_S = 1
REQUEST_TIMEOUT_S = 10
# A revoked peer is gone within this time.
LIVENESS_S = 3.0
WIDTH = 42


class NotAsPromised(Exception):
    """Something was served that should be refused, or the reverse."""


@dataclasses.dataclass(frozen=True)
class Refusal:
    """Something that is tried and must be refused."""

    what: str
    wanted: str
    """What the words of the refusal must contain."""
    tried: Callable[["Scene"], str]
    """Tries it; returns the words of the program that refused it."""


class Scene:
    """The hosts, the cluster on them, its keys and its tokens."""

    def __init__(self, programs: Programs, folder: pathlib.Path) -> None:
        """Builds the hosts and makes the keys; starts nothing."""
        Network(HOSTS)
        self.programs, self.folder = programs, folder
        self._ctl = programs.path("zcomet-ctl")
        self.keys = Keys(self._ctl, folder)
        self.key = {name: self.keys.new(name, *allowed) for name, allowed in KEYS.items()}
        self.secret = folder / "token.key"
        self.secret.touch(0o600)
        self.secret.write_text(secrets.token_hex(32))
        self.admin = self.ctl("admin", "admin")
        self.shop = self.ctl("shop", "shop")
        self.nodes: dict[str, Program] = {}
        self.sent: list[str] = []
        """All messages to ID that were taken in."""
        self.shown: dict[str, list[str]] = {}
        """What came to the stream at each node."""
        self.broker: Program

    def ctl(self, host: str, key: str) -> Ctl:
        """zcomet-ctl on a host; `key`: the name of one; empty: without."""
        options = ["--key", str(self.key[key])] if key else []
        return Ctl(*on_host(host), self._ctl, "--broker", BROKER, *options)

    def start(self) -> None:
        self.broker = self.programs.start(
            "zcomet-broker", "--keys", self.keys.directory, prefix=on_host("broker")
        )
        self.broker.await_ready()
        for name in NODES:
            self.nodes[name] = self.start_node(name, name, name)
        for node in self.nodes.values():
            node.await_ready()

    def start_node(self, host: str, name: str, key: str) -> Program:
        """Starts a web node of this name with this key; does not wait for it."""
        address = HOSTS[host]
        return self.programs.start(
            "zcomet-webnode",
            *("--broker", BROKER, "--key", self.key[key], "--name", name),
            *("--http", f"{address}:8000", "--auth", "token", "--api", f"{address}:8008"),
            *("--api-auth", "token", "--token-keys", self.secret, "--token-leeway", "0s"),
            name=f"web node {name}",
            prefix=on_host(host),
        )

    def header(self, *claims: Argument) -> pathlib.Path:
        """A file with the header for curl that shows a new token: no secret on a command line."""
        done = Ctl(self._ctl).run("token", "--key", self.secret, *claims)
        if done.returncode != 0:
            raise ProgramError(done.stderr)
        file = self.folder / f"header-{secrets.token_hex(4)}"
        file.touch(0o600)
        file.write_text(f"Authorization: Bearer {done.stdout.strip()}\n")
        return file

    def open_stream(self, node: str, header: pathlib.Path) -> Program:
        """The stream of ID at a node, as JSON lines."""
        command = ["-sN", "-H", f"@{header}", f"http://{HOSTS[node]}:8000/lines/{ID}"]
        return self.programs.start(
            "/usr/bin/curl", *command, name=f"stream at {node}", prefix=on_host("browser")
        )

    def watch(self, node: str) -> None:
        """Opens the stream at a node, and notes what comes."""
        stream = self.open_stream(node, self.header("--ids", "shop.*", "--for", "1h"))
        shown = self.shown[node] = []

        def note() -> None:
            for line in stream.lines():
                if line:  # the others are signs of life
                    shown.append(json.loads(line)["data"])

        threading.Thread(target=note, daemon=True).start()
        await_true(f"{node} has the stream", lambda: self.admin.nodes_of(ID) == len(self.shown))

    def curl(self, host: str, *arguments: Argument) -> tuple[int, str]:
        """The status of the answer, and its body."""
        command = [*on_host(host), "/usr/bin/curl", "-s", "-w", "\n%{http_code}", "-m", "5"]
        done = subprocess.run(
            [*command, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=REQUEST_TIMEOUT_S,
            check=False,
        )
        body, _, status = done.stdout.rpartition("\n")
        return int(status or 0), body.strip()

    def await_shown(self, nodes: Sequence[str] = NODES) -> None:
        """Waits until the streams at these nodes show all that was sent, in order and nothing else.

        Raises NotInTime otherwise.
        """
        for node in nodes:
            shown = self.shown[node]
            await_true(
                functools.partial("{} shows {} (it shows {})".format, node, self.sent, shown),
                functools.partial(operator.eq, shown, self.sent),
                REQUEST_TIMEOUT_S,
            )

    def send(self, text: str) -> str:
        """The shop sends a message; returns what zcomet-ctl says of it."""
        done = self.shop.run("send", "--ack", ID, text)
        if done.returncode != 0:
            raise NotAsPromised(f"the shop's message was refused: {done.stderr.strip()}")
        self.sent.append(text)
        return done.stdout.strip()


def said(program: Program, event: str, words: str) -> str:
    """Waits for a line of a program's log with both; returns the program's name and the text."""
    pattern = re.compile(rf'(\S+) \w+ event={event} .*text="(.*{re.escape(words)}.*?)"( |$)', re.M)
    found = await_true(f"a log line has {words}", lambda: pattern.search(program.log()))
    return f"{found[1]}: {found[2]}"


def complaint(ctl: Ctl, *command: str) -> str:
    """What zcomet-ctl says when it fails."""
    done = ctl.run(*command)
    return done.stderr.strip() if done.returncode != 0 else f"served: {done.stdout.strip()}"


def answer(status: int, body: str) -> str:
    return body if status >= 400 else f"served: {status}"


# ---- What is tried, and must be refused ----------------------------------------------------------


def broker_without_keys(scene: Scene) -> str:
    listen = f"tcp://{HOSTS['stranger']}:5555"
    program = scene.programs.path("zcomet-broker")
    return complaint(Ctl(*on_host("stranger"), program, "--listen", listen))


def no_key(scene: Scene) -> str:
    return complaint(scene.ctl("stranger", ""), "nodes")


def wrong_key(scene: Scene) -> str:
    """A key that was made on another host, with this broker's public key in its file."""
    others = Keys(scene.programs.path("zcomet-ctl"), scene.folder, "keys-of-a-stranger")
    file = others.new("stranger", "operator")
    claim_broker(file, scene.key["admin"])
    scene.key["stranger"] = file
    return complaint(scene.ctl("stranger", "stranger"), "nodes")


def wrong_role(scene: Scene) -> str:
    return complaint(scene.shop, "nodes")


def node_with_key_of_sender(scene: Scene) -> str:
    program = scene.start_node("shop", "shop", "shop")
    words = said(program, "refused", "not the role node")
    scene.programs.end(program)
    return words


def foreign_id(scene: Scene) -> str:
    return complaint(scene.shop, "send", OTHER_ID, "your account is empty")


def foreign_name(scene: Scene) -> str:
    program = scene.start_node("stranger", "web1", "late")
    words = said(program, "refused", "name belongs")
    scene.programs.end(program)
    return words


def unsubscribe(scene: Scene) -> str:
    """web2's key says that the subscription of web1's topic has ended."""
    [incarnation] = [
        node["incarnation"] for node in scene.admin.json("nodes") if node["name"] == "web1/1"
    ]
    program = scene.programs.start(
        sys.executable,
        *("-m", "zcomet_lab.unsubscribing", scene.key["web2"], FEED, incarnation),
        name="unsubscriber",
        prefix=on_host("stranger"),
    )
    program.finish(REQUEST_TIMEOUT_S)
    words = said(scene.broker, "refused", "subscribe to that topic")
    scene.send("web1 still hears its topic")
    scene.await_shown()
    return words


def no_token(scene: Scene) -> str:
    return answer(*scene.curl("browser", f"http://{HOSTS['web1']}:8000/lines/{ID}"))


def expired_token(scene: Scene) -> str:
    """The token opens a stream, which ends when the token expires; then it opens none."""
    header = scene.header("--ids", "shop.*", "--for", f"{LIFE_S}s")
    began = time.monotonic()
    stream = scene.open_stream("web1", header)
    stream.finish(REQUEST_TIMEOUT_S)
    if time.monotonic() - began > LIFE_S + REQUEST_TIMEOUT_S / 2:
        raise NotAsPromised("the stream outlived its token")
    url = f"http://{HOSTS['web1']}:8000/lines/{ID}"
    return answer(*scene.curl("browser", "-H", f"@{header}", url))


def listening_token_that_publishes(scene: Scene) -> str:
    header = scene.header("--ids", "shop.*")
    url = f"http://{HOSTS['web1']}:8008/send/{ID}"
    return answer(*scene.curl("browser", "-H", f"@{header}", "-d", "cheap!", url))


def foreign_host(scene: Scene) -> str:
    """What a page of evil.example gets that has its own name pointed to the web node."""
    header = scene.header("--ids", "shop.*")
    url = f"http://{HOSTS['web1']}:8000/lines/{ID}"
    return answer(*scene.curl("browser", "-H", f"@{header}", "-H", "Host: evil.example", url))


def revoked_key(scene: Scene) -> str:
    """web2 is a living node with a stream."""
    node = scene.nodes["web2"]
    began = time.monotonic()
    scene.keys.revoke("web2")
    await_true("web2 is gone", lambda: scene.admin.nodes_of(ID) == 1)
    if time.monotonic() - began > LIVENESS_S:
        raise NotAsPromised("the node outlived its key")
    return said(node, r"\S+", "does not allow this key")


REFUSALS = (
    Refusal("a broker for others, started without keys", "--keys", broker_without_keys),
    Refusal("no key", "wants a key", no_key),
    Refusal("a wrong key", "does not allow this key", wrong_key),
    Refusal("a wrong role: a sender asks for the nodes", "role operator", wrong_role),
    Refusal("a wrong role: a sender's key for a node", "role node", node_with_key_of_sender),
    Refusal(f"the shop's key sends to {OTHER_ID}", "does not let this key send", foreign_id),
    Refusal("a foreign name: another key joins as web1", "another key", foreign_name),
    Refusal("web2 unsubscribes web1's topic", "may not subscribe", unsubscribe),
    Refusal("no token", "401", no_token),
    Refusal("an expired token", "expired", expired_token),
    Refusal("a token for listening publishes", "403", listening_token_that_publishes),
    Refusal("a foreign Host", "421", foreign_host),
    Refusal("a revoked key: web2's, while it serves", "does not allow this key", revoked_key),
)
"""The last one takes web2 away."""


# ---- What is shown -------------------------------------------------------------------------------


def print_line(what: str, words: str, right: bool = True) -> None:
    mark = coloured("ok ", GREEN) if right else coloured("NOT", RED)
    print(f"  {mark} {what:<{WIDTH}} {dim(words)}", flush=True)


def show_cluster(scene: Scene) -> None:
    print(bold("Hosts, each a network namespace"))
    for name, address in HOSTS.items():
        print(f"  {name:<10} {address}")
    print(bold("\nKeys, made by zcomet-ctl keys"))
    for name, (roles, ids) in KEYS.items():
        print(f"  {name:<10} {roles}{f', to {ids}' if ids else ''}")
    print(bold("\nPrograms"))
    scene.start()
    print("  broker     zcomet-broker --keys keys")
    for name in NODES:
        print(f"  {name:<10} zcomet-webnode --key {name}.key --auth token --api-auth token …")


def show_served(scene: Scene) -> None:
    """Raises NotAsPromised or NotInTime if somebody is not served."""
    print(bold("\nServed, with the right key or token"))
    for node in NODES:
        scene.watch(node)
        print_line(f"a browser listens to {ID} at {node}", "its token is for shop.*")
    print_line("the shop sends, with its key", scene.send("hello by key"))
    header = scene.header("--publish", "shop.*")
    url = f"http://{HOSTS['web1']}:8008/send/{ID}"
    text = "hello by token"
    status, body = scene.curl("shop", "-H", f"@{header}", "-d", text, url)
    if status != 200:
        raise NotAsPromised(f"POST /send/{ID} with a token: {status} {body}")
    scene.sent.append(text)
    print_line("the shop's backend sends, with a token", f"{status} {body}")
    scene.await_shown()
    nodes = [node["name"] for node in scene.admin.json("nodes")]
    print_line("the operator asks for the nodes", ", ".join(nodes))
    print_line("both streams show all messages", ", ".join(scene.sent))


def show_refused(scene: Scene) -> bool:
    """Returns whether everything is refused, with the words that are due."""
    print(bold("\nRefused, each in the words of the program that refuses it"))
    right = True
    for refusal in REFUSALS:
        try:
            words = refusal.tried(scene)
        except (NotAsPromised, ProgramError, subprocess.SubprocessError) as error:
            words = f"served: {error}"
        is_refused = refusal.wanted in words and not words.startswith("served")
        right = right and is_refused
        print_line(refusal.what, words, is_refused)
    return right


def show_end(scene: Scene) -> bool:
    """The rest goes on, and the ledger balances."""
    print(bold("\nAfter all that"))
    print_line("the shop sends, with its key", scene.send("web1 serves as before"))
    scene.await_shown(["web1"])
    print_line("the stream at web1 shows all messages", f"{len(scene.sent)}, and nothing else")
    print(bold("\nThe ledger: what became of every message, by what each part has counted"))
    return scene.admin.print_ledger()


def stay(scene: Scene) -> None:
    """Leaves the cluster running until Ctrl-C."""
    header = scene.header("--ids", "shop.*", "--for", "1h")
    print("\n" + bold("The cluster stays up. From another terminal:"))
    for host, command in (
        ("browser", ["curl", "-N", "-H", f"@{header}", f"http://{HOSTS['web1']}:8000/lines/{ID}"]),
        ("browser", ["curl", "-N", f"http://{HOSTS['web1']}:8000/lines/{ID}"]),
        ("shop", [*scene.ctl("shop", "shop").command, "send", ID, "hello"]),
        ("stranger", [*scene.ctl("stranger", "stranger").command, "nodes"]),
    ):
        # The command of a Ctl begins with its host.
        words = command[len(on_host(host)) :] if command[0] == "ip" else command
        print("  " + shlex.join([*from_outside(host), *words]))
    print(dim("Ctrl-C ends it all."), flush=True)
    signal.pause()


def run(options: argparse.Namespace) -> int:
    """Returns the exit status: 0 if all this holds. Runs inside private namespaces."""
    with (
        tempfile.TemporaryDirectory(prefix="zcomet-demo-") as folder,
        Programs(options.build) as programs,
    ):
        scene = Scene(programs, pathlib.Path(folder))
        show_cluster(scene)
        try:
            show_served(scene)
            right = show_refused(scene)
            right = show_end(scene) and right
        except NotAsPromised as error:
            raise ProgramError(str(error)) from error
        count = len(REFUSALS)
        if right:
            print("\n" + coloured(f"{count} of {count} refused, everything else served.", GREEN))
        else:
            print("\n" + coloured("Not everything is as it should be.", RED))
        if options.keep:
            stay(scene)
        return 0 if right else 1
