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


class EventLines(Lines):
    """What an EventSource has of a stream: the events, and the id of the last one."""

    def __init__(self, host: str, path: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(host, path, headers)
        self.last_id = (headers or {}).get("Last-Event-ID", "")
        assert self.next().startswith("retry: ")

    def next_event(self) -> tuple[str, str]:
        """The next event, as its name and its data, which is one line."""
        name = "message"
        while True:
            field, _, value = self.next().partition(": ")
            if field == "event":
                name = value
            elif field == "id":
                self.last_id = value
            elif field == "data":
                return name, value
