"""What the tests with a browser share: a cluster, and a browser that may open its pages."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator

from zcomet_lab.cluster import Broker, WebNode
from zcomet_lab.programs import Argument, Programs
from zcomet_lab.skipping import skip
from zcomet_lab.webdriver import Browser


def why_no_browser() -> str:
    """Why there is no browser here; empty: there is one."""
    if shutil.which("chromedriver") and shutil.which("chromium"):
        return ""
    return "Chromium (Debian's chromium and chromium-driver) is not installed"


@contextlib.contextmanager
def headless_browser(programs: Programs, *arguments: str) -> Iterator[Browser]:
    """A headless Chromium with a profile of its own, where why_no_browser() says nothing.

    `arguments`: more of them for its command line.
    """
    chromedriver = shutil.which("chromedriver")
    assert chromedriver is not None
    # The browser may still write to its profile while it ends.
    with (
        tempfile.TemporaryDirectory(
            prefix="zcomet-browser-", ignore_cleanup_errors=True
        ) as profile,
        contextlib.closing(Browser(programs, chromedriver, profile, *arguments)) as browser,
    ):
        yield browser


def run_in_browser(
    check: Callable[[Browser, Programs, Broker, WebNode], str], *options: Argument
) -> int:
    """Runs a test on a broker, a web node with these options and a headless Chromium, of the build
    that the command line names. `check` returns what it has found out. Returns the exit status."""
    if why := why_no_browser():
        return skip(why)
    with Programs(sys.argv[1]) as programs:
        broker = Broker(programs)
        web_node = WebNode(programs, broker.listen, *options, name="a").await_ready()
        with headless_browser(programs) as browser:
            print(check(browser, programs, broker, web_node))
    return 0
