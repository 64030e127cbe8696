"""Makes docs/demo.png: the demo page with some messages.

usage: demo_screenshot.py BUILD FILE      (`meson compile -C BUILD screenshot` calls it)
"""

import pathlib
import sys

from zcomet_lab.browsing import run_in_browser
from zcomet_lab.cluster import FREE_HTTP_PORT, Broker, WebNode
from zcomet_lab.programs import Programs
from zcomet_lab.webdriver import Browser

from demo_window import DemoWindow

# Down to the part that sends.
WIDTH, HEIGHT = 760, 892
TEXTS = ["Hello from curl", "Why not open another browser window too?", "Grüße aus Köln"]


def check(browser: Browser, _: Programs, broker: Broker, web_node: WebNode) -> str:
    browser.resize(WIDTH, HEIGHT)
    browser.prefer("light")
    window = DemoWindow.open(browser, web_node.http)
    window.listen("123")
    broker.ctl.await_logins(["123"])
    for count, text in enumerate(TEXTS, start=1):
        window.send(text)
        window.await_messages(*TEXTS[:count])
    window.await_text("#sent", "Sent to one web node.")
    browser.run("document.documentElement.style.overflow = 'hidden'; scrollTo(0, 0)")
    file = pathlib.Path(sys.argv[2])
    file.write_bytes(browser.screenshot())
    return f"{file}: {file.stat().st_size} bytes"


if __name__ == "__main__":
    sys.exit(run_in_browser(check, "--api", FREE_HTTP_PORT))
