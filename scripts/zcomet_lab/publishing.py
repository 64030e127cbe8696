"""Publishes by HTTP, as a backend does."""

import http.client
import json
from typing import Any

TIMEOUT_S = 20


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
        """Sends one message; returns the answer."""
        status, answer = self.post(f"/send/{user_id}", text)
        assert status in (200, 202), (status, answer)
        told: dict[str, Any] = json.loads(answer)
        return told
