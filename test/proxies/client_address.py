"""Behind a proxy that it trusts, a web node counts and logs the addresses of the proxy's clients.

The proxies are configured as docs/deployment has it, and name their clients in X-Forwarded-For.
HAProxy does it by the PROXY protocol as well.
usage: client_address.py BUILD PROXY      (the build directory; a name of FRONTS)
"""

import http.client
import pathlib
import sys
import tempfile
import urllib.parse

from zcomet_lab.addresses import own_address
from zcomet_lab.cluster import FREE_HTTP_PORT, Broker, WebNode
from zcomet_lab.programs import Argument, Programs
from zcomet_lab.skipping import skip
from zcomet_lab.waiting import await_true

from apache import Apache
from caddy import Caddy
from front import Certificate, Front, Site
from haproxy import HAProxy, HAProxyWithHeader
from nginx import Nginx
from varnish import Varnish

FRONTS: dict[str, type[Front]] = {
    "apache": Apache,
    "caddy": Caddy,
    "haproxy": HAProxy,
    "haproxy-v2": HAProxyWithHeader,
    "nginx": Nginx,
    "varnish": Varnish,
}
PROXY = "127.0.0.1"
"""From here each of them connects."""
GREEDY, MODEST = "127.77.0.1", "127.77.0.2"
FORGED = "192.0.2.66"
PLACES = 16
BOUND = 3
"""Places of one address, once half of all are taken."""
TIMEOUT_S = 20


def open_stream(url: str, name: str, source: str) -> http.client.HTTPResponse:
    """The answer to a request for a stream, from this address, that also tells a lie."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.netloc, timeout=TIMEOUT_S, source_address=(source, 0)
    )
    connection.request("GET", f"/lines/{name}", headers={"X-Forwarded-For": FORGED})
    return connection.getresponse()


def check(front: Front, programs: Programs, folder: pathlib.Path) -> str:
    broker = Broker(programs)
    protocol: list[Argument] = ["--proxy-protocol"] if front.sends_header else []
    node = WebNode(
        programs,
        broker.listen,
        *("--api", FREE_HTTP_PORT, "--http-name", "comet.example.com", "--access-log", 1),
        *("--trust-proxy", PROXY, "--max-streams", PLACES, "--per-address", BOUND),
        *protocol,
    ).await_ready()
    host = own_address()
    address, api = (url.removeprefix("http://") for url in (node.http, node.api))
    site = Site(folder / "proxy", Certificate.make(folder, host), host, [address] * 2, [api] * 2)
    proxy = front.start(programs, site)
    await_true(
        lambda: f"the proxy lets streams through\n{proxy.log()}",
        lambda: open_stream(site.http, "first", MODEST).status == 200,
    )
    log = node.program.log()
    await_true(
        "the client's address is logged",
        lambda: f"address={MODEST}" in node.program.log(),
    )
    assert FORGED not in log and f"id=first address={PROXY}" not in log, log
    held = [open_stream(site.http, f"greedy{n}", GREEDY) for n in range(PLACES)]
    taken = sum(answer.status == 200 for answer in held)
    assert BOUND <= taken <= PLACES // 2, [answer.status for answer in held]
    assert held[-1].status == 429, held[-1].status
    others = [open_stream(site.http, f"modest{n}", MODEST) for n in range(BOUND - 1)]
    assert [answer.status for answer in others] == [200] * len(others)
    log = node.program.log()
    assert f"event=address-full address={GREEDY}" in log, log
    assert node.counters()["address_refusals"] >= PLACES - taken
    # Without a proxy nobody may say for whom it asks.
    direct = open_stream(node.http, "direct", "127.77.0.3")
    assert direct.status == 200
    await_true("it is logged", lambda: "id=direct address=127.77.0.3:" in node.program.log())
    if front.sends_header:
        refused = open_stream(node.http, "direct", PROXY)
        assert refused.status == 400, refused.status
        assert node.counters()["proxy_refusals"] == 1
    return f"{taken} of {PLACES} streams for one address, then {len(others)} for another"


def main() -> int:
    front = FRONTS[sys.argv[2]]()
    if front.path() is None:
        return skip(f"{front.name} is not installed")
    with (
        Programs(sys.argv[1]) as programs,
        tempfile.TemporaryDirectory(prefix="zcomet-proxy-", ignore_cleanup_errors=True) as folder,
    ):
        path = pathlib.Path(folder)
        path.chmod(0o755)
        print(f"{front.name}: {check(front, programs, path)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
