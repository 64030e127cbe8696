"""A client of somebody else shows each message once and in order, whatever happens to its streams.

Messages with the name of an event and several lines are sent to an id with a history. The node that
has the client's stream is killed, and the client comes back to another node. Then its connection is
cut again and again while messages are sent.
usage: client_test.py BUILD CLIENT      (CLIENT as in client_list.py)
"""

import contextlib
import pathlib
import sys

from zcomet_lab.programs import Programs
from zcomet_lab.skipping import skip
from zcomet_lab.waiting import await_true

from client_list import CLIENTS, GAP, Client, Message, Shown
from scene import Scene

CUTS = 3
MESSAGES = 20
# An EventSource comes back after three seconds at most, and others take twice as long each time.
TIMEOUT_S = 60


class Trial:
    """One client on one cluster."""

    def __init__(self, client: Client, scene: Scene, shown: Shown) -> None:
        self._client = client
        self._scene = scene
        self._shown = shown
        self._sent: list[Message] = []

    def send(self, count: int) -> None:
        for _ in range(count):
            message = self._client.message(len(self._sent) + 1)
            self._scene.send(message.event, message.text)
            self._sent.append(message)

    def await_all(self) -> None:
        """Waits until as much is shown as was sent, which must be just that."""
        wanted = [message.shown for message in self._sent]
        await_true(
            lambda: f"all {len(wanted)} are shown: {self._shown()[-3:]}",
            lambda: len(self._shown()) >= len(wanted) or GAP in self._shown(),
            TIMEOUT_S,
        )
        assert self._shown() == wanted, (self._shown(), wanted)

    def kill_node(self) -> None:
        self.send(3)
        self.await_all()
        self._scene.kill_first_node()
        self.send(3)
        self.await_all()

    def cut(self) -> None:
        for _ in range(CUTS):
            self.send(MESSAGES)
            assert self._scene.switch.cut() > 0, "the client has a stream"
            self.send(MESSAGES)
            self.await_all()

    @property
    def messages(self) -> int:
        return len(self._sent)


def run(client: Client, programs: Programs, packages: pathlib.Path) -> str:
    scenes: list[Scene] = []

    def begin(origin: str) -> str:
        scenes.append(Scene(programs, *(("--cors-origin", origin) if origin else ())))
        return scenes[0].url

    with client.run(programs, packages, begin) as shown, contextlib.closing(scenes[0].switch):
        scene = scenes[0]
        scene.await_client()
        trial = Trial(client, scene, shown)
        trial.kill_node()
        trial.cut()
        return f"{trial.messages} messages came once and in order, over {CUTS} cuts and a dead node"


def main() -> int:
    build, name = sys.argv[1:]
    client = CLIENTS[name]
    packages = pathlib.Path(build).resolve() / "npm"
    if why := client.why_missing(packages):
        return skip(why)
    with Programs(build) as programs:
        print(run(client, programs, packages))
    return 0


if __name__ == "__main__":
    sys.exit(main())
