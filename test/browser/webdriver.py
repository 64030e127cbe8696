"""A browser under remote control: the few calls of the WebDriver protocol that the tests need, which
are plain HTTP and JSON (https://www.w3.org/TR/webdriver2/)."""

import json
import os
import re
import urllib.request

# Root, as which containers run, may start Chromium only without its sandbox. The rest keeps it from
# talking to anyone but the page under test.
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
    """One headless Chromium with a profile of its own, ended by `close()`."""

    def __init__(self, programs, chromedriver, profile):
        driver = programs.start(chromedriver, ["--port=0"], name="chromedriver")
        started = driver.await_line("started successfully on port")
        port = re.search(r"on port (\d+)", started)[1]
        self._url = f"http://127.0.0.1:{port}/session"
        self._url += (
            "/"
            + self._call(
                "POST",
                "",
                {
                    "capabilities": {
                        "alwaysMatch": {
                            # "none": a page that never ends has no load event to wait for.
                            "pageLoadStrategy": "none",
                            "goog:chromeOptions": {"args": self._arguments(profile)},
                        }
                    }
                },
            )["sessionId"]
        )

    @staticmethod
    def _arguments(profile):
        as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
        return ARGUMENTS + as_root + [f"--user-data-dir={profile}"]

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._url + path, data, {"Content-Type": "application/json"}, method=method
        )
        # Without the environment's proxies: the driver is on this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            return json.load(answer)["value"]

    def open(self, url):
        self._call("POST", "/url", {"url": url})

    def run(self, script):
        """Runs JavaScript in the page; returns what it returns."""
        return self._call("POST", "/execute/sync", {"script": script, "args": []})

    def close(self):
        self._call("DELETE", "")
