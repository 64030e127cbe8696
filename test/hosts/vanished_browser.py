"""A browser whose cable is pulled is logged out within --vanished-after, without a message to it.

A browser that is only quiet keeps its stream. HEARTBEAT_S is the node's --stream-heartbeat: with 0
probes find the browser, else signs of life.
usage: vanished_browser.py BUILD HEARTBEAT_S      (BUILD: the build directory)
"""

import subprocess
import sys
import time

from zcomet_lab.cluster import Broker
from zcomet_lab.ctl import Ctl
from zcomet_lab.namespaces import Network, NotPermitted, enter_private_namespaces, on_host
from zcomet_lab.programs import Programs
from zcomet_lab.skipping import skip
from zcomet_lab.waiting import await_true

SERVER = "10.7.0.1"
ADDRESSES = {"server": SERVER, "quiet": "10.7.0.2", "vanishing": "10.7.0.3"}
VANISHED_AFTER_S = 10  # the smallest value that is allowed
SLACK_S = 2
PAUSE_S = 0.1
QUIET_PAUSE_S = 0.5


def check(build: str, heartbeat_s: str) -> float:
    """Returns after how many seconds the vanished browser was logged out."""
    at_server = on_host("server")
    with Programs(build) as programs:
        broker = Broker(
            programs,
            "--insecure",
            listen=f"tcp://{SERVER}:5555",
            feed="tcp://*:5556",
            prefix=at_server,
        )
        ctl = Ctl(*at_server, *broker.ctl.command)
        web_node = programs.start(
            "zcomet-webnode",
            *("--broker", broker.listen, "--http", f"{SERVER}:0", "--auth", "public"),
            *("--vanished-after", VANISHED_AFTER_S, "--stream-heartbeat", heartbeat_s),
            prefix=at_server,
        )
        url = web_node.await_ready()["http"]
        for name in ("quiet", "vanishing"):
            stream = ("-m", "zcomet_lab.streams", f"{url}/test/{name}")
            browser = programs.start(sys.executable, *stream, name=name, prefix=on_host(name))
            browser.await_line("streams open")
        ctl.await_logins(["quiet", "vanishing"])
        subprocess.run(["ip", "-n", "vanishing", "link", "set", "eth0", "down"], check=True)
        pulled = time.monotonic()
        await_true(
            "the vanished browser is logged out",
            lambda: ctl.nodes_of("vanishing") == 0,
            VANISHED_AFTER_S + SLACK_S,
            PAUSE_S,
        )
        found_after_s = time.monotonic() - pulled
        # As long again: time in which a stream that is only quiet could have been taken for dead.
        while time.monotonic() < pulled + 2 * VANISHED_AFTER_S:
            assert ctl.nodes_of("quiet") == 1, "a quiet browser lost its stream"
            time.sleep(QUIET_PAUSE_S)
    return found_after_s


def main() -> int:
    try:
        enter_private_namespaces()
        Network(ADDRESSES)
    except NotPermitted as error:
        return skip(f"network namespaces are not permitted here ({error})")
    found_after_s = check(*sys.argv[1:3])
    print(f"the vanished browser was logged out after {found_after_s:.1f} s, the quiet one was not")
    return 0


if __name__ == "__main__":
    sys.exit(main())
