"""A real browser's EventSource hears each message, and comes back by itself.

Opens an EventSource on /events/123 of a real web node in headless Chromium, sends messages with
zcomet-ctl, and kills the worker that has the stream. Then the page listens to other web nodes: one
that allows its origin, and one that does not.
usage: event_source.py BUILD      (the build directory)
"""

import os
import signal
import sys

from zcomet_lab.browsing import run_in_browser
from zcomet_lab.cluster import Broker, WebNode
from zcomet_lab.ctl import Ctl
from zcomet_lab.processes import children_of
from zcomet_lab.programs import Programs
from zcomet_lab.waiting import await_true
from zcomet_lab.webdriver import Browser

USER_ID = "123"
TEXTS = ["plain", "two\nlines", "<b>markup</b> & 'quotes'", "Grüße, 世界", " blanks ", ""]
LISTEN = f"""
window.heard = [];
window.opened = 0;
window.source = new EventSource("/events/{USER_ID}");
source.onopen = () => {{ ++opened; }};
source.onmessage = (event) => {{ heard.push(event.data); }};
"""


def path_of(browser: Browser) -> str:
    return str(browser.run("return location.pathname"))


def heard(browser: Browser) -> list[str]:
    return list(browser.run("return heard"))


def check_messages(browser: Browser, ctl: Ctl, texts: list[str]) -> None:
    before = heard(browser)
    ctl.await_logins([USER_ID])
    for text in texts:
        ctl.send(USER_ID, text)
    await_true("the page hears all", lambda: len(heard(browser)) == len(before) + len(texts))
    assert heard(browser) == before + texts, heard(browser)


def check_other_site(
    browser: Browser, programs: Programs, broker: Broker, page_node: WebNode
) -> None:
    """The page of one web node listens to another one, if that allows it."""
    allowing = ("--cors-origin", page_node.http)
    for name, options, opens in (("b", allowing, True), ("c", (), False)):
        node = WebNode(programs, broker.listen, *options, name=name).await_ready()
        browser.run(
            f"window.other = new EventSource('{node.http}/events/other-{name}');"
            "window.other_opened = window.other_failed = 0;"
            "other.onopen = () => { ++other_opened; };"
            "other.onerror = () => { ++other_failed; };"
        )
        await_true(
            "the EventSource opens, or fails",
            lambda: int(browser.run("return other_opened + other_failed")) > 0,
        )
        assert bool(browser.run("return other_opened")) == opens, f"node {name}"


def check(browser: Browser, programs: Programs, broker: Broker, web_node: WebNode) -> str:
    # Any page of the web node has the right origin.
    browser.open(f"{web_node.http}/nothing")
    await_true("the page is there", lambda: path_of(browser) == "/nothing")
    browser.run(LISTEN)
    check_messages(browser, broker.ctl, TEXTS)

    for worker in children_of(web_node.program.pid):
        os.kill(worker, signal.SIGKILL)
    await_true("the EventSource is back", lambda: int(browser.run("return opened")) == 2)
    check_messages(browser, broker.ctl, ["after the fall"])
    check_other_site(browser, programs, broker, web_node)
    return f"the EventSource heard {len(TEXTS) + 1} messages, and came back once"


if __name__ == "__main__":
    sys.exit(run_in_browser(check))
