"""Keys between hosts: who reaches a broker with keys, and what each of them may do there.

A web node, a sender and an operator with their keys are served. Without a key, with a key that is
not allowed, or for another broker nobody gets in, and both sides say why. Strangers with a key of
the lowest role try what an open broker lets everybody do: they get nothing, and the others notice
nothing. Keys come and go while the broker runs. No secret is in a log or in a command line.
A broker that other machines would reach does not start without keys.

usage: keys.py BUILD      (the build directory)
"""

import contextlib
import json
import os
import pathlib
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from zcomet_lab.cluster import FREE_HTTP_PORT, FREE_PORT, WebNode
from zcomet_lab.ctl import Ctl
from zcomet_lab.keys import claim_broker, values_of
from zcomet_lab.lines import Lines
from zcomet_lab.processes import processes_of
from zcomet_lab.programs import Programs
from zcomet_lab.publishing import Backend
from zcomet_lab.waiting import await_true

from pyzmq import Context, zmq  # before the others: ends the test where pyzmq is missing

import curve
import wire
import zmtp

NOT_ALLOWED = 12
TIMEOUT_MS = 10_000
SILENCE_MS = 300
BAD_OPTIONS = 2
LIVENESS_S = 3
# Of one connection.
TOPICS_MAX = 16


class Scene:
    """A broker with keys, a web node with a stream of id `a`, and whatever the checks add."""

    def __init__(self, programs: Programs, folder: pathlib.Path) -> None:
        self.programs, self.folder = programs, folder
        self.keys = folder / "keys"
        self.context: Context = zmq.Context()
        self._ctl = programs.path("zcomet-ctl")
        self.run("keys", "init", self.keys, "--name", "b1")
        for name, *options in (
            ("web", "--role", "node,sender"),
            ("other", "--role", "node"),
            ("shop", "--role", "sender", "--ids", "shop.*", "--ids", "a"),
            ("admin", "--role", "operator"),
        ):
            self.new(name, *options)
        self.broker = programs.start(
            "zcomet-broker",
            *("--listen", FREE_PORT, "--feed", FREE_PORT, "--keys", self.keys),
            name="broker",
        )
        ready = self.broker.await_ready()
        self.listen, self.feed = ready["listen"], ready["feed"]
        self.ctl = Ctl(self._ctl, "--broker", self.listen, "--key", self.key("admin"))
        self.node = self.start_node("web")
        self.node.await_ready()
        self.stream = Lines(self.node.http.removeprefix("http://"), "/lines/a")
        self.ctl.await_logins(["a"])

    def start_node(self, key: str) -> WebNode:
        options = ("--key", self.key(key), "--api", FREE_HTTP_PORT)
        return WebNode(self.programs, self.listen, *options, name=key)

    def key(self, name: str) -> pathlib.Path:
        return self.folder / f"{name}.key"

    def run(self, *arguments: str | pathlib.Path) -> str:
        done = subprocess.run(
            [self._ctl, *arguments], capture_output=True, text=True, check=False, timeout=20
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def new(self, name: str, *options: str) -> None:
        self.run("keys", "new", name, "--keys", self.keys, "--out", self.key(name), *options)

    def revoke(self, name: str) -> None:
        self.run("keys", "revoke", name, "--keys", self.keys)

    def refusal(self, key: pathlib.Path | None, *command: str) -> str:
        """Why zcomet-ctl with this key fails."""
        options = [] if key is None else ["--key", str(key)]
        done = Ctl(self._ctl, "--broker", self.listen, *options).run(*command)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def counter(self, name: str) -> int:
        counters: dict[str, int] = self.ctl.json("stats")["counters"]
        return counters[name]

    def log_has(self, pattern: str) -> None:
        await_true(f"the broker logs {pattern}", lambda: re.search(pattern, self.broker.log()))

    def send(self, text: str) -> None:
        """The stream shows a message; so nothing is wrong with node, feed and sender."""
        told = Backend(self.node.api.removeprefix("http://")).send("a", text)
        assert told["nodes"] == 1, told
        assert json.loads(self.stream.next()) == {"id": "a", "data": text}

    def socket(self, kind: int, key: str) -> "zmq.Socket[bytes]":
        socket = self.context.socket(kind)
        values = values_of(self.key(key))
        socket.linger = 0
        socket.curve_publickey, socket.curve_secretkey = values["public"], values["secret"]
        socket.curve_serverkey = values["broker"]
        return socket


class Peer:
    """A DEALER with a key."""

    def __init__(self, scene: Scene, key: str) -> None:
        self.socket = scene.socket(zmq.DEALER, key)
        self.socket.connect(scene.listen)

    def hear(self) -> bytes:
        assert self.socket.poll(TIMEOUT_MS), "the broker does not answer"
        return self.socket.recv()

    def ask(self, frame: bytes) -> bytes:
        self.socket.send(frame)
        return self.hear()

    def is_refused(self, frame: bytes, text: str) -> None:
        code, _, said = wire.read_error(self.ask(frame))
        assert code == NOT_ALLOWED and text in said, (code, said)


@contextlib.contextmanager
def peer(scene: Scene, key: str) -> Iterator[Peer]:
    one = Peer(scene, key)
    yield one
    one.socket.close()


def node_of(scene: Scene) -> tuple[int, bytes]:
    """Incarnation and name of the web node's worker."""
    [node] = [node for node in scene.ctl.json("nodes") if node["name"].startswith("web")]
    return int(node["incarnation"], 16), node["name"].encode()


def check_strangers(scene: Scene) -> None:
    """Whoever has no key that is allowed here gets a clear line, and so does the broker's log."""
    assert "wants a key" in scene.refusal(None, "nodes")
    scene.log_has('event=handshake-failed socket=listen .*text="it has no key')
    elsewhere = scene.folder / "elsewhere"
    scene.run("keys", "init", elsewhere)
    foreign = scene.folder / "foreign.key"
    options = ("--keys", elsewhere, "--role", "operator", "--out", foreign)
    scene.run("keys", "new", "foreign", *options)
    assert "has another key" in scene.refusal(foreign, "--timeout", "1", "nodes")
    # A key of a foreign directory, with this broker's key in it.
    claim_broker(foreign, scene.key("admin"))
    assert "does not allow this key" in scene.refusal(foreign, "nodes")
    scene.log_has("event=key-refused socket=listen key=- ")
    assert scene.counter("handshakes_refused") >= 1
    assert scene.counter("handshakes_failed") >= 2

    plain = WebNode(scene.programs, scene.listen, name="plain").program
    await_true("a node without a key says so", lambda: "wants a key" in plain.log())
    scene.programs.end(plain)
    plain_broker = scene.programs.start(
        "zcomet-broker", *("--listen", FREE_PORT, "--feed", FREE_PORT), name="plain broker"
    )
    listen = plain_broker.await_ready()["listen"]
    done = Ctl(scene.programs.path("zcomet-ctl"), "--broker", listen).run(
        "--key", scene.key("admin"), "nodes"
    )
    assert "takes no keys" in done.stderr, done.stderr
    scene.programs.end(plain_broker)


def check_files(scene: Scene) -> None:
    """A secret that others may read is not used."""
    key = scene.key("admin")
    key.chmod(0o640)
    done = scene.ctl.run("nodes")
    assert done.returncode == BAD_OPTIONS and "others may read" in done.stderr, done.stderr
    key.chmod(0o600)
    done = Ctl(scene.programs.path("zcomet-broker"), "--keys", scene.folder / "none").run()
    assert done.returncode == BAD_OPTIONS and "zcomet-ctl keys init" in done.stderr, done.stderr
    environment = os.environ | {"ZCOMET_KEY": str(key)}
    command = [scene.programs.path("zcomet-ctl"), "--broker", scene.listen, "nodes"]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=20)


def check_refusal(scene: Scene) -> None:
    """A broker that other machines would reach says what to type, and that works as it is said."""
    program = scene.programs.path("zcomet-broker")
    listen = ("--listen", "tcp://*:*", "--feed", FREE_PORT)
    done = Ctl(program, *listen).run()
    assert done.returncode == BAD_OPTIONS and done.stderr.count("\n") == 1, done
    make, start = re.findall(r"(zcomet-\w+ .*? DIR)", done.stderr)
    folder = str(scene.folder / "as-said")
    scene.run(*make.replace("DIR", folder).split()[1:])
    name, *options = start.replace("DIR", folder).split()
    broker = scene.programs.start(name, *options, "--listen", FREE_PORT, "--feed", FREE_PORT)
    broker.await_ready()
    assert "event=insecure" not in broker.log()
    scene.programs.end(broker)


def check_insecure(scene: Scene) -> None:
    """With --insecure it starts without keys, and says so, as does zcomet-ctl nodes."""
    options = ("--insecure", "--listen", FREE_PORT, "--feed", FREE_PORT)
    broker = scene.programs.start("zcomet-broker", *options, name="insecure broker")
    listen = broker.await_ready()["listen"]
    await_true("it says so", lambda: f"event=insecure listen={listen}" in broker.log())
    node = WebNode(scene.programs, listen, name="insecure").await_ready()
    ctl = Ctl(scene.programs.path("zcomet-ctl"), "--broker", listen)
    assert [one["insecure"] for one in ctl.json("nodes")] == [True]
    assert ctl.run("nodes").stdout.endswith("\ninsecure: the broker asks for no keys\n")
    assert "insecure" not in scene.ctl.run("nodes").stdout
    scene.programs.end(node.program)
    scene.programs.end(broker)


def check_roles(scene: Scene) -> None:
    name = b"thief"
    with peer(scene, "shop") as shop:
        shop.is_refused(wire.hello(7, wire.NODE, name), "role node")
        for what in (b"nodes", b"stats", b"ledger"):
            shop.is_refused(wire.query(1, what), "role operator")
        shop.is_refused(wire.query(1, b"who", b"b"), "about that id")
        assert b"web" in wire.read_answer(shop.ask(wire.query(1, b"who", b"a")))[1]
        wire.read_sender_welcome(shop.ask(wire.hello(8, wire.SENDER, name)))
        shop.is_refused(wire.history(1, 0, 0, b"a"), "role node")
        for acknowledge, kind in ((False, wire.RECEIPT), (True, wire.ACKNOWLEDGED)):
            first = 3 if acknowledge else 1
            shop.socket.send(
                wire.send(
                    first,
                    [(b"b", b"x"), (b"shop.1", b"y")],
                    receipt=not acknowledge,
                    acknowledge=acknowledge,
                )
            )
            while wire.Reader(frame := shop.hear()).kind != kind:
                pass
            assert wire.read_outcomes(frame).nodes == [wire.NOT_ALLOWED, 0], frame
        shop.is_refused(wire.send(5, [(b"b", b"x")]), "may not send to that id")
    with peer(scene, "other") as other:
        other.is_refused(wire.hello(9, wire.SENDER, name), "role sender")
        other.is_refused(wire.query(1, b"who", b"a"), "about that id")
        wire.read_node_welcome(other.ask(wire.hello(10, wire.NODE, b"other")))
        _, text = wire.read_answer(other.ask(wire.query(1, b"nodes")))
        assert [node["name"] for node in json.loads(text)] == ["other"], text
        other.socket.send(wire.header(wire.GOODBYE))
    with peer(scene, "admin") as admin:
        admin.is_refused(wire.hello(11, wire.NODE, b"admin"), "role node")
        wire.read_sender_welcome(admin.ask(wire.hello(12, wire.SENDER, b"admin")))
    assert scene.counter("messages_not_allowed") == 3
    assert scene.counter("errors_not_allowed") >= 10
    scene.log_has("event=refused code=not-allowed")
    scene.send("after roles")


def check_theft(scene: Scene) -> None:
    """A node with a key of its own cannot be another node, nor hear or end its feed."""
    incarnation, name = node_of(scene)
    with peer(scene, "other") as thief:
        thief.is_refused(wire.hello(20, wire.NODE, name), "name belongs to another key")
        thief.is_refused(wire.hello(incarnation, wire.NODE, name), "incarnation belongs")
    topic = wire.u64(incarnation)
    before = scene.counter("subscriptions_refused")
    sub = scene.socket(zmq.SUB, "other")
    sub.connect(scene.feed)
    for prefix in (b"", topic, topic[:4]):
        sub.subscribe(prefix)
    await_true("all are refused", lambda: scene.counter("subscriptions_refused") >= before + 3)
    # The end of a subscription that it never had: libzmq's own sockets would not say it.
    with curve.Peer(scene.feed, values_of(scene.key("other")), b"SUB") as liar:
        liar.say(b"\x00" + topic)
        await_true("that is refused", lambda: scene.counter("subscriptions_refused") >= before + 4)
    for number in range(3):
        scene.send(f"secret {number}")
    assert not sub.poll(SILENCE_MS), "a stranger hears the feed"
    sub.close()
    time.sleep(SILENCE_MS / 1000)
    scene.send("after theft")
    # Nobody but nodes gets to the feed at all.
    scene.log_has("event=keys ")
    sub = scene.socket(zmq.SUB, "shop")
    sub.connect(scene.feed)
    scene.log_has("event=key-refused socket=feed key=shop")
    sub.close()


def check_many_subscribers(scene: Scene) -> None:
    """Subscribers that end at once: libzmq 4.3.4 does not look whether they are still there."""
    for _ in range(300):
        sub = scene.socket(zmq.SUB, "other")
        sub.subscribe(wire.u64(secrets.randbits(63) + 1))
        sub.connect(scene.feed)
        if secrets.randbits(1):
            sub.poll(2)
        sub.close()
    scene.send("after many")


def check_many_topics(scene: Scene) -> None:
    """A connection with very many topics is ended: libzmq keeps a kilobyte for each."""
    before = scene.counter("subscriptions_refused")
    with curve.Peer(scene.feed, values_of(scene.key("other")), b"SUB") as peer:
        topics = [b"\x01" + wire.u64(secrets.randbits(63) + 1) for _ in range(TOPICS_MAX)]
        peer.say(*topics)
        scene.send("beside topics")
        peer.say(topics[0])
        assert zmtp.is_closed_by_other_side(peer.socket), "it may have any number of topics"
    assert scene.counter("subscriptions_refused") == before + 1
    scene.send("after many topics")


def check_names(scene: Scene) -> None:
    """A name belongs to its key also while nobody has it; revoking the key makes it free."""
    name = b"shared"
    scene.new("first", "--role", "node")
    await_true("it is let in", lambda: "added=first" in scene.broker.log())
    with peer(scene, "first") as first:
        wire.read_node_welcome(first.ask(wire.hello(30, wire.NODE, name)))
        first.socket.send(wire.header(wire.GOODBYE))
        wire.read_node_welcome(first.ask(wire.hello(31, wire.NODE, name)))
        first.socket.send(wire.header(wire.GOODBYE))
    with peer(scene, "other") as other:
        other.is_refused(wire.hello(32, wire.NODE, name), "name belongs to another key")
        scene.revoke("first")
        await_true("it is revoked", lambda: "revoked=first" in scene.broker.log())
        wire.read_node_welcome(other.ask(wire.hello(32, wire.NODE, name)))
        other.socket.send(wire.header(wire.GOODBYE))


def check_changes(scene: Scene) -> None:
    """A node is let in a moment after its key, and gone a moment after that was revoked."""
    late = scene.folder / "late.key"
    elsewhere = scene.folder / "elsewhere"
    scene.run("keys", "new", "late", "--keys", elsewhere, "--role", "node", "--out", late)
    claim_broker(late, scene.key("web"))
    node = WebNode(scene.programs, scene.listen, "--key", late, name="late")
    await_true("it is refused", lambda: "does not allow this key" in node.program.log())
    (scene.keys / "allowed" / "late.pub").write_text(
        (elsewhere / "allowed" / "late.pub").read_text()
    )
    node.await_ready()
    stream = Lines(node.http.removeprefix("http://"), "/lines/b")
    scene.ctl.await_logins(["b"])
    scene.ctl.send("b", "hello")
    assert json.loads(stream.next())["data"] == "hello"

    began = time.monotonic()
    scene.revoke("late")
    await_true("it is gone", lambda: scene.ctl.nodes_of("b") == 0)
    assert time.monotonic() - began < LIVENESS_S, "that took longer than the liveness time"
    scene.log_has("event=revoked node=late")
    await_true("it says why", lambda: node.program.log().count("does not allow this key") > 1)
    assert scene.counter("nodes_revoked") == 1
    scene.programs.end(node.program)
    again = ("keys", "new", "late", "--keys", scene.keys, "--role", "node")
    done = scene.ctl.run(*again, "--out", scene.folder / "again.key")
    assert done.returncode == 1 and "--replace" in done.stderr, done.stderr
    assert not (scene.folder / "again.key").exists()

    # A directory that cannot be read changes nothing; SIGHUP reads it again.
    (scene.keys / "self.key").rename(scene.keys / "self.away")
    scene.broker.hang_up()
    scene.log_has("event=keys-not-read")
    scene.send("as before")
    (scene.keys / "self.away").rename(scene.keys / "self.key")


def check_secrets(scene: Scene) -> None:
    """No secret is in a log, in a command line, in an environment or in a core dump."""
    found = [values_of(path)["secret"] for path in scene.folder.glob("*.key")]
    own = (scene.keys / "self.key").read_text()
    found += [value.encode() for value in re.findall(r'secret = "(.*)"', own)]
    assert len(found) >= 5
    programs = (scene.broker, scene.node.program)
    for pid in (pid for program in programs for pid in processes_of(program.pid)):
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"Max core file size +[01] +[01] ", limits), limits
    texts = [program.log().encode() for program in programs]
    for program in programs:
        for pid in processes_of(program.pid):
            process = pathlib.Path(f"/proc/{pid}")
            texts += [(process / name).read_bytes() for name in ("cmdline", "environ")]
    assert len(texts) >= 8
    for secret in found:
        assert not any(secret in text for text in texts), "a secret shows"


def main() -> None:
    if not zmq.has("curve"):
        return  # then the programs cannot either
    with tempfile.TemporaryDirectory() as folder, Programs(sys.argv[1]) as programs:
        scene = Scene(programs, pathlib.Path(folder))
        scene.send("hello")
        for check in (
            check_strangers,
            check_files,
            check_refusal,
            check_insecure,
            check_roles,
            check_theft,
            check_many_subscribers,
            check_many_topics,
            check_names,
            check_changes,
            check_secrets,
        ):
            print(check.__name__, flush=True)
            check(scene)
        scene.send("the end")
        assert scene.broker.status is None
        scene.context.destroy(linger=0)


if __name__ == "__main__":
    main()
