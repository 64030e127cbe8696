"""A real browser shows each message while the response is still open.

Opens /test/123 of a real web node in headless Chromium, sends messages with zcomet-ctl, and asks
the page for its text and whether it is still loading.
usage: comet_page.py BUILD      (the build directory)
"""

import contextlib
import shutil
import sys
import tempfile

from zcomet_lab.cluster import Broker, WebNode
from zcomet_lab.ctl import Ctl
from zcomet_lab.programs import Programs
from zcomet_lab.skipping import skip
from zcomet_lab.waiting import await_true

from webdriver import Browser

USER_ID = "123"
# The messages, which the page must show exactly: markup in a message is text to the page.
TEXTS = ["Why not open another browser window too?", "<b>not bold</b> & 'quoted'", "Grüße, 世界"]


def check_page(browser: Browser, ctl: Ctl, url: str) -> None:
    browser.open(url)
    await_true("the page is being loaded", lambda: bool(browser.run("return location.href") == url))
    ctl.await_logins([USER_ID])
    shown = ""
    for number, text in enumerate(TEXTS, start=1):
        ctl.send(USER_ID, text)
        shown += f"Recvd msg #{number}: '{text}'\n"
        await_true(f"the page shows {shown!r}", lambda: page_text(browser) == shown.strip())
        assert browser.run("return document.readyState") == "loading"
    assert browser.run("return document.querySelectorAll('b').length") == 0


def page_text(browser: Browser) -> str:
    return str(browser.run("return document.body ? document.body.innerText.trim() : ''"))


def main() -> int:
    chromedriver = shutil.which("chromedriver")
    if chromedriver is None or shutil.which("chromium") is None:
        return skip("Chromium (Debian's chromium and chromium-driver) is not installed")
    # The browser may still write to its profile while it ends.
    with (
        tempfile.TemporaryDirectory(
            prefix="zcomet-browser-", ignore_cleanup_errors=True
        ) as profile,
        Programs(sys.argv[1]) as programs,
    ):
        broker = Broker(programs)
        web_node = WebNode(programs, broker.listen, name="a").await_ready()
        with contextlib.closing(Browser(programs, chromedriver, profile)) as browser:
            check_page(browser, broker.ctl, f"{web_node.http}/test/{USER_ID}")
    print(f"the page showed {len(TEXTS)} messages while it was still loading")
    return 0


if __name__ == "__main__":
    sys.exit(main())
