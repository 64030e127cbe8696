"""Broker and web node go on, and end when told to, while their log is not read.

Method: standard error is a pipe that is full before the programs start.

usage: hung_log_test.py BROKER WEBNODE CTL
"""

import contextlib
import os
import re
import select
import subprocess
import sys

TIMEOUT_S = 30


def full_pipe() -> tuple[int, int]:
    """Both ends of a pipe that is full."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x")
    os.set_blocking(writer, True)
    return reader, writer


class Program:
    """A program whose log is not read."""

    def __init__(self, path: str, *options: str) -> None:
        self._reader, writer = full_pipe()
        self._process = subprocess.Popen(
            [path, *options], stdout=subprocess.PIPE, stderr=writer, text=True
        )
        os.close(writer)
        output = self._process.stdout
        assert output is not None
        readable, _, _ = select.select([output], [], [], TIMEOUT_S)
        self.ready = output.readline() if readable else ""

    def __enter__(self) -> "Program":
        if " ready " not in self.ready:
            self.__exit__()
            raise AssertionError(f"{self._process.args!r} does not get ready")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(TIMEOUT_S)
        os.close(self._reader)

    def field(self, name: str) -> str:
        found = re.search(rf"{name}=(\S+)", self.ready)
        assert found is not None, self.ready
        return found[1]

    def end(self) -> None:
        self._process.terminate()
        assert self._process.wait(TIMEOUT_S) == 0


def main() -> None:
    broker_path, web_node_path, ctl = sys.argv[1:]
    host = f"127.{os.getpid() % 250 + 1}.{os.getpid() // 250 % 250 + 1}.1"
    with Program(
        broker_path,
        "--listen",
        f"tcp://{host}:*",
        "--feed",
        f"tcp://{host}:*",
        "--log-level",
        "trace",
    ) as broker:
        address = broker.field("listen")
        with Program(
            web_node_path,
            "--broker",
            address,
            "--http",
            f"{host}:0",
            "--name",
            "a",
            "--log-level",
            "trace",
        ) as web_node:
            sent = subprocess.run(
                [ctl, "--broker", address, "send", "123", "hello"],
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
            assert sent.returncode == 0 and "void" in sent.stdout, sent.stdout + sent.stderr
            web_node.end()
        broker.end()


if __name__ == "__main__":
    main()
