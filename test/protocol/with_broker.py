"""Starts a broker on free ports, runs a test program against it, and ends the broker again.

usage: with_broker.py BROKER-PROGRAM TEST-PROGRAM      The exit status is the test program's.
"""

import importlib.util
import pathlib
import subprocess
import sys

TIMEOUT_S = 120
SKIPPED = 77

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "scripts" / "lib"))

from programs import Programs  # noqa: E402


def main():
    if importlib.util.find_spec("zmq") is None:
        print("skipped: pyzmq (Debian's python3-zmq) is not installed")
        return SKIPPED
    with Programs() as programs:
        broker = programs.start(
            sys.argv[1], ["--listen", "tcp://127.0.0.1:*", "--feed", "tcp://127.0.0.1:*"],
            name="broker")
        endpoint = broker.await_ready()["listen"]
        return subprocess.run([sys.executable, sys.argv[2], endpoint], timeout=TIMEOUT_S).returncode


if __name__ == "__main__":
    sys.exit(main())
