"""One address in front of several web nodes, as clients of a cluster see it.

A proxy of TCP connections: each new one goes to the web node that is named at the time.
"""

import contextlib
import socket
import threading

BYTES = 65_536
BACKLOG = 64


class Switch:
    """It serves on threads of its own until close()."""

    def __init__(self, target: str) -> None:
        """`target` is HOST:PORT, where the first connections go."""
        self.target = target
        """May be changed at any time; connections that are open stay where they are."""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> int:
        """Ends all open connections at both ends. Returns how many there were."""
        with self._lock:
            cut = list(self._open)
        for one in cut:
            _shut(one)
        return len(cut) // 2

    def close(self) -> None:
        _shut(self._listener)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        host, _, port = self.target.rpartition(":")
        try:
            node = socket.create_connection((host, int(port)))
        except OSError:
            client.close()
            return
        with self._lock:
            self._open |= {client, node}
        back = threading.Thread(target=_pass_on, args=(node, client), daemon=True)
        back.start()
        _pass_on(client, node)
        back.join()
        with self._lock:
            self._open -= {client, node}
        client.close()
        node.close()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    """Until one of them ends. Then the other one ends, too."""
    with contextlib.suppress(OSError):
        while data := source.recv(BYTES):
            sink.sendall(data)
    _shut(sink)


def _shut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
