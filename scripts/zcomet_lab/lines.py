"""The lines of a stream, of any format that has lines."""

import http.client

TIMEOUT_S = 20


class Lines:
    """The lines of an open stream, as they come."""

    def __init__(self, host: str, path: str, headers: dict[str, str] | None = None) -> None:
        self._connection = http.client.HTTPConnection(host, timeout=TIMEOUT_S)
        self._connection.request("GET", path, headers=headers or {})
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200, self._answer.status

    def close(self) -> None:
        self._answer.close()
        self._connection.close()

    def next(self) -> str:
        """The next line that is not empty."""
        while True:
            line = self._answer.readline().decode().rstrip("\n")
            if line:
                return line
