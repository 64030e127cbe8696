"""The clients that are tried: what each needs, how it is started, and what it has shown.

A client is a program that prints a line of JSON for each event that it hears, {"event","data"}, or
a page in a browser that has an item for each message. It gets the URL of the stream, and comes
back by itself.
"""

import contextlib
import dataclasses
import importlib.util
import json
import pathlib
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from zcomet_lab.browsing import headless_browser, why_no_browser
from zcomet_lab.programs import Programs
from zcomet_lab.webdriver import Browser

from site_of_pages import site

HERE = pathlib.Path(__file__).parent
GAP = "gap"
ITEMS = "return [...document.querySelectorAll('#list li')].map((item) => item.textContent)"


@dataclasses.dataclass(frozen=True)
class Message:
    """What is sent, and how it shows."""

    event: str
    text: str
    shown: str


def plain(number: int) -> Message:
    """Several lines, one of them empty, with markup, blanks and other characters than ASCII."""
    text = f"{number} Grüße\n\n  <b>&amp;\n世界 "
    return Message("note", text, text)


def as_item(number: int) -> Message:
    """An item for a list, as htmx takes it."""
    return Message("note", f"<li>{number}\n<b>bold</b>\n</li>", f"{number}\nbold\n")


def as_fragment(number: int) -> Message:
    """The same as this release of Datastar takes it. Later ones say datastar-patch-elements."""
    lines = ["selector #list", "mergeMode append", f"fragments <li>{number}", "fragments bold</li>"]
    return Message("datastar-merge-fragments", "\n".join(lines), f"{number}\nbold")


Shown = Callable[[], list[str]]
"""The messages that a running client has shown so far; GAP where it was told of one."""


class Client(Protocol):
    """One of the clients."""

    def why_missing(self, packages: pathlib.Path) -> str:
        """Why it cannot run here; empty: it can. `packages` is where npm has put node_modules."""

    def message(self, number: int) -> Message:
        """A message in the form that it wants."""

    def run(
        self, programs: Programs, packages: pathlib.Path, begin: Callable[[str], str]
    ) -> contextlib.AbstractContextManager[Shown]:
        """Starts it. `begin` gives the URL of the stream to an origin that may read it, if any."""


@dataclasses.dataclass(frozen=True)
class ProgramClient:
    """A client that is a program."""

    command: list[str]
    needs: Callable[[pathlib.Path], str]
    is_for_node: bool = False

    def why_missing(self, packages: pathlib.Path) -> str:
        return self.needs(packages)

    def message(self, number: int) -> Message:
        return plain(number)

    @contextlib.contextmanager
    def run(
        self, programs: Programs, packages: pathlib.Path, begin: Callable[[str], str]
    ) -> Iterator[Shown]:
        interpreter = shutil.which(self.command[0])
        assert interpreter is not None
        where = [str(packages)] if self.is_for_node else []
        words = [*self.command[1:], *where, begin("")]
        program = programs.start(interpreter, *words, name=pathlib.Path(self.command[1]).name)
        shown: list[str] = []

        def read() -> None:
            for line in program.lines():
                told = json.loads(line)
                shown.append(GAP if told["event"] == GAP else told["data"])

        threading.Thread(target=read, daemon=True).start()
        yield lambda: list(shown)


@dataclasses.dataclass(frozen=True)
class PageClient:
    """A client that is a page."""

    name: str
    form: Callable[[int], Message]

    def why_missing(self, packages: pathlib.Path) -> str:
        return why_no_packages(packages) or why_no_browser()

    def message(self, number: int) -> Message:
        return self.form(number)

    @contextlib.contextmanager
    def run(
        self, programs: Programs, packages: pathlib.Path, begin: Callable[[str], str]
    ) -> Iterator[Shown]:
        with site([HERE, packages]) as pages, headless_browser(programs) as browser:
            browser.open(f"{pages.origin}/{self.name}?{begin(pages.origin)}")
            yield lambda: items_in(browser)


def items_in(browser: Browser) -> list[str]:
    return list(browser.run(ITEMS))


def why_no_packages(packages: pathlib.Path) -> str:
    if not shutil.which("node"):
        return "Node (Debian's nodejs) is not installed"
    if not (packages / "node_modules").is_dir():
        return "npm's packages are not here: scripts/test fetches them where it reaches npm"
    return ""


def why_no_module(name: str) -> str:
    found = importlib.util.find_spec(name)
    return "" if found else f"Debian's python3-{name} is not installed"


def for_node(file: str) -> ProgramClient:
    return ProgramClient(["node", str(HERE / file)], why_no_packages, is_for_node=True)


def for_python(module: str) -> ProgramClient:
    command = [sys.executable, str(HERE / f"with_{module}.py")]
    return ProgramClient(command, lambda _: why_no_module(module))


CLIENTS: dict[str, Client] = {
    "eventsource": for_node("eventsource.mjs"),
    "fetch-event-source": for_node("fetch_event_source.mjs"),
    "event-source-polyfill": for_node("polyfill.mjs"),
    "curl": ProgramClient(["bash", str(HERE / "curl.sh")], lambda _: ""),
    "aiohttp": for_python("aiohttp"),
    "httpx": for_python("httpx"),
    "requests": for_python("requests"),
    "htmx": PageClient("htmx.html", as_item),
    "datastar": PageClient("datastar.html", as_fragment),
}
