"""A web node without --broker is a whole cluster: it starts a broker, and restarts it if it dies.

That broker listens at fixed ports, so all this happens in a network namespace of its own.
usage: own_broker.py BUILD      (the build directory)
"""

import os
import signal
import sys

from zcomet_lab.ctl import Ctl
from zcomet_lab.namespaces import run_on_own_loopback
from zcomet_lab.processes import children_of, name_of
from zcomet_lab.programs import Program, Programs
from zcomet_lab.streams import RecordedStream
from zcomet_lab.waiting import await_true

BROKER = "tcp://127.0.0.1:5555"
USER_ID = "123"
TEXTS = ["hello", "hello again"]
TIMEOUT_S = 20


def kill_broker(web_node: Program) -> None:
    """Kills the web node's broker by SIGKILL, and waits until there is another."""
    [broker] = [pid for pid in children_of(web_node.pid) if name_of(pid) == "zcomet-broker"]
    os.kill(broker, signal.SIGKILL)
    await_true(
        lambda: f"the broker is started again\n{web_node.log()}",
        lambda: "event=broker-back" in web_node.log(),
    )


def send(ctl: Ctl, stream: RecordedStream, number: int) -> None:
    """Sends one of the texts; all texts up to it must have arrived then."""
    ctl.await_logins([USER_ID])
    ctl.send(USER_ID, TEXTS[number])
    await_true("the message arrives", lambda: len(stream.shown) > number)
    assert [text for _, text in stream.shown] == TEXTS[: number + 1]


def check(build: str) -> None:
    with Programs(build) as programs:
        ctl = Ctl(programs.path("zcomet-ctl"), "--broker", BROKER)
        web_node = programs.start("zcomet-webnode", "--http", "127.0.0.1:8000", "--workers", 2)
        stream = RecordedStream(web_node.await_ready()["http"], USER_ID)
        send(ctl, stream, 0)
        kill_broker(web_node)
        send(ctl, stream, 1)
        web_node.ask_to_end()
        web_node.finish(TIMEOUT_S)
    # Its broker has ended with it.
    assert ctl.run("ping").returncode != 0


def main() -> int:
    done = "one command was a whole cluster"
    return run_on_own_loopback(lambda: check(sys.argv[1]), done)


if __name__ == "__main__":
    sys.exit(main())
