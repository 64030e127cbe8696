"""Starts a broker on free ports, runs a test program against it, and ends the broker again.

usage: with_broker.py BUILD TEST-PROGRAM      The exit status is the test program's.
"""

import subprocess
import sys

from zcomet_lab.cluster import Broker
from zcomet_lab.programs import Programs

import pyzmq

TIMEOUT_S = 120


def main() -> int:
    print(f"pyzmq {pyzmq.zmq.__version__}", flush=True)
    build, test = sys.argv[1:]
    with Programs(build) as programs:
        broker = Broker(programs)
        command = [sys.executable, test, broker.listen]
        return subprocess.run(command, timeout=TIMEOUT_S, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
