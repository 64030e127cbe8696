"""Each recipe of docs/COOKBOOK.md works as it stands there.

The pieces of code use the programs' default addresses, so all this is in a network namespace of its
own. A recipe that has a piece which no check here uses is a failure.
usage: cookbook.py BUILD COOKBOOK RECIPE
"""

import base64
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator

from zcomet_lab.browsing import headless_browser, why_no_browser
from zcomet_lab.ctl import Ctl
from zcomet_lab.namespaces import run_on_own_loopback
from zcomet_lab.programs import Programs
from zcomet_lab.skipping import skip
from zcomet_lab.stats import DIRECT
from zcomet_lab.waiting import await_true
from zcomet_lab.webdriver import Browser

from client_list import why_no_packages
from site_of_pages import Site, site

BROKER = "tcp://127.0.0.1:5555"
SITE_PORT = 3000
NGINX_PORT = 8080
TIMEOUT_S = 30
# A whole configuration around the locations of a recipe.
NGINX = """
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    {temporary}
    server {{
        listen {port};
        {locations}
    }}
}}
"""
TEMPORARY = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]


class Recipe:
    """A section of the cookbook, whose pieces are taken one after another."""

    def __init__(self, cookbook: str, title: str) -> None:
        section = cookbook.split(f"\n## {title}\n")[1].split("\n## ")[0]
        self._pieces = re.findall(r"^```(\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)

    def take(self, language: str) -> str:
        """The next piece in this language."""
        for piece in self._pieces:
            if piece[0] == language:
                self._pieces.remove(piece)
                return str(piece[1])
        raise AssertionError(f"there is no further piece in {language}")

    def check_done(self) -> None:
        assert not self._pieces, f"no check uses {self._pieces}"


class Kitchen:
    """What a recipe is tried with."""

    def __init__(self, programs: Programs, folder: pathlib.Path, packages: pathlib.Path) -> None:
        self.programs = programs
        self.folder = folder
        self._packages = packages
        self.ctl = Ctl(programs.path("zcomet-ctl"), "--broker", BROKER)

    def start(self, command: str) -> None:
        """Starts the web node of a recipe."""
        program, *options = shlex.split(command)
        assert program == "zcomet-webnode"
        self.programs.start(program, *options).await_ready()

    def run(self, language: str, piece: str) -> str:
        """Runs a piece in one of the languages that are run so; returns what it prints."""
        command = {"sh": ["bash", "-euc"], "python": [sys.executable, "-c"]}[language]
        done = subprocess.run(
            [*command, piece], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        assert done.returncode == 0, f"{piece}: {done.stderr}"
        return done.stdout

    @contextlib.contextmanager
    def page(self, html: str) -> Iterator[tuple[Browser, Site]]:
        """A browser that has a page of the recipe's site open."""
        text = (
            f"<!doctype html>\n<meta charset=utf-8>\n<title>A page</title>\n<body>\n{html}</body>"
        )
        (self.folder / "page.html").write_text(text, encoding="utf-8")
        with (
            site([self.folder, self._packages], SITE_PORT) as pages,
            headless_browser(self.programs) as browser,
        ):
            browser.open(f"http://localhost:{SITE_PORT}/page.html")
            yield browser, pages


def await_shown(browser: Browser, selector: str, *texts: str) -> None:
    """Waits until the elements that the selector matches have exactly these texts."""
    script = f"return [...document.querySelectorAll('{selector}')].map((one) => one.textContent)"

    def shown() -> list[str]:
        return [" ".join(text.split()) for text in browser.run(script)]

    await_true(lambda: f"{selector} shows {texts}: {shown()}", lambda: shown() == list(texts))


def notifications(recipe: Recipe, kitchen: Kitchen) -> None:
    kitchen.start(recipe.take("sh"))
    with kitchen.page(recipe.take("html")) as (browser, _):
        kitchen.ctl.await_logins(["user.42"])
        assert '"nodes":1' in kitchen.run("sh", recipe.take("sh"))
        assert kitchen.run("python", recipe.take("python")) == "True\nFalse\n"
        await_shown(browser, "#notes li", "Your parcel is here", "Your invoice is here")


def live_prices(recipe: Recipe, kitchen: Kitchen) -> None:
    kitchen.start(recipe.take("sh"))
    publish = recipe.take("sh")
    with kitchen.page(recipe.take("html")) as (browser, _):
        kitchen.ctl.await_logins(["price.ACME", "price.BOLT"])
        assert kitchen.run("sh", publish).count('"nodes":1') == 3
        await_shown(browser, "output", "101.30", "7.50")
    [kept] = json.loads(kitchen.run("sh", recipe.take("sh")))["messages"]
    assert kept["data"] == "ACME 101.30", kept


def tokens(recipe: Recipe, kitchen: Kitchen) -> None:
    kitchen.start(recipe.take("sh"))
    with kitchen.page(recipe.take("html")) as (browser, pages):
        await_true("the page asks to begin", lambda: pages.posted == ["/begin"])
        kitchen.run("python", recipe.take("python"))
        await_true("the page closes the stream", lambda: kitchen.ctl.nodes_of("llm.5c1d0e77") == 0)
        text = browser.run("return document.getElementById('answer').textContent")
        assert text == "Once upon a\n\ntime …", text


def htmx(recipe: Recipe, kitchen: Kitchen) -> None:
    kitchen.start(recipe.take("sh"))
    with kitchen.page(recipe.take("html")) as (browser, _):
        kitchen.ctl.await_logins(["board.1"])
        kitchen.run("sh", recipe.take("sh"))
        await_shown(browser, "#board > li", "Ann has joined")
        await_shown(browser, "#board > li > b", "Ann")


def datastar(recipe: Recipe, kitchen: Kitchen) -> None:
    kitchen.start(recipe.take("sh"))
    with kitchen.page(recipe.take("html")) as (browser, _):
        kitchen.ctl.await_logins(["board.2"])
        kitchen.run("sh", recipe.take("sh"))
        await_shown(browser, "#board > li", "Ann has joined")


def start_nginx(kitchen: Kitchen, locations: str) -> None:
    program = shutil.which("nginx")
    assert program is not None
    config = kitchen.folder / "nginx.conf"
    config.write_text(
        NGINX.format(
            folder=kitchen.folder,
            temporary="\n".join(f"{name}_temp_path {kitchen.folder}/{name};" for name in TEMPORARY),
            port=NGINX_PORT,
            locations=locations,
        ),
        encoding="utf-8",
    )
    kitchen.programs.start(program, "-e", "stderr", "-c", config, "-g", "daemon off;", name="nginx")


def await_line(stream: http.client.HTTPResponse, wanted: str) -> None:
    while (line := stream.readline().decode()) != f"{wanted}\n":
        assert line, f"the stream has ended without {wanted}"


def nchan(recipe: Recipe, kitchen: Kitchen) -> None:
    start_nginx(kitchen, recipe.take("nginx"))
    kitchen.start(recipe.take("sh"))
    stream = await_true("nginx passes it on", lambda: opened("/sub/news"))
    kitchen.ctl.await_logins(["news"])
    kitchen.run("sh", recipe.take("sh"))
    await_line(stream, "data: Hello from Nchan")


def pushpin(recipe: Recipe, kitchen: Kitchen) -> None:
    start_nginx(kitchen, recipe.take("nginx"))
    kitchen.start(recipe.take("sh"))
    stream = await_true("nginx passes it on", lambda: opened("/stream"))
    kitchen.ctl.await_logins(["news", "weather"])
    polled: list[http.client.HTTPResponse | None] = []
    poll = threading.Thread(target=lambda: polled.append(opened("/long-poll")))
    poll.start()
    await_true("the poll waits", lambda: streams_of("news") == 2)
    assert kitchen.run("python", recipe.take("python")) == "Published\n"
    for data in ("rain", "It rains."):
        await_line(stream, f"data: {data}")
    assert '"nodes":1' in kitchen.run("sh", recipe.take("sh"))
    await_line(stream, "event: headline")
    await_line(stream, "data: It rains more.")
    poll.join()
    [answer] = polled
    assert answer is not None
    [message] = json.load(answer)["messages"]
    assert message["data"] == "It rains.", message


def mercure(recipe: Recipe, kitchen: Kitchen) -> None:
    kitchen.start(recipe.take("sh"))
    topic = hashlib.sha256(b"https://example.com/books/1").digest()
    with kitchen.page(recipe.take("html")) as (browser, _):
        kitchen.ctl.await_logins(["~" + base64.urlsafe_b64encode(topic).decode().rstrip("=")])
        cursor = kitchen.run("python", recipe.take("python"))
        assert re.fullmatch(r"[0-9a-z]+-[0-9a-z]+\n", cursor), cursor
        await_shown(browser, "#books li", "Sold out")


def streams_of(user_id: str) -> int:
    """How many streams have an id."""
    with DIRECT.open(f"http://localhost:8008/who/{user_id}", timeout=TIMEOUT_S) as answer:
        return int(json.load(answer)["streams"])


def opened(path: str) -> http.client.HTTPResponse | None:
    """A stream by way of nginx; None while that does not listen."""
    connection = http.client.HTTPConnection("localhost", NGINX_PORT, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
    except OSError:
        return None
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    return answer


def why_no_nginx(_: pathlib.Path) -> str:
    return "" if shutil.which("nginx") else "nginx (Debian's nginx) is not installed"


def why_no_pages(_: pathlib.Path) -> str:
    return why_no_browser()


def why_no_packaged_pages(packages: pathlib.Path) -> str:
    return why_no_packages(packages) or why_no_browser()


RECIPES = {
    "Notifications": (notifications, why_no_pages),
    "Live prices": (live_prices, why_no_pages),
    "Tokens of a language model": (tokens, why_no_pages),
    "htmx": (htmx, why_no_packaged_pages),
    "Datastar": (datastar, why_no_packaged_pages),
    "Moving from Nchan": (nchan, why_no_nginx),
    "Moving from Pushpin": (pushpin, why_no_nginx),
    "Moving from Mercure": (mercure, why_no_pages),
}


def check(build: str, cookbook: str, title: str) -> None:
    titles = re.findall(r"^## (.*)$", cookbook, re.MULTILINE)
    assert titles == list(RECIPES), f"the recipes are {titles}"
    recipe = Recipe(cookbook, title)
    packages = pathlib.Path(build).resolve() / "npm"
    # What it starts is all on this host.
    for name in ("http_proxy", "HTTP_PROXY"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory() as folder, Programs(build) as programs:
        RECIPES[title][0](recipe, Kitchen(programs, pathlib.Path(folder), packages))
    recipe.check_done()


def main() -> int:
    build, path, title = sys.argv[1:]
    if why := RECIPES[title][1](pathlib.Path(build) / "npm"):
        return skip(why)
    cookbook = pathlib.Path(path).read_text(encoding="utf-8")
    return run_on_own_loopback(
        lambda: check(build, cookbook, title), f"the recipe {title} works as written"
    )


if __name__ == "__main__":
    sys.exit(main())
