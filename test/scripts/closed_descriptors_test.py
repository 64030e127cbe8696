"""Programs that are started without standard input, output and error have /dev/null there.

A socket or a shared file as descriptor 2 would get their log.
usage: closed_descriptors_test.py BROKER WEBNODE
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys

from zcomet_lab.processes import children_of
from zcomet_lab.waiting import await_true

TIMEOUT_S = 30


def writes_nowhere(pid: int) -> bool:
    """Whether a process has /dev/null, or a pipe to its parent, as descriptors 0, 1 and 2."""
    with contextlib.suppress(OSError):
        links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)]
        return all(link == "/dev/null" or link.startswith("pipe:") for link in links)
    return False


def waits_for_signals(pid: int) -> bool:
    """Whether a process blocks SIGTERM, which it then reads from a descriptor (signal(7))."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("SigBlk:"):
                return bool(int(line.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
    return False


def check(path: str, *options: str, children: int) -> None:
    closed = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", path, *options]
    with subprocess.Popen(closed, process_group=0) as process:
        try:
            await_true(
                f"{path} and its {children} children have nothing but /dev/null",
                lambda: len(children_of(process.pid)) == children
                and waits_for_signals(process.pid)
                and all(map(writes_nowhere, [process.pid, *children_of(process.pid)])),
            )
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIMEOUT_S) == 0, f"{path} ended with {process.returncode}"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def main() -> None:
    _, broker, web_node = sys.argv
    any_port = ["--listen", "tcp://127.0.0.1:0", "--feed", "tcp://127.0.0.1:0"]
    check(broker, *any_port, children=0)
    check(broker, "--supervise", *any_port, children=1)
    check(web_node, "--http", "127.0.0.1:0", "--broker", "tcp://127.0.0.1:1", children=1)


if __name__ == "__main__":
    main()
