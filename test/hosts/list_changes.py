"""Brokers come and go while messages flow: each message is shown once, in order.

An operator takes the steps, with zcomet-ctl brokers add, remove, next and back.

usage: list_changes.py BUILD      (the build directory)
"""

import json
import os
import pathlib
import signal
import sys
import tempfile
import threading
from typing import Any

from zcomet_lab.ctl import Ctl
from zcomet_lab.namespaces import run_on_own_loopback
from zcomet_lab.programs import Program, Programs
from zcomet_lab.publishing import Backend
from zcomet_lab.streams import RecordedStream
from zcomet_lab.waiting import await_true

NODES = {"one": 8000, "two": 8001}
API_PORT = 8100
PORTS = {"b1": 5555, "b2": 5565, "b3": 5575}
IDS = [f"id{number}" for number in range(12)]
BEFORE_NEXT_STEP = 200  # messages at least


def cluster_file(folder: pathlib.Path) -> pathlib.Path:
    path = folder / "cluster.toml"
    nodes = "".join(
        f'[[webnode]]\nhost = "here"\nname = "{name}"\n'
        f"http_port = {port}\napi_port = {port + 100}\n"
        for name, port in NODES.items()
    )
    path.write_text(
        "version = 1  # rises\n"
        '[[host]]\nname = "here"\naddress = "127.0.0.1"\n'
        f'[[broker]]\nhost = "here"\nname = "b1"\nlisten_port = {PORTS["b1"]}\n'
        f"feed_port = {PORTS['b1'] + 1}\n{nodes}"
    )
    return path


class Sending(threading.Thread):
    """Sends to each id in turn, and waits for the nodes' acknowledgement."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.sent: dict[str, list[str]] = {user_id: [] for user_id in IDS}
        self.count = 0
        self.refused: list[tuple[int, str]] = []
        self._ends = threading.Event()

    def run(self) -> None:
        backend = Backend(f"127.0.0.1:{API_PORT}")
        while not self._ends.is_set():
            user_id = IDS[self.count % len(IDS)]
            text = f"message {self.count}"
            status, body = backend.post(f"/send/{user_id}", text, **{"Zcomet-Wait": "nodes"})
            if status == 200:
                self.sent[user_id].append(text)
            else:
                self.refused.append((status, body))
            self.count += 1

    def end(self) -> None:
        self._ends.set()
        self.join()


class Scene:
    def __init__(self, programs: Programs, file: pathlib.Path) -> None:
        self._programs = programs
        self.file = file
        self._brokers: dict[str, Program] = {}
        self.start_broker("b1")
        self.nodes = {
            name: programs.start("zcomet-webnode", "--cluster", file, "--node", name, name=name)
            for name in NODES
        }
        self.http = {name: node.await_ready()["http"] for name, node in self.nodes.items()}
        self.sending = Sending()

    @property
    def ctl(self) -> Ctl:
        return Ctl(self._programs.path("zcomet-ctl"), "--cluster", self.file)

    def start_broker(self, name: str) -> None:
        options = ("--cluster", self.file, "--host", name)
        self._brokers[name] = self._programs.start("zcomet-broker", *options, name=name)
        self._brokers[name].await_ready()

    def end_broker(self, name: str) -> None:
        self._programs.end(self._brokers.pop(name))

    def edit(self, *words: str) -> str:
        """One of the steps: `zcomet-ctl brokers WORDS`; returns what it prints."""
        done = self.ctl.run("brokers", *words)
        assert done.returncode == 0, done
        return done.stdout

    def pass_on(self, without: str = "") -> None:
        """Every process reads the file again; returns when all go by it, and messages flow.

        `without`: a broker that is not in the file any more.
        """
        brokers = [program for name, program in self._brokers.items() if name != without]
        for program in (*self.nodes.values(), *brokers):
            os.kill(program.pid, signal.SIGHUP)
        await_true("all have the list", lambda: self._have_all_the_list(len(brokers)))
        sent = self.sending.count
        await_true("messages flow", lambda: self.sending.count >= sent + BEFORE_NEXT_STEP)

    def _have_all_the_list(self, brokers: int) -> bool:
        done = self.ctl.run("--json", "brokers", "list")
        lists: list[dict[str, Any]] = [] if done.stderr else json.loads(done.stdout)
        return len(lists) == brokers and all(
            one[role]["same"] == len(NODES) for one in lists for role in ("nodes", "senders")
        )


def port_options(name: str) -> list[str]:
    port = PORTS[name]
    return ["--host", "here", "--listen-port", str(port), "--feed-port", str(port + 1)]


def check_steps(scene: Scene) -> None:
    """From one broker to two, to three and back, and to one again, which is another one."""
    said = scene.edit("add", "b2", *port_options("b2"))
    assert said.startswith("version 2: web nodes log in by the list before and the one after"), said
    scene.start_broker("b2")
    refused = scene.ctl.run("brokers", "next")
    assert refused.returncode == 1 and "has version 1 of the list" in refused.stderr, refused
    scene.pass_on()
    said = scene.edit("next")
    assert said.startswith("version 3: senders go by the list after"), said
    scene.pass_on()
    said = scene.edit("next")
    assert said.startswith("version 4: nothing changes any more"), said
    scene.pass_on()

    scene.edit("add", "b3", *port_options("b3"))
    scene.start_broker("b3")
    scene.pass_on()
    scene.edit("next")
    scene.pass_on()
    scene.edit("back")
    scene.pass_on()
    scene.edit("back")
    assert "b3" not in scene.file.read_text()
    scene.pass_on(without="b3")
    scene.end_broker("b3")


def await_shown(stream: RecordedStream, count: int) -> None:
    await_true("all is shown", lambda: len(stream.shown) >= count)


def check(programs: Programs, folder: pathlib.Path) -> None:
    scene = Scene(programs, cluster_file(folder))
    streams = {
        (name, user_id): RecordedStream(url, user_id)
        for name, url in scene.http.items()
        for user_id in IDS
    }
    scene.ctl.await_logins([user_id for _, user_id in streams])
    scene.sending.start()
    check_steps(scene)
    scene.edit("remove", "b1")
    scene.pass_on()
    scene.edit("next")
    scene.pass_on()
    scene.edit("next")
    scene.pass_on(without="b1")
    scene.end_broker("b1")
    sent = scene.sending.count
    await_true("messages flow", lambda: scene.sending.count >= sent + BEFORE_NEXT_STEP)
    scene.sending.end()
    assert not scene.sending.refused, scene.sending.refused[:3]
    for (name, user_id), stream in streams.items():
        wanted = scene.sending.sent[user_id]
        await_shown(stream, len(wanted))
        shown = [text for _, text in stream.shown]
        assert shown == wanted, (name, user_id, len(shown), len(wanted))
    ledger = scene.ctl.run("ledger")
    assert ledger.returncode == 0, ledger.stdout
    print(f"{scene.sending.count} messages over eleven versions of the list")


def check_on_own_loopback() -> None:
    with tempfile.TemporaryDirectory() as folder, Programs(sys.argv[1]) as programs:
        check(programs, pathlib.Path(folder))


def main() -> int:
    done = "brokers came and went, and every message was shown once, in order"
    return run_on_own_loopback(check_on_own_loopback, done)


if __name__ == "__main__":
    sys.exit(main())
