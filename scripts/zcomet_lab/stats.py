"""Reads the figures of a running program from its admin address."""

import http.client
import json
import urllib.request
from typing import Any

TIMEOUT_S = 2
# The environment may name a proxy, which cannot reach addresses of this machine.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def read_stats(admin: str, timeout_s: float = TIMEOUT_S) -> dict[str, Any] | None:
    """The page /stats of the program whose admin address is `admin` (HOST:PORT).

    Returns None if the program does not answer.
    """
    try:
        with DIRECT.open(f"http://{admin}/stats", timeout=timeout_s) as answer:
            stats: dict[str, Any] = json.load(answer)
            return stats
    except (OSError, http.client.HTTPException, ValueError):
        return None
