"""What the test programs in this folder share: Zcomet's programs on free ports, what they count and show, and
waiting for it. Whatever imports this ends as skipped where there is no pyzmq, so import it before that."""

import http.client
import importlib.util
import json
import sys
import time

SKIPPED = 77
TIMEOUT_S = 30
PAUSE_S = 0.01

if importlib.util.find_spec("zmq") is None:
    print("skipped: pyzmq (Debian's python3-zmq) is not installed")
    sys.exit(SKIPPED)

from zcomet_lab.programs import Programs  # noqa: F401 # for those that import this
from zcomet_lab.streams import CometStream


def start_broker(programs, path):
    """Its ready line has the addresses `listen` and `feed`."""
    anywhere = "tcp://127.0.0.1:*"
    return programs.start(path, ["--listen", anywhere, "--feed", anywhere], name="broker")


def start_web_node(programs, path, broker):
    """Its ready line has the addresses `http` and `admin`; it comes once `broker` has let the node in."""
    return programs.start(
        path,
        ["--broker", broker, "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"],
        name="web node",
    )


def web_node_counters(admin):
    connection = http.client.HTTPConnection(admin, timeout=TIMEOUT_S)
    connection.request("GET", "/stats")
    return json.load(connection.getresponse())["totals"]["counters"]


class RecordedStream:
    """An open stream, and what it has shown."""

    def __init__(self, http_url, user_id):
        """`http_url` as in a web node's ready line."""
        self.shown = []  # (number, text), in order; grows by another thread
        self._stream = CometStream(
            f"{http_url}/test/{user_id.decode()}",
            lambda number, text: self.shown.append((number, text)),
        )


def eventually(holds, what):
    """Waits until that holds; `what` says what is wrong if it never does, as text or by a function."""
    deadline = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(PAUSE_S)
