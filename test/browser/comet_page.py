"""A real browser shows each message while the response is still open.

Opens /test/123 of a real web node in headless Chromium, sends messages with zcomet-ctl, and asks the
page for its text and whether it is still loading.
usage: comet_page.py BROKER WEBNODE CTL      (the three programs)
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time

from zcomet_lab.programs import Programs
from webdriver import Browser

TIMEOUT_S = 30
SKIPPED = 77
# What is sent, and so exactly what the page must show: markup in a message is text to the page.
TEXTS = ["Why not open another browser window too?", "<b>not bold</b> & 'quoted'", "Grüße, 世界"]


def start_cluster(programs, broker_path, web_node_path):
    broker = programs.start(
        broker_path, ["--listen", "tcp://127.0.0.1:*", "--feed", "tcp://127.0.0.1:*"], name="broker"
    ).await_ready()["listen"]
    web_node = programs.start(
        web_node_path, ["--broker", broker, "--http", "127.0.0.1:0", "--name", "a"], name="web node"
    ).await_ready()["http"]
    return broker, web_node


def send(ctl_path, broker, text):
    subprocess.run(
        [ctl_path, "--broker", broker, "send", "123", text],
        check=True,
        capture_output=True,
        timeout=TIMEOUT_S,
    )


def await_true(what, holds):
    deadline = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < deadline, f"not within {TIMEOUT_S} s: {what}"
        time.sleep(0.02)


def check_page(browser, ctl_path, broker, url):
    browser.open(url)
    await_true("the page is being loaded", lambda: url == browser.run("return location.href"))
    ask = [ctl_path, "--broker", broker, "who", "123"]
    await_true("the stream is logged in", lambda: b"a/1" in subprocess.check_output(ask))
    shown = ""
    for number, text in enumerate(TEXTS, start=1):
        send(ctl_path, broker, text)
        shown += f"Recvd msg #{number}: '{text}'\n"
        await_true(f"the page shows {shown!r}", lambda: page_text(browser) == shown.strip())
        assert browser.run("return document.readyState") == "loading"
    assert browser.run("return document.querySelectorAll('b').length") == 0


def page_text(browser):
    return browser.run("return document.body ? document.body.innerText.trim() : ''")


def main():
    broker_path, web_node_path, ctl_path = sys.argv[1:]
    chromedriver = shutil.which("chromedriver")
    if chromedriver is None or shutil.which("chromium") is None:
        print("skipped: Chromium (Debian's chromium and chromium-driver) is not installed")
        return SKIPPED
    # The browser may still be writing to its profile when it is ended.
    with tempfile.TemporaryDirectory(
        prefix="zcomet-browser-", ignore_cleanup_errors=True
    ) as profile, Programs() as programs:
        broker, web_node = start_cluster(programs, broker_path, web_node_path)
        with contextlib.closing(Browser(programs, chromedriver, profile)) as browser:
            check_page(browser, ctl_path, broker, f"{web_node}/test/123")
    print(f"the page showed {len(TEXTS)} messages while it was still loading")
    return 0


if __name__ == "__main__":
    sys.exit(main())
