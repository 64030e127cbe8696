"""The demo page in a real browser: one types an id, sends, and two windows show it.

A worker is killed meanwhile, and the command that the page shows is run as it stands. Another web
node's page may not send by this one's API.
usage: demo_page.py BUILD      (the build directory)
"""

import os
import signal
import subprocess
import sys

from zcomet_lab.browsing import run_in_browser
from zcomet_lab.cluster import FREE_HTTP_PORT, Broker, WebNode
from zcomet_lab.processes import children_of
from zcomet_lab.programs import Programs
from zcomet_lab.waiting import await_true
from zcomet_lab.webdriver import Browser

from demo_window import DemoWindow

USER_ID = "room.1"
TEXTS = ["Hello", "two\nlines", "<b>not bold</b> & 'quoted'"]
COMMAND_TIMEOUT_S = 20


def check_two_windows(first: DemoWindow, broker: Broker) -> DemoWindow:
    first.listen(USER_ID)
    broker.ctl.await_logins([USER_ID])
    second = first.open_second()
    second.await_text("#state", f"Listening to {USER_ID}.")
    for text in TEXTS:
        first.send(text)
        first.await_text("#sent", "Sent to one web node.")
    first.await_messages(*TEXTS)
    second.await_messages(*TEXTS)
    return second


def check_commands(window: DemoWindow) -> None:
    command = window.text("#send-line")
    assert command.startswith("curl -d 'Hello from curl' http://127.0.0.1:"), command
    subprocess.run(
        ["sh", "-c", command], check=True, capture_output=True, timeout=COMMAND_TIMEOUT_S
    )
    window.await_messages(*TEXTS, "Hello from curl")


def check_cut(first: DemoWindow, second: DemoWindow, broker: Broker, web_node: WebNode) -> None:
    """The worker dies, and the pages come back by themselves."""
    before = first.messages()
    for worker in children_of(web_node.program.pid):
        os.kill(worker, signal.SIGKILL)
    cut = "The connection was cut. The browser comes back by itself."
    first.await_text("#state", cut)
    for window in (first, second):
        window.await_text("#state", f"Listening to {USER_ID}.")
    broker.ctl.await_logins([USER_ID])
    second.send("after the fall")
    first.await_messages(*before, "after the fall")


def check_nobody(window: DemoWindow, broker: Broker) -> None:
    """Where nobody listens any more, the page says so."""
    window.switch().run("source.close()")
    await_true("nobody has it", lambda: broker.ctl.nodes_of(USER_ID) == 0)
    window.send("into the void")
    window.await_text("#sent", "Sent, but nobody has it open.")


def check_other_page(
    browser: Browser, programs: Programs, broker: Broker, web_node: WebNode
) -> None:
    """The page of another port is another site: it may not send by this node's API."""
    other = WebNode(programs, broker.listen, name="other").await_ready()
    window = DemoWindow.open(browser, other.http)
    assert not window.switch().run("return sendUrl"), "it has no API to send to"
    assert window.switch().run("return document.getElementById('send-part').hidden")
    # As a page without our policy would do it: the policy would stop this one.
    browser.open(f"{other.http}/nothing")
    path = "return location.pathname"
    await_true("the page is there", lambda: bool(browser.run(path) == "/nothing"))
    refused = web_node.counters()["api_responses_4xx"]
    browser.run(
        f"fetch('{web_node.api}/send/{USER_ID}', {{method: 'POST', mode: 'no-cors', body: 'evil'}})"
    )
    await_true(
        "the page is refused", lambda: web_node.counters()["api_responses_4xx"] == refused + 1
    )


def check(browser: Browser, programs: Programs, broker: Broker, web_node: WebNode) -> str:
    first = DemoWindow.open(browser, web_node.http)
    second = check_two_windows(first, broker)
    check_commands(second)
    check_cut(first, second, broker, web_node)
    heard = first.messages()
    second.switch().run("source.close()")
    check_nobody(first, broker)
    second.switch()
    check_other_page(browser, programs, broker, web_node)
    first.await_messages(*heard)
    return f"two windows showed {len(heard)} messages"


if __name__ == "__main__":
    sys.exit(run_in_browser(check, "--api", FREE_HTTP_PORT))
