"""A web node without --broker is a whole cluster: it starts a broker beside its workers, and starts it
again when it dies.

That broker listens at fixed ports, so all this happens in a network namespace of its own.
usage: own_broker.py WEBNODE CTL      (the two programs)
"""

import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

from zcomet_lab.logins import await_logins
from zcomet_lab.namespaces import NotPermitted, enter_private_namespaces
from zcomet_lab.programs import Programs
from zcomet_lab.streams import CometStream

BROKER = "tcp://127.0.0.1:5555"
TIMEOUT_S = 20
SKIPPED = 77


def kill_broker(web_node):
    """Kills the web node's broker outright, and waits until there is another."""
    children = (
        pathlib.Path(f"/proc/{web_node.pid}/task/{web_node.pid}/children").read_text().split()
    )
    names = {int(pid): pathlib.Path(f"/proc/{pid}/comm").read_text().strip() for pid in children}
    [broker] = [pid for pid, name in names.items() if name == "zcomet-broker"]
    os.kill(broker, signal.SIGKILL)
    deadline = time.monotonic() + TIMEOUT_S
    while "event=broker-back" not in web_node.log():
        assert time.monotonic() < deadline, f"the broker is not started again\n{web_node.log()}"
        time.sleep(0.01)


def check(web_node_path, ctl_path):
    ctl = [ctl_path, "--broker", BROKER]
    arrived = threading.Semaphore(0)
    texts = []

    def on_message(_number, text):
        texts.append(text)
        arrived.release()

    def send(text):
        await_logins(ctl, ["123"])
        subprocess.run([*ctl, "send", "123", text], check=True, timeout=TIMEOUT_S)
        assert arrived.acquire(timeout=TIMEOUT_S), "the message did not arrive"

    with Programs() as programs:
        web_node = programs.start(
            web_node_path, ["--http", "127.0.0.1:8000", "--workers", 2], name="web node"
        )
        url = web_node.await_ready()["http"]
        stream = CometStream(f"{url}/test/123", on_message)
        send("hello")
        kill_broker(web_node)
        send("hello again")
        assert texts == ["hello", "hello again"]
        del stream
        web_node.ask_to_end()
        web_node.finish(TIMEOUT_S)
    # Its broker has ended with it.
    assert subprocess.run([*ctl, "ping"], capture_output=True, timeout=TIMEOUT_S).returncode != 0


def main():
    try:
        enter_private_namespaces()
    except NotPermitted as error:
        print(f"skipped: network namespaces are not permitted here ({error})")
        return SKIPPED
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    check(*sys.argv[1:])
    print("one command was a whole cluster")
    return 0


if __name__ == "__main__":
    sys.exit(main())
