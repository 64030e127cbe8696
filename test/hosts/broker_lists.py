"""Processes that go by different lists of brokers are told, and an operator sees who has which.

usage: broker_lists.py BUILD      (the build directory)
"""

import json
import pathlib
import sys
import tempfile
from typing import Any

from zcomet_lab.ctl import Ctl
from zcomet_lab.namespaces import run_on_own_loopback
from zcomet_lab.programs import Program, Programs
from zcomet_lab.waiting import await_true

PORTS = {"ada": 5555, "bob": 5565}
NODE = "web"


def cluster_file(folder: pathlib.Path, version: int, replicas: int) -> pathlib.Path:
    path = folder / f"version-{version}-replicas-{replicas}.toml"
    brokers = "".join(
        f'[[broker]]\nhost = "here"\nname = "{name}"\n'
        f"listen_port = {port}\nfeed_port = {port + 1}\n"
        for name, port in PORTS.items()
    )
    path.write_text(
        f"version = {version}\nreplicas = {replicas}\n"
        f'[[host]]\nname = "here"\naddress = "127.0.0.1"\n{brokers}'
        f'[[webnode]]\nhost = "here"\nname = "{NODE}"\n'
    )
    return path


class Scene:
    def __init__(self, programs: Programs, folder: pathlib.Path) -> None:
        self._programs = programs
        self._folder = folder

    def file(self, version: int, replicas: int = 2) -> pathlib.Path:
        return cluster_file(self._folder, version, replicas)

    def start_broker(self, name: str, file: pathlib.Path) -> Program:
        broker = self._programs.start("zcomet-broker", "--cluster", file, "--host", name)
        broker.await_ready()
        return broker

    def start_node(self, file: pathlib.Path) -> Program:
        return self._programs.start("zcomet-webnode", "--cluster", file, "--node", NODE)

    def lists(self, file: pathlib.Path) -> tuple[dict[str, dict[str, Any]], str]:
        """What each broker says, and what zcomet-ctl warns of."""
        ctl = Ctl(self._programs.path("zcomet-ctl"), "--cluster", file)
        done = ctl.run("--json", "brokers", "list")
        assert done.returncode == (1 if done.stderr else 0), done
        return {one["broker"]: one for one in json.loads(done.stdout)}, done.stderr

    def end(self, program: Program) -> None:
        self._programs.end(program)


def await_log(program: Program, *parts: str) -> None:
    """Until the program has logged a line with all of them."""
    await_true(
        f"a line of {program.name} with {parts}",
        lambda: any(all(part in line for part in parts) for line in program.log().splitlines()),
    )


def same(nodes: int, **others: int) -> dict[str, int]:
    return {"same": nodes, "older": 0, "newer": 0, "without": 0, **others}


def check_same_list(scene: Scene) -> tuple[Program, Program]:
    file = scene.file(version=1)
    _, bob = (scene.start_broker(name, file) for name in PORTS)
    node = scene.start_node(file)
    node.await_ready()
    lists, warning = scene.lists(file)
    assert not warning, warning
    assert lists["ada"]["version"] == lists["bob"]["version"] == 1
    assert lists["ada"]["hash"] == lists["bob"]["hash"]
    assert lists["ada"]["nodes"] == lists["bob"]["nodes"] == same(1), lists
    _, warning = scene.lists(scene.file(version=1, replicas=1))
    assert "another list of version 1 than the cluster file here" in warning, warning
    return bob, node


def check_contradiction(scene: Scene, bob: Program, node: Program) -> Program:
    """Another list with the same version is refused, loudly on both sides."""
    scene.end(bob)
    bob = scene.start_broker("bob", scene.file(version=1, replicas=1))
    words = "two lists of brokers have version 1"
    await_log(bob, "code=other-list", words)
    await_log(node, "reason=other-list", words)
    lists, warning = scene.lists(scene.file(version=1))
    assert lists["bob"]["nodes"] == same(0), lists
    assert "different lists of version 1" in warning, warning
    return bob


def check_newer_broker(scene: Scene, bob: Program, node: Program) -> Program:
    """Nothing stops where one is older: it is told."""
    scene.end(bob)
    bob = scene.start_broker("bob", scene.file(version=2))
    await_log(node, "event=list-old", "version=1 told=2 by=bob")
    await_true(
        "bob has the node", lambda: bool(scene.lists(scene.file(1))[0]["bob"]["nodes"]["older"])
    )
    lists, warning = scene.lists(scene.file(version=1))
    assert lists["bob"]["nodes"] == same(0, older=1), lists
    assert "ada has version 1 of the list, bob has 2" in warning, warning
    return bob


def check_newer_node(scene: Scene, bob: Program, node: Program) -> None:
    scene.end(node)
    scene.start_node(scene.file(version=3)).await_ready()
    await_log(bob, "event=list-old", "told=3 by=web/1")


def check(programs: Programs, folder: pathlib.Path) -> None:
    scene = Scene(programs, folder)
    bob, node = check_same_list(scene)
    bob = check_contradiction(scene, bob, node)
    bob = check_newer_broker(scene, bob, node)
    check_newer_node(scene, bob, node)


def check_on_own_loopback() -> None:
    with tempfile.TemporaryDirectory() as folder, Programs(sys.argv[1]) as programs:
        check(programs, pathlib.Path(folder))


def main() -> int:
    done = "lists of brokers that differ are told of, and those that contradict are refused"
    return run_on_own_loopback(check_on_own_loopback, done)


if __name__ == "__main__":
    sys.exit(main())
