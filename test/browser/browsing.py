"""What the tests with a browser share: a cluster, and a browser that may open its pages."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable

from zcomet_lab.cluster import Broker, WebNode
from zcomet_lab.programs import Programs
from zcomet_lab.skipping import skip

from webdriver import Browser


def run_in_browser(check: Callable[[Browser, Programs, Broker, WebNode], str]) -> int:
    """Runs a test on a broker, a web node and a headless Chromium, of the build that the command
    line names. `check` returns what it has found out. Returns the exit status."""
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
            print(check(browser, programs, broker, web_node))
    return 0
