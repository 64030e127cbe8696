"""A page of another site has its own name pointed to a web node, as in "DNS rebinding".

To Chromium, page and web node are then one site, and nothing but the name in Host tells them apart.
The page gets nothing from the public port, the API or the admin page. Under a name that the node's
operator has given, the same page reads and sends.
usage: rebinding.py BUILD      (the build directory)
"""

import sys

from zcomet_lab.browsing import headless_browser, why_no_browser
from zcomet_lab.cluster import FREE_HTTP_PORT, Broker, WebNode
from zcomet_lab.programs import Programs
from zcomet_lab.skipping import skip
from zcomet_lab.waiting import await_true
from zcomet_lab.webdriver import Browser

FOREIGN = "evil.example"
GIVEN = "comet.example"
# Any page of the name's origin will do; a web node's own answers are such pages.
ASK = """
const [url, method] = arguments;
window.told = "";
fetch(url, {method, body: method === "POST" ? "forged" : undefined}).then(
  async (answer) => { window.told = answer.status + " " + (await answer.text()); },
  (error) => { window.told = "error " + error; });
"""
LISTEN = """
window.heard = "";
const source = new EventSource(arguments[0]);
source.onopen = () => { window.heard += "open "; };
source.onerror = () => { window.heard += "error "; };
source.onmessage = (event) => { window.heard += event.data + " "; };
"""


def ask(browser: Browser, url: str, method: str = "GET") -> str:
    browser.run(ASK, url, method)
    return await_true("the page was answered", lambda: str(browser.run("return window.told")))


def heard(browser: Browser) -> str:
    return str(browser.run("return window.heard"))


def check_foreign(browser: Browser, addresses: dict[str, str]) -> None:
    for address, target in addresses.items():
        port = address.rsplit(":", 1)[1]
        browser.open(f"http://{FOREIGN}:{port}{target}")
        await_true(
            "the answer is shown",
            lambda: "421" in str(browser.run("return document.body?.innerText")),
        )
        assert browser.run("return origin") == f"http://{FOREIGN}:{port}"
        assert ask(browser, target).startswith("421 "), address
        assert ask(browser, "/send/a", "POST").startswith("421 "), address


def check_stream(browser: Browser, broker: Broker, node: WebNode) -> None:
    port = node.http.rsplit(":", 1)[1]
    browser.open(f"http://{FOREIGN}:{port}/healthz")
    await_true("the page is there", lambda: bool(browser.run("return origin.includes('evil')")))
    browser.run(LISTEN, "/events/a")
    await_true("the stream is refused", lambda: heard(browser) == "error ")
    assert broker.ctl.json("who", "a")["nodes"] == []
    browser.open(f"http://{GIVEN}:{port}/healthz")
    await_true("the page is there", lambda: bool(browser.run("return origin.includes('comet')")))
    browser.run(LISTEN, "/events/a")
    await_true("the stream is open", lambda: heard(browser) == "open ")
    broker.ctl.await_logins(["a"])
    broker.ctl.send("a", "hello")
    await_true("it is read", lambda: heard(browser) == "open hello ")


def main() -> int:
    if why := why_no_browser():
        return skip(why)
    rules = f"MAP {FOREIGN} 127.0.0.1, MAP {GIVEN} 127.0.0.1"
    with Programs(sys.argv[1]) as programs:
        broker = Broker(programs)
        node = WebNode(
            programs,
            broker.listen,
            *("--api", FREE_HTTP_PORT, "--http-name", GIVEN),
        ).await_ready()
        addresses = {node.http: "/lines/a", node.api: "/who/a", node.admin: "/stats"}
        with headless_browser(programs, f"--host-resolver-rules={rules}") as browser:
            check_foreign(browser, addresses)
            check_stream(browser, broker, node)
    print(f"{len(addresses)} addresses told nothing to a page of {FOREIGN}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
