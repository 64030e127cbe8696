"""A real browser's EventSource hears each message, and comes back by itself.

Opens an EventSource on /events/123 of a real web node in headless Chromium, sends messages with
zcomet-ctl, and kills the worker that has the stream.
usage: event_source.py BUILD      (the build directory)
"""

import os
import signal
import sys

from zcomet_lab.cluster import Broker, WebNode
from zcomet_lab.ctl import Ctl
from zcomet_lab.processes import children_of
from zcomet_lab.waiting import await_true

from browsing import run_in_browser
from webdriver import Browser

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


def check(browser: Browser, broker: Broker, web_node: WebNode) -> str:
    # Any page of the web node has the right origin.
    browser.open(f"{web_node.http}/nothing")
    await_true("the page is there", lambda: path_of(browser) == "/nothing")
    browser.run(LISTEN)
    check_messages(browser, broker.ctl, TEXTS)

    for worker in children_of(web_node.program.pid):
        os.kill(worker, signal.SIGKILL)
    await_true("the EventSource is back", lambda: int(browser.run("return opened")) == 2)
    check_messages(browser, broker.ctl, ["after the fall"])
    return f"the EventSource heard {len(TEXTS) + 1} messages, and came back once"


if __name__ == "__main__":
    sys.exit(run_in_browser(check))
