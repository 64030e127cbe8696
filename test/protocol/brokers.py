"""Three brokers, of which two know each id: one of them dies, hangs, and comes back.

usage: brokers.py BUILD      (the build directory)
"""

import functools
import json
import os
import pathlib
import signal
import sys
import tempfile
import time

from placement import brokers_of

from zcomet_lab.cluster import FREE_HTTP_PORT, Broker, WebNode
from zcomet_lab.ctl import Ctl
from zcomet_lab.flood import Flood
from zcomet_lab.lines import EventLines
from zcomet_lab.programs import Argument, Program, Programs
from zcomet_lab.publishing import Backend
from zcomet_lab.waiting import await_true

LIVENESS: tuple[Argument, ...] = ("--liveness-ms", 2000)
WEIGHTS = {"ada": 1, "bob": 1, "cyd": 2}
NODES = ("one", "two")
IDS = 90
FIRST_ID = 1000
PER_S = 500
SECONDS = 5
PAUSE_S = 2
NO_BROKER = 503


class Scene:
    """The brokers, two web nodes, and a stream for each id on both."""

    def __init__(self, programs: Programs, folder: pathlib.Path) -> None:
        self._programs = programs
        self._folder = folder
        self.brokers = {name: Broker(programs, *LIVENESS, "--name", name) for name in WEIGHTS}
        self.options = self._options()
        self.ctl = Ctl(programs.path("zcomet-ctl"), *self.options)
        # What streams are told of gaps would count as chunks.
        self.nodes = [self._start_node(name, "--tell-gaps", "none") for name in NODES]
        self.told = self._start_node("three").http.removeprefix("http://")
        self.backend = Backend(self.nodes[0].api.removeprefix("http://"))
        self._logs: list[pathlib.Path] = []

    def _options(self) -> list[Argument]:
        texts = [f"{name}*{weight}={self.brokers[name].listen}" for name, weight in WEIGHTS.items()]
        return [word for text in texts for word in ("--broker", text)]

    def _start_node(self, name: str, *options: Argument) -> WebNode:
        _, first, *others = self.options
        api: list[Argument] = ["--workers", 1, "--api", FREE_HTTP_PORT]
        node = WebNode(self._programs, str(first), *others, *options, *api, name=name)
        return node.await_ready()

    def open_streams(self) -> list[Flood]:
        """One for each id on each of the first two nodes. Their logs are new."""
        self._logs = [self._new_file() for _ in NODES]
        return [
            Flood(self._programs, node.stream_url, IDS, first_id=FIRST_ID, processes=1, log=log)
            for node, log in zip(self.nodes, self._logs, strict=False)
        ]

    def _new_file(self) -> pathlib.Path:
        number, path = tempfile.mkstemp(dir=self._folder)
        os.close(number)
        return pathlib.Path(path)

    def await_logins(self) -> None:
        """Each broker knows the ids that it should know, on both nodes."""
        for name, broker in self.brokers.items():
            wanted = sum(name in brokers_of(str(user_id), WEIGHTS) for user_id in ids())
            await_true(
                f"{name} knows {wanted} ids of each node",
                functools.partial(self._knows, broker, wanted),
            )

    @staticmethod
    def _knows(broker: Broker, wanted: int) -> bool:
        held = {node["name"]: node["ids"] for node in broker.ctl.json("nodes")}
        return all(held.get(f"{name}/1") == wanted for name in NODES)

    def streams(self) -> dict[str, int]:
        """How many each node has, by what nodes have told their brokers."""
        return {node["name"]: node["streams"] for node in self.ctl.json("nodes")}

    def who(self, user_id: str) -> tuple[int, str] | None:
        """What the API says; nothing while it has no broker."""
        status, answer = self.backend.get(f"/who/{user_id}")
        return None if status == NO_BROKER else (status, answer)

    def begin_sending(self) -> tuple[Program, pathlib.Path]:
        log = self._new_file()
        sender = self._programs.start(
            "zcomet-msggen",
            *self.options,
            *("--count", PER_S * SECONDS, "--interval", 1000 / PER_S, "--max", IDS),
            *("--first-id", FIRST_ID, "--ack", "--json", "--log", log),
        )
        return sender, log

    def check_sent(
        self, sender: Program, sent: pathlib.Path, floods: list[Flood], others: int = 0
    ) -> int:
        """Every message came once on each stream. Returns how many went to another broker.

        `others` messages of another sender came as well.
        """
        summary = json.loads(sender.finish(60).splitlines()[-1])
        count = PER_S * SECONDS
        assert summary["acknowledged"] == count, summary
        for flood in floods:
            flood.await_chunks(count + others, 20)
        for flood in floods:
            summary_of_streams = flood.stop()
            assert summary_of_streams["chunks"] == count + others, summary_of_streams
        done = self.ctl.run("reconcile", sent, *self._logs)
        assert done.returncode == 0, done.stdout + done.stderr
        failed_over: int = summary["failed_over"]
        return failed_over

    def kill(self, name: str) -> None:
        pid = self.brokers[name].program.pid
        os.kill(pid, signal.SIGKILL)

    def restart(self, name: str) -> None:
        old = self.brokers[name]
        self._programs.end(old.program)
        self.brokers[name] = Broker(
            self._programs, *LIVENESS, "--name", name, listen=old.listen, feed=old.feed
        )


def ids() -> range:
    return range(FIRST_ID, FIRST_ID + IDS)


def check_whole(scene: Scene) -> None:
    """zcomet-ctl speaks of the whole cluster, and so does the API."""
    floods = scene.open_streams()
    scene.await_logins()
    wanted = {"one/1": IDS, "three/1": 0, "two/1": IDS}
    await_true("all nodes are listed with their streams", lambda: scene.streams() == wanted)
    for user_id in map(str, ids()[:5]):
        told = scene.ctl.json("who", user_id)
        assert told == {"id": user_id, "nodes": ["one/1", "two/1"]}, told
        # A new sender waits for brokers that have just begun.
        status, answer = await_true("it is answered", functools.partial(scene.who, user_id))
        assert status == 200 and json.loads(answer)["streams"] == 2, answer
    stats = scene.ctl.json("stats")
    assert [broker["name"] for broker in stats] == list(WEIGHTS), stats
    sender, log = scene.begin_sending()
    assert scene.check_sent(sender, log, floods) == 0
    assert scene.ctl.print_ledger()


def check_death(scene: Scene, name: str) -> None:
    """Its ids go on by way of another broker, at once. Its return changes nothing."""
    floods = scene.open_streams()
    scene.await_logins()
    touched = Events(scene.told, name)
    others = [Events(scene.told, other) for other in WEIGHTS if other != name]
    sender, log = scene.begin_sending()
    floods[0].await_chunks(PER_S)
    scene.kill(name)
    for user_id in ids():
        status, answer = scene.backend.post(f"/send/{user_id}", "x", **{"Zcomet-Wait": "nodes"})
        assert status == 200 and json.loads(answer)["nodes"] == len(NODES), answer
    done = scene.ctl.run("nodes")
    assert done.returncode == 0, done.stderr
    assert "1 of 3 brokers did not answer" in done.stderr, done.stderr
    scene.restart(name)
    assert scene.check_sent(sender, log, floods, IDS) > 0
    touched.await_gap(scene)
    for other in others:
        other.expect_no_gap(scene)


def check_pause(scene: Scene, name: str) -> None:
    """A broker that hangs and goes on has nothing shown twice."""
    floods = scene.open_streams()
    scene.await_logins()
    sender, log = scene.begin_sending()
    floods[0].await_chunks(PER_S)
    pid = scene.brokers[name].program.pid
    os.kill(pid, signal.SIGSTOP)
    time.sleep(PAUSE_S)
    os.kill(pid, signal.SIGCONT)
    assert scene.check_sent(sender, log, floods) > 0
    floods = scene.open_streams()
    scene.await_logins()
    sender, log = scene.begin_sending()
    assert scene.check_sent(sender, log, floods) == 0


class Events:
    """A stream of an id whose first broker is known."""

    def __init__(self, host: str, broker: str) -> None:
        self._id = next(
            f"{broker}-{n}" for n in range(99) if brokers_of(f"{broker}-{n}", WEIGHTS)[0] == broker
        )
        self._events = EventLines(host, f"/events/{self._id}")

    def await_gap(self, scene: Scene) -> None:
        """It is told that it may have missed messages, and gets the next one."""
        event = self._events.next_event()
        assert event[0] == "gap", event
        self.expect_no_gap(scene)

    def expect_no_gap(self, scene: Scene) -> None:
        """The next that it gets is a message."""
        scene.backend.send(self._id, "next")
        event = self._events.next_event()
        assert event == ("message", "next"), event


def main() -> int:
    with (
        tempfile.TemporaryDirectory(prefix="zcomet-brokers-") as folder,
        Programs(sys.argv[1]) as programs,
    ):
        scene = Scene(programs, pathlib.Path(folder))
        check_whole(scene)
        check_death(scene, "cyd")
        check_death(scene, "ada")
        check_pause(scene, "bob")
    print("three brokers served as one")
    return 0


if __name__ == "__main__":
    sys.exit(main())
