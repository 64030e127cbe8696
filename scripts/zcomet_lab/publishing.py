"""Publishes by HTTP, as a backend does."""

import http.client
import json
from typing import Any

from zcomet_lab.waiting import await_true

TIMEOUT_S = 20
HELD_BACK = 429  # the message was not sent


class Backend:
    """One connection to the API of a web node, kept open."""

    def __init__(self, api: str) -> None:
        """`api` is HOST:PORT."""
        self._connection = http.client.HTTPConnection(api, timeout=TIMEOUT_S)

    def post(self, path: str, body: str, **headers: str) -> tuple[int, str]:
        """The status and the body of the answer."""
        self._connection.request("POST", path, body.encode(), headers)
        return self._answer()

    def get(self, path: str) -> tuple[int, str]:
        """The status and the body of the answer."""
        self._connection.request("GET", path)
        return self._answer()

    def _answer(self) -> tuple[int, str]:
        answer = self._connection.getresponse()
        return answer.status, answer.read().decode()

    def send(self, user_id: str, text: str) -> dict[str, Any]:
        """Sends one message, again while the broker holds senders back; returns the answer."""

        def answer() -> tuple[int, str] | None:
            status, body = self.post(f"/send/{user_id}", text)
            return None if status == HELD_BACK else (status, body)

        status, body = await_true("the broker lets senders send", answer)
        assert status in (200, 202), (status, body)
        told: dict[str, Any] = json.loads(body)
        return told
