"""Events from the lines of a stream, for clients that know nothing of events."""

import json
from dataclasses import dataclass, field


@dataclass
class SseLines:
    """Takes lines without their ends, and remembers what a client has to hand back."""

    cursor: str = ""
    """For the header Last-Event-ID."""
    retry_s: float = 1
    """How long to wait before coming back."""
    _event: str = "message"
    _data: list[str] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        """Of the next request."""
        return {"Last-Event-ID": self.cursor} if self.cursor else {}

    def begin(self) -> None:
        """A new stream: half an event of the last one counts for nothing."""
        self._event, self._data = "message", []

    def take(self, line: str) -> None:
        """Prints an event when its empty line has come."""
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id":
            self.cursor = value
        elif name == "retry":
            self.retry_s = int(value) / 1000
        elif not line:
            self._end()

    def _end(self) -> None:
        if self._data and self._event != "position":
            told = {"event": self._event, "data": "\n".join(self._data)}
            print(json.dumps(told), flush=True)
        self.begin()
