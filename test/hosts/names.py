"""Hosts that have names: several addresses, IPv6 alone, none, and a name server that is dead.

The names are in a file that only this test's processes see, and its name server hears questions
and never answers.
usage: names.py BUILD      (the build directory)
"""

import pathlib
import signal
import socket
import subprocess
import sys
import tempfile

from zcomet_lab.ctl import Ctl
from zcomet_lab.namespaces import run_on_own_loopback
from zcomet_lab.programs import Programs
from zcomet_lab.streams import RecordedStream
from zcomet_lab.waiting import await_true

HOSTS = """\
127.0.0.1 localhost
192.0.2.1 first-is-dead
127.0.0.1 first-is-dead
::1 only-ipv6
::1 both-families
127.0.0.1 both-families
"""
"""There is no way to 192.0.2.1 from here (RFC 5737)."""
NAME_SERVICE = "hosts: files dns\n"
RESOLVER = "nameserver 127.0.0.53\noptions timeout:30 attempts:5\n"
"""The system would wait for minutes."""
DEAD = "tcp://host.dead.example:5555"
PATIENCE_S = 20
"""Far less than the name service would take."""
USER_ID = "123"


def replace(path: str, text: str, folder: pathlib.Path) -> None:
    """Puts another file in the place of one of the system's, for this mount namespace."""
    file = folder / pathlib.Path(path).name
    file.write_text(text)
    file.chmod(0o644)
    subprocess.run(["mount", "--bind", str(file), path], check=True)


def check_names(programs: Programs) -> None:
    """Each kind of name leads to a broker that listens everywhere, and the feed comes, too."""
    broker = programs.start("zcomet-broker", "--insecure")
    broker.await_ready()
    ctl_program = programs.path("zcomet-ctl")
    for host in ("first-is-dead", "only-ipv6", "localhost", "127.0.0.1", "[::1]"):
        address = f"tcp://{host}:5555"
        ctl = Ctl(ctl_program, "--broker", address, "--timeout", PATIENCE_S)
        pinged = ctl.run("ping")
        assert pinged.returncode == 0, f"{host}: {pinged.stderr}"
        web_node = programs.start(
            "zcomet-webnode", "--broker", address, "--http", "localhost:0", "--name", "n"
        )
        stream = RecordedStream(web_node.await_ready()["http"], USER_ID)
        ctl.await_logins([USER_ID])
        ctl.send(USER_ID, host)
        await_true(f"a message by {host}", lambda: len(stream.shown) == 1)
        programs.end(web_node)
    programs.end(broker)


def check_everywhere(programs: Programs) -> None:
    """A web node listens on both families unless told otherwise."""
    web_node = programs.start("zcomet-webnode", "--http", "*:8000", "--auth", "public")
    web_node.await_ready()
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family, socket.SOCK_STREAM) as client:
            client.settimeout(PATIENCE_S)
            client.connect((host, 8000))
            client.sendall(f"GET /test/{USER_ID} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert b" 200 " in client.recv(4096)
    programs.end(web_node)


def check_load_test(programs: Programs) -> None:
    """A load test finds the one address of a name at which the web node listens."""
    web_node = programs.start("zcomet-webnode", "--http", "127.0.0.1:8000", "--http-name", "*")
    web_node.await_ready()
    for host in ("first-is-dead", "both-families"):
        url = f"http://{host}:8000/test/{USER_ID}"
        flood = [programs.path("zcomet-floodtest"), "--connections", "1", "--duration", "0"]
        run = subprocess.run(
            [*flood, "--url", url], timeout=PATIENCE_S, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, f"{url}: {run.stdout}{run.stderr}"
    programs.end(web_node)


def check_dead_name_server(programs: Programs) -> None:
    """Nothing waits for it: neither a deadline nor a signal."""
    ctl = [programs.path("zcomet-ctl"), "--broker", DEAD, "--timeout", "0.3", "ping"]
    asked = subprocess.run(ctl, timeout=PATIENCE_S, capture_output=True, text=True, check=False)
    assert asked.returncode == 1 and "dead.example" in asked.stderr, asked.stderr
    msggen = programs.start(
        "zcomet-msggen", "--broker", DEAD, "--count", 1, "--max", 1, "--interval", 1
    )
    web_node = programs.start("zcomet-webnode", "--broker", DEAD, "--http", "127.0.0.1:0")
    await_true(
        "the web node says that nobody answers",
        lambda: "event=broker-unreachable" in web_node.log(),
    )
    for program, status in ((msggen, 128 + signal.SIGTERM), (web_node, 0)):
        program.ask_to_end()
        program.finish(PATIENCE_S, status)


def check_no_address(programs: Programs) -> None:
    """The reason is said at once, not after the timeout."""
    ctl = [programs.path("zcomet-ctl"), "--broker", "tcp://no-such-host:5555", "ping"]
    asked = subprocess.run(
        [*ctl, "--timeout", "600"],
        timeout=PATIENCE_S,
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 1 and "cannot resolve" in asked.stderr, asked.stderr


def check_refused(programs: Programs) -> None:
    """A name whose addresses all refuse is an answer at once, too."""
    for host in ("first-is-dead", "localhost"):
        ctl = [programs.path("zcomet-ctl"), "--broker", f"{host}:5555", "--timeout", "600", "ping"]
        asked = subprocess.run(ctl, timeout=PATIENCE_S, capture_output=True, text=True, check=False)
        assert asked.returncode == 1, asked
        assert f"no broker listens at tcp://{host}:5555" in asked.stderr, asked.stderr


def check(build: str) -> None:
    with tempfile.TemporaryDirectory() as name, Programs(build) as programs:
        folder = pathlib.Path(name)
        replace("/etc/hosts", HOSTS, folder)
        replace("/etc/nsswitch.conf", "hosts: files\n", folder)
        check_names(programs)
        check_everywhere(programs)
        check_load_test(programs)
        check_no_address(programs)
        check_refused(programs)
        subprocess.run(["umount", "/etc/nsswitch.conf"], check=True)
        replace("/etc/nsswitch.conf", NAME_SERVICE, folder)
        replace("/etc/resolv.conf", RESOLVER, folder)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.53", 53))
            check_dead_name_server(programs)


def main() -> int:
    done = "names were found, and nobody waited for those that were not"
    return run_on_own_loopback(lambda: check(sys.argv[1]), done)


if __name__ == "__main__":
    sys.exit(main())
