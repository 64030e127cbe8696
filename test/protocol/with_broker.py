"""Starts a broker on free ports, runs a test program against it, and ends the broker again.

usage: with_broker.py BROKER-PROGRAM TEST-PROGRAM      The exit status is the test program's.
"""

import subprocess
import sys

from programs_under_test import Programs, start_broker

TIMEOUT_S = 120


def main():
    with Programs() as programs:
        endpoint = start_broker(programs, sys.argv[1]).await_ready()["listen"]
        return subprocess.run([sys.executable, sys.argv[2], endpoint], timeout=TIMEOUT_S).returncode


if __name__ == "__main__":
    sys.exit(main())
