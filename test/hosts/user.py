"""Started by root with --user, broker and web node are that user's, in each of their processes.

The web node listens at a port below 1024, also after its worker was killed. Without --user they say
that they run as root. All this happens in a network namespace of its own.

usage: user_test.py BUILD      (the build directory)
"""

import http.client
import os
import pathlib
import pwd
import signal
import sys

from zcomet_lab.namespaces import run_on_own_loopback
from zcomet_lab.processes import children_of, processes_of
from zcomet_lab.programs import Program, Programs
from zcomet_lab.skipping import skip
from zcomet_lab.waiting import await_true

USER = "nobody"
LOW_PORTS = 1 << 10  # CAP_NET_BIND_SERVICE
HTTP = "127.0.0.1:80"
BAD_OPTIONS = 2


def check_processes(program: Program, count: int) -> None:
    """All processes of a program are the user's, and have no right but one."""
    uid = str(pwd.getpwnam(USER).pw_uid)
    pids = processes_of(program.pid)
    assert len(pids) == count, pids
    for pid in pids:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        status = {name: value.split() for name, _, value in (one.partition(":") for one in lines)}
        assert set(status["Uid"]) == {uid}, status["Uid"]
        assert "0" not in status["Gid"] + status["Groups"], status
        for name in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb"):
            assert int(status[name][0], 16) == LOW_PORTS, (name, status[name])
        assert status["NoNewPrivs"] == ["1"], status["NoNewPrivs"]
    assert "event=root" not in program.log()


def is_ready() -> bool:
    connection = http.client.HTTPConnection(HTTP, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def check(build: str) -> None:
    with Programs(build) as programs:
        broker = programs.start("zcomet-broker", "--user", USER, "--supervise")
        listen = broker.await_ready()["listen"]
        check_processes(broker, 2)
        options = ("--user", USER, "--broker", listen, "--http", HTTP, "--workers", 1)
        node = programs.start("zcomet-webnode", *options)
        node.await_ready()
        check_processes(node, 2)
        [worker] = children_of(node.pid)
        os.kill(worker, signal.SIGKILL)
        await_true("another worker is there", lambda: children_of(node.pid) not in ([], [worker]))
        await_true("it listens", is_ready)
        check_processes(node, 2)
        programs.end(node)
        programs.end(broker)

        broker = programs.start("zcomet-broker")
        broker.await_ready()
        await_true("it says so", lambda: broker.log().count("event=root") == 1)
        node = programs.start("zcomet-webnode", *options[2:])
        node.await_ready()
        await_true("it says so", lambda: node.log().count("event=root") == 1)
        wrong = programs.start("zcomet-broker", "--user", "no-such-user")
        wrong.finish(20, BAD_OPTIONS)
        assert "there is no user" in wrong.log(), wrong.log()


def main() -> int:
    if os.geteuid() != 0:
        return skip("only root can become another user")
    return run_on_own_loopback(lambda: check(sys.argv[1]), "no process kept the rights of root")


if __name__ == "__main__":
    sys.exit(main())
