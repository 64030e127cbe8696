"""A real browser shows each message while the response is still open.

Opens /test/123 of a real web node in headless Chromium, sends messages with zcomet-ctl, and asks
the page for its text and whether it is still loading; then the web node drains, another one takes
its place, and that one ends at once.
usage: comet_page.py BUILD      (the build directory)
"""

import sys

from zcomet_lab.browsing import run_in_browser
from zcomet_lab.cluster import Broker, WebNode
from zcomet_lab.ctl import Ctl
from zcomet_lab.programs import WEB_NODE, Programs
from zcomet_lab.waiting import await_true
from zcomet_lab.webdriver import Browser

USER_ID = "123"
LOG = "[role=log]"
LINES_TO_SCROLL = 60
TIMEOUT_S = 20
AT_END = "innerHeight + scrollY > document.documentElement.scrollHeight - 99"
# The messages, which the page must show exactly: markup in a message is text to the page.
TEXTS = ["Why not open another browser window too?", "<b>not bold</b> & 'quoted'", "Grüße, 世界"]


def check_page(browser: Browser, ctl: Ctl, url: str) -> None:
    browser.open(url)
    await_true("the page is being loaded", lambda: bool(browser.run("return location.href") == url))
    ctl.await_logins([USER_ID])
    waiting = f"Waiting for messages to {USER_ID}."
    await_true("the page says that it waits", lambda: text_of(browser, "body") == waiting)
    assert browser.run("return document.title") == f"{USER_ID} - Zcomet"
    assert browser.run("return document.compatMode") == "CSS1Compat"
    shown = ""
    for number, text in enumerate(TEXTS, start=1):
        ctl.send(USER_ID, text)
        shown += f"Recvd msg #{number}: '{text}'\n"
        await_true(f"the page shows {shown!r}", lambda: text_of(browser, LOG) == shown.strip())
        assert browser.run("return document.readyState") == "loading"
    assert browser.run("return document.querySelectorAll('b').length") == 0


def check_scrolling(browser: Browser, ctl: Ctl) -> None:
    for _ in range(LINES_TO_SCROLL):
        ctl.send(USER_ID, "more")
    await_true("the page scrolls to its end", lambda: bool(browser.run(f"return {AT_END}")))
    assert browser.run("return scrollY") > 0


def check_move(browser: Browser, programs: Programs, broker: Broker, web_node: WebNode) -> None:
    """The page goes on by itself, once a web node is there."""
    web_node.program.ask_to_drain()
    await_true(
        "the page says that it goes on elsewhere",
        lambda: text_of(browser, "body").endswith("Going on at another server."),
    )
    web_node.program.finish(TIMEOUT_S)
    address = web_node.http.removeprefix("http://")
    next_node = programs.start(WEB_NODE, "--broker", broker.listen, "--http", address)
    next_node.await_ready()
    broker.ctl.await_logins([USER_ID])
    broker.ctl.send(USER_ID, "welcome back")
    shown = "Recvd msg #1: 'welcome back'"
    await_true(f"the page shows {shown!r}", lambda: text_of(browser, LOG) == shown)
    next_node.ask_to_end()


def check_end(browser: Browser) -> None:
    await_true(
        "the page says that it is disconnected",
        lambda: text_of(browser, "body").endswith("Disconnected. Reload the page to go on."),
    )


def text_of(browser: Browser, selector: str) -> str:
    """The text that a part of the page shows; empty while there is none."""
    return str(
        browser.run(
            f"const part = document.querySelector('{selector}');"
            " return part ? part.innerText.trim() : ''"
        )
    )


def check(browser: Browser, programs: Programs, broker: Broker, web_node: WebNode) -> str:
    check_page(browser, broker.ctl, f"{web_node.http}/test/{USER_ID}")
    check_scrolling(browser, broker.ctl)
    check_move(browser, programs, broker, web_node)
    check_end(browser)
    return f"the page showed {len(TEXTS)} messages while it was still loading"


if __name__ == "__main__":
    sys.exit(run_in_browser(check, "--drain-grace", 0, "--drain-seconds", 1))
