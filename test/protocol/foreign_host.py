"""A request under a name that is not the server's gets 421, wherever it goes; its own names work.

usage: foreign_host.py BUILD      (the build directory)
"""

import http.client
import os
import pathlib
import signal
import socket
import sys
import tempfile

from zcomet_lab.cluster import BROKER_ADMIN, FREE_HTTP_PORT, Broker, WebNode
from zcomet_lab.programs import Programs
from zcomet_lab.stats import read_stats
from zcomet_lab.waiting import await_true

TIMEOUT_S = 10
FOREIGN = "evil.example"
GIVEN = "comet.example"
LATER = "later.example"
TRIES = 8  # so that both workers are asked


def status_of(address: str, host: str | None, method: str = "GET", target: str = "/readyz") -> int:
    """The status of the answer to a request with this Host; None: HTTP/1.0 without any."""
    name, port = address.removeprefix("http://").rsplit(":", 1)
    with socket.create_connection((name.strip("[]"), int(port)), timeout=TIMEOUT_S) as client:
        version = "1.0" if host is None else "1.1"
        lines = [f"{method} {target} HTTP/{version}"] + ([] if host is None else [f"Host: {host}"])
        client.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = http.client.HTTPResponse(client, method=method)
        answer.begin()
        return answer.status


def own_names(port: str) -> list[str]:
    host = socket.gethostname()
    return [
        *("localhost", f"LOCALHOST.:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", "192.0.2.7"),
        *(host, f"{host.upper()}:{port}", f"{host.split('.')[0]}:1"),
        *(GIVEN, f"Comet.Example.:{port}", f"a.tenants.example:{port}"),
    ]


def check_names(address: str, target: str) -> None:
    port = address.rsplit(":", 1)[1]
    for host in own_names(port):
        assert status_of(address, host, target=target) == 200, (address, host)
    assert status_of(address, None, target=target) == 200, address
    for host in (FOREIGN, f"{FOREIGN}:{port}", "localhost.evil.example", "127.0.0.1.evil.example"):
        assert status_of(address, host, target=target) == 421, (address, host)
    assert status_of(address, "localhost", target=f"http://{FOREIGN}{target}") == 421, address
    assert status_of(address, FOREIGN, target=f"http://{GIVEN}{target}") == 200, address
    for method in ("HEAD", "POST", "BREW"):
        assert status_of(address, FOREIGN, method, target) == 421, (address, method)
    assert status_of(address, FOREIGN, target="/nowhere") == 421, address


def is_known(address: str, host: str, target: str) -> bool:
    """Whether every worker knows the name."""
    return all(status_of(address, host, target=target) == 200 for _ in range(TRIES))


def check_reload(
    node: WebNode, broker: Broker, addresses: dict[str, str], config: pathlib.Path
) -> None:
    """SIGHUP reads names again, also for a worker that starts later."""
    config.write_text(f'http-name = ["{LATER}"]\n')
    for program in (node.program, broker.program):
        program.hang_up()
    for address, target in addresses.items():
        await_true("the new name is known", lambda: is_known(address, LATER, target))
        assert status_of(address, GIVEN, target=target) == 421, address
    stats = read_stats(node.admin)
    assert stats is not None
    for worker in stats["workers"]:
        os.kill(worker["pid"], signal.SIGKILL)
    await_true("workers are back", lambda: is_back(node))


def is_back(node: WebNode) -> bool:
    try:
        return is_known(node.http, LATER, "/readyz")
    except (OSError, http.client.HTTPException):
        return False


def main() -> int:
    with Programs(sys.argv[1]) as programs, tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "names.toml"
        config.write_text(f'http-name = ["{GIVEN}", "*.tenants.example"]\n')
        broker = Broker(programs, *BROKER_ADMIN, "--config", config)
        node = WebNode(
            programs,
            broker.listen,
            *("--api", FREE_HTTP_PORT, "--workers", 2, "--config", config),
        ).await_ready()
        addresses = {
            node.http: "/readyz",
            node.api: "/who/a",
            node.admin: "/stats",
            broker.admin: "/stats",
        }
        for address, target in addresses.items():
            check_names(address, target)
        counters = node.counters()
        refused = 9
        assert counters["api_host_refusals"] == refused, counters
        # Those of the public port and of the web node's admin page.
        assert counters["host_refusals"] == 2 * refused, counters
        stats = read_stats(broker.admin)
        assert stats is not None
        assert stats["counters"]["admin_host_refusals"] == refused, stats["counters"]
        for program, ports in (
            (node.program, ("", " port=api", " port=admin")),
            (broker.program, (" port=admin",)),
        ):
            log = program.log()
            assert f"host={FOREIGN}" in log, log
            for port in ports:
                assert f"{port} " in log and "event=host-refused" in log, (port, log)
        check_reload(node, broker, addresses, config)
    print(f"{len(addresses)} addresses, {refused} foreign requests to each")
    return 0


if __name__ == "__main__":
    sys.exit(main())
