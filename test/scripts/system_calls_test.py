"""The programs make no system call that their systemd units forbid: it would end them.

A broker with keys and a web node with tokens start, pass a message on, read their options again,
and end, all under strace(1).

usage: system_calls_test.py BUILD UNITS      (the build directory, and the folder of the units)
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from zcomet_lab.cluster import BROKER_ADMIN, FREE_HTTP_PORT, FREE_PORT
from zcomet_lab.ctl import Ctl
from zcomet_lab.lines import Lines
from zcomet_lab.processes import processes_of
from zcomet_lab.programs import Program, Programs
from zcomet_lab.publishing import Backend
from zcomet_lab.skipping import skip
from zcomet_lab.stats import read_stats
from zcomet_lab.waiting import await_true

TIMEOUT_S = 60


def groups() -> dict[str, list[str]]:
    """The groups of system calls of systemd.exec(5), with what is in each."""
    command = ["systemd-analyze", "syscall-filter", "--no-pager"]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    found: dict[str, list[str]] = {}
    for line in listed.stdout.splitlines():
        if line.startswith("@"):
            members = found.setdefault(line.strip(), [])
        elif line.startswith("    ") and not line.strip().startswith("#"):
            members.append(line.strip())
    return found


def calls_in(word: str, known: dict[str, list[str]]) -> set[str]:
    if not word.startswith("@"):
        return {word}
    return {call for member in known[word] for call in calls_in(member, known)}


def allowed_by(unit: pathlib.Path, known: dict[str, list[str]]) -> set[str]:
    allowed = calls_in("@default", known)  # these are always allowed
    filters = re.findall(r"^SystemCallFilter=(~?)(.*)$", unit.read_text(), re.MULTILINE)
    assert filters, f"{unit} has no filter"
    for forbids, words in filters:
        calls = {call for word in words.split() for call in calls_in(word, known)}
        allowed = allowed - calls if forbids else allowed | calls
    return allowed


def made(trace: pathlib.Path, program: str) -> set[str]:
    """The system calls that the program makes, by what strace has written."""
    # Another program comes first, which starts it.
    _, executed, text = trace.read_text(errors="replace").partition(f'/{program}", [')
    assert executed, f"strace has not seen {program}"
    calls = set(re.findall(r"^\d+ +(\w+)\(", text, re.MULTILINE))
    assert "epoll_wait" in calls, calls
    return calls


def hang_up_and_end(program: Program) -> None:
    """Ends a program that strace has started: strace itself passes no signal on."""
    [traced] = [pid for pid in processes_of(program.pid) if pid != program.pid][:1]
    subprocess.run(["kill", "-HUP", str(traced)], check=True)
    await_true("it reads its options again", lambda: "event=reloaded" in program.log())
    subprocess.run(["kill", "-TERM", str(traced)], check=True)
    program.finish(TIMEOUT_S)


def run(programs: Programs, folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """The traces of a broker and of a web node."""
    traces = folder / "broker.trace", folder / "webnode.trace"
    keys, web_key, token_key = folder / "keys", folder / "web.key", folder / "token.key"
    ctl = Ctl(programs.path("zcomet-ctl"))
    assert ctl.run("keys", "init", keys).returncode == 0
    new = ("keys", "new", "--keys", keys)
    assert ctl.run(*new, "web", "--role", "node,sender", "--out", web_key).returncode == 0
    admin_key = folder / "admin.key"
    assert ctl.run(*new, "admin", "--role", "operator", "--out", admin_key).returncode == 0
    token_key.write_text("a secret of at least thirty-two bytes\n")
    token_key.chmod(0o600)
    broker = programs.start(
        "zcomet-broker",
        *("--listen", FREE_PORT, "--feed", FREE_PORT, "--keys", keys, *BROKER_ADMIN),
        *("--history", "*=10,1m"),
        prefix=["strace", "-f", "-o", str(traces[0])],
    )
    ready = broker.await_ready()
    node = programs.start(
        "zcomet-webnode",
        *("--broker", ready["listen"], "--http", FREE_HTTP_PORT, "--api", FREE_HTTP_PORT),
        *("--admin", FREE_HTTP_PORT, "--key", web_key, "--workers", 2, "--pin"),
        *("--auth", "token", "--token-keys", token_key),
        prefix=["strace", "-f", "-o", str(traces[1])],
    )
    addresses = node.await_ready()
    made_token = ctl.run("token", "--key", token_key, "--ids", "a", "--for", "1h")
    assert made_token.returncode == 0, made_token.stderr
    path = f"/lines/a?token={made_token.stdout.strip()}"
    stream = Lines(addresses["http"].removeprefix("http://"), path)
    asking = Ctl(*ctl.command, "--broker", ready["listen"], "--key", admin_key)
    asking.await_logins(["a"])
    Backend(addresses["api"].removeprefix("http://")).send("a", "hello")
    assert json.loads(stream.next())["data"] == "hello"
    assert read_stats(addresses["admin"]) and read_stats(ready["admin"])
    hang_up_and_end(node)
    hang_up_and_end(broker)
    return traces


def main() -> int:
    for program in ("strace", "systemd-analyze"):
        if shutil.which(program) is None:
            return skip(f"{program} is not installed")
    with tempfile.TemporaryDirectory() as folder, Programs(sys.argv[1]) as programs:
        traces = run(programs, pathlib.Path(folder))
        known = groups()
        for name, trace in zip(("broker", "webnode"), traces):
            program = f"zcomet-{name}"
            unit = pathlib.Path(sys.argv[2]) / f"{program}.service"
            forbidden = made(trace, program) - allowed_by(unit, known)
            assert not forbidden, f"{unit.name} forbids {sorted(forbidden)}"
    return 0


if __name__ == "__main__":
    sys.exit(main())
