"""A browser under remote control.

These are the few calls of the WebDriver protocol that the tests need, in plain HTTP and JSON
(https://www.w3.org/TR/webdriver2/).
"""

import json
import os
import re
import urllib.request
from typing import Any

from zcomet_lab.programs import Programs
from zcomet_lab.stats import DIRECT

# They keep the browser from connecting to anything but the page under test.
ARGUMENTS = [
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TIMEOUT_S = 60


class Browser:
    """One headless Chromium with a profile of its own, ended by close()."""

    def __init__(self, programs: Programs, chromedriver: str, profile: str) -> None:
        """`chromedriver` is that program's path, `profile` an empty folder."""
        driver = programs.start(chromedriver, "--port=0", name="chromedriver")
        started = driver.await_line("started successfully on port")
        port = re.search(r"on port (\d+)", started)
        assert port is not None, started
        self._url = f"http://127.0.0.1:{port[1]}/session"
        wanted = {
            # "none": a page that never ends has no load event to wait for.
            "pageLoadStrategy": "none",
            "goog:chromeOptions": {"args": self._arguments(profile)},
        }
        session = self._call("POST", "", {"capabilities": {"alwaysMatch": wanted}})
        self._url += f"/{session['sessionId']}"

    @staticmethod
    def _arguments(profile: str) -> list[str]:
        # Root, as which containers run, can start Chromium only without its sandbox.
        as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
        return [*ARGUMENTS, *as_root, f"--user-data-dir={profile}"]

    def _call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        with DIRECT.open(request, timeout=TIMEOUT_S) as answer:
            return json.load(answer)["value"]

    def open(self, url: str) -> None:
        self._call("POST", "/url", {"url": url})

    def run(self, script: str) -> Any:
        """Runs JavaScript in the page; returns its result."""
        return self._call("POST", "/execute/sync", {"script": script, "args": []})

    def close(self) -> None:
        self._call("DELETE", "")
