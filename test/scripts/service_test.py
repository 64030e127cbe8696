"""The programs' messages to systemd (sd_notify(3)): READY=1 with the ready line, WATCHDOG=1 while
the loop works, STOPPING=1 at the end, each from the process that systemd watches.

The test plays systemd: a datagram socket, whose name the programs get.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator

TIMEOUT_S = 30
WATCHDOG_S = 1
BROKER = os.environ["ZCOMET_BROKER"]
WEB_NODE = os.environ["ZCOMET_WEBNODE"]


class Manager:
    """A service manager that has started one program."""

    def __init__(self, address: str, arguments: tuple[str, ...]) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(address.replace("@", "\0", 1))
        self._socket.settimeout(TIMEOUT_S)
        environment = {
            **os.environ,
            "NOTIFY_SOCKET": address,
            "WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000),
        }
        self.program = subprocess.Popen(
            arguments, env=environment, stdout=subprocess.PIPE, text=True
        )

    def hear(self) -> str:
        """The next datagram. It comes from the program itself."""
        data, ancillary, _flags, _address = self._socket.recvmsg(256, socket.CMSG_SPACE(12))
        sender = int.from_bytes(ancillary[0][2][:4], sys.byteorder)
        assert (
            sender == self.program.pid
        ), f"{data!r} comes from process {sender}, not {self.program.pid}"
        return data.decode()

    def hear_until(self, text: str) -> None:
        """Only signs of life come before it."""
        while (heard := self.hear()) != text:
            assert heard == "WATCHDOG=1", heard

    def close(self) -> None:
        self.program.kill()
        self.program.wait()
        self._socket.close()


@contextlib.contextmanager
def started(address: str, *arguments: str) -> Iterator[Manager]:
    manager = Manager(address, arguments)
    try:
        yield manager
    finally:
        manager.close()


def check(address: str, *arguments: str, ends_slowly: bool = False) -> None:
    """One program, from its start to its end, for which it may want more time than usual."""
    with started(address, *arguments) as manager:
        assert manager.hear() == "READY=1"
        assert manager.program.stdout is not None
        ready = manager.program.stdout.readline()
        assert " ready " in ready, ready
        for _ in range(3):
            assert manager.hear() == "WATCHDOG=1"
        manager.program.send_signal(signal.SIGTERM)
        manager.hear_until("STOPPING=1")
        if ends_slowly:
            name, _, microseconds = manager.hear().partition("=")
            assert name == "EXTEND_TIMEOUT_USEC" and int(microseconds) > 40_000_000, microseconds
        assert manager.program.wait(TIMEOUT_S) == 0


def check_web_node(folder: str) -> None:
    """A web node, whose workers and whose broker are processes of their own."""
    listen = ["--listen", "tcp://127.0.0.1:0", "--feed", "tcp://127.0.0.1:0"]
    with subprocess.Popen([BROKER, *listen], stdout=subprocess.PIPE, text=True) as broker:
        try:
            assert broker.stdout is not None
            endpoint = broker.stdout.readline().split("listen=")[1].split()[0]
            check(
                os.path.join(folder, "web"),
                WEB_NODE,
                "--broker",
                endpoint,
                "--http",
                "127.0.0.1:0",
                "--workers",
                "2",
                ends_slowly=True,
            )
        finally:
            broker.terminate()


def check_silence() -> None:
    """Without a manager no message is sent, and the program works."""
    environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
    arguments = [BROKER, "--listen", "tcp://127.0.0.1:0", "--feed", "tcp://127.0.0.1:0"]
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True) as broker:
        assert broker.stdout is not None
        assert " ready " in broker.stdout.readline()
        broker.terminate()
        assert broker.wait(TIMEOUT_S) == 0


def main() -> int:
    listen = ["--listen", "tcp://127.0.0.1:0", "--feed", "tcp://127.0.0.1:0"]
    with tempfile.TemporaryDirectory() as folder:
        check(os.path.join(folder, "broker"), BROKER, *listen)
        check(f"@zcomet-service-test-{os.getpid()}", BROKER, *listen, "--supervise")
        check_web_node(folder)
    check_silence()
    return 0


if __name__ == "__main__":
    sys.exit(main())
