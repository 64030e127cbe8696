"""A browser under remote control.

These are the few calls of the WebDriver protocol that the tests need, in plain HTTP and JSON
(https://www.w3.org/TR/webdriver2/).
"""

import base64
import json
import os
import re
import urllib.request
from typing import Any

from zcomet_lab.programs import Program, ProgramError, Programs
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
STARTS_MAX = 5

TAB, ENTER, SHIFT, CONTROL = "\ue004", "\ue007", "\ue008", "\ue009"
"""Keys, as the protocol writes them."""

# By which the protocol names an element in JSON.
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


def start_driver(programs: Programs, chromedriver: str) -> tuple[Program, str]:
    """Starts chromedriver; returns it, and the line in which it says its port.

    It takes a free port of IPv4 and wants the same one of IPv6, where another program may have it.
    """
    for tries_left in reversed(range(STARTS_MAX)):
        driver = programs.start(chromedriver, "--port=0", name="chromedriver")
        try:
            return driver, driver.await_line("started successfully on port")
        except ProgramError as error:
            if tries_left == 0 or "Address already in use" not in str(error):
                raise
    raise AssertionError("not reached")


class Browser:
    """One headless Chromium with a profile of its own, ended by close()."""

    def __init__(
        self, programs: Programs, chromedriver: str, profile: str, *arguments: str
    ) -> None:
        """`chromedriver` is that program's path, `profile` an empty folder.

        `arguments`: more of them for the browser's command line.
        """
        self._programs = programs
        self._driver, started = start_driver(programs, chromedriver)
        port = re.search(r"on port (\d+)", started)
        assert port is not None, started
        self._url = f"http://127.0.0.1:{port[1]}/session"
        wanted = {
            # "none": a page that never ends has no load event to wait for.
            "pageLoadStrategy": "none",
            "goog:chromeOptions": {"args": [*self._arguments(profile), *arguments]},
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

    def run(self, script: str, *arguments: str) -> Any:
        """Runs JavaScript in the page, which sees `arguments`; returns its result."""
        return self._call("POST", "/execute/sync", {"script": script, "args": arguments})

    def element(self, selector: str) -> str:
        """The first element of the page that the CSS selector matches, for the calls below."""
        found = self._call("POST", "/element", {"using": "css selector", "value": selector})
        return str(found[ELEMENT])

    def focused(self) -> str:
        """The element that has the keyboard."""
        return str(self._call("GET", "/element/active")[ELEMENT])

    def role(self, element: str) -> str:
        """What a screen reader takes the element for."""
        return str(self._call("GET", f"/element/{element}/computedrole"))

    def label(self, element: str) -> str:
        """What a screen reader calls the element."""
        return str(self._call("GET", f"/element/{element}/computedlabel"))

    def press(self, *keys: str) -> None:
        """Presses keys one after another. A key with others behind it is held down for them."""
        actions: list[dict[str, str]] = []
        for key in keys:
            down = [{"type": "keyDown", "value": part} for part in key]
            actions += down + [{"type": "keyUp", "value": part} for part in reversed(key)]
        self._call(
            "POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]}
        )

    def write(self, text: str) -> None:
        """Types a text, key by key."""
        self.press(*text)

    def click(self, selector: str) -> None:
        self._call("POST", f"/element/{self.element(selector)}/click", {})

    def windows(self) -> list[str]:
        """All windows, for switch_to()."""
        return list(self._call("GET", "/window/handles"))

    def window(self) -> str:
        """The one that all calls are about."""
        return str(self._call("GET", "/window"))

    def switch_to(self, window: str) -> None:
        """What is called afterwards is about this window."""
        self._call("POST", "/window", {"handle": window})

    def resize(self, width: int, height: int) -> None:
        self._call("POST", "/window/rect", {"width": width, "height": height})

    def prefer(self, scheme: str) -> None:
        """Has pages take the user's wish to be "light" or "dark"."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        emulation = {"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}}
        self._call("POST", "/goog/cdp/execute", emulation)

    def screenshot(self) -> bytes:
        """The window as PNG."""
        return base64.b64decode(self._call("GET", "/screenshot"))

    def close(self) -> None:
        self._call("DELETE", "")
        self._programs.end(self._driver)
