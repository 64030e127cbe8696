"""A cluster that keeps messages, and clients that are cut off from it."""

import functools
import json
import os
import signal

from zcomet_lab.cluster import FREE_HTTP_PORT, Broker, WebNode
from zcomet_lab.processes import processes_of
from zcomet_lab.programs import Argument, Programs
from zcomet_lab.publishing import Backend
from zcomet_lab.waiting import await_true

from switch import Switch

USER_ID = "chat.1"
HISTORY = ("--history", "chat.*=500,5m")


class Scene:
    """A broker, two web nodes, and one address in front of these: first it leads to the one."""

    def __init__(self, programs: Programs, *options: Argument) -> None:
        """`options` are those of the web nodes."""
        self.broker = Broker(programs, *HISTORY)
        self._one = WebNode(programs, self.broker.listen, *options, name="one").await_ready()
        self._two = WebNode(
            programs, self.broker.listen, "--api", FREE_HTTP_PORT, *options, name="two"
        ).await_ready()
        self.switch = Switch(self._host(self._one))
        self._backend = Backend(self._two.api.removeprefix("http://"))

    @staticmethod
    def _host(node: WebNode) -> str:
        return node.http.removeprefix("http://")

    @property
    def url(self) -> str:
        """Where clients listen."""
        return f"http://{self.switch.address}/events/{USER_ID}"

    def await_client(self) -> None:
        self.broker.ctl.await_logins([USER_ID])

    def send(self, event: str, text: str) -> None:
        """Sends as a backend does that tries again until the message is taken in."""
        await_true("it is taken in", functools.partial(self._is_taken_in, event, text))

    def _is_taken_in(self, event: str, text: str) -> bool:
        status, answer = self._backend.post(f"/send/{USER_ID}", text, **{"Zcomet-Event": event})
        assert status in (200, 202), (status, answer)
        return "nodes" in json.loads(answer)

    def kill_first_node(self) -> None:
        """The first web node dies with all its processes; the address leads to the second one."""
        self.switch.target = self._host(self._two)
        for pid in reversed(processes_of(self._one.program.pid)):
            os.kill(pid, signal.SIGKILL)
