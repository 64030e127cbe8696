"""The client library as installed: found by pkg-config, and used by the example program.

Installs the library's part of a build into a folder of its own, compares the headers there with
those that client.hpp includes, builds docs/examples/client.cpp against them and runs it with a
broker.

usage: installed_client_test.py BUILD EXAMPLE BROKER
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable

TIMEOUT_S = 120
EXPECTED = "arrived at 1 node(s)\n" * 3 + "".join(f"example: message {i}\n" for i in (1, 2, 3))


def run(*command: str, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def install(build: str, stage: str) -> tuple[list[str], str]:
    """Installs the library. Returns pkg-config's flags, and the library's folder."""
    run("meson", "install", "-C", build, "--no-rebuild", "--tags", "devel", "--destdir", stage)
    (description,) = pathlib.Path(stage).rglob("zcomet.pc")
    env = os.environ | {"PKG_CONFIG_PATH": str(description.parent), "PKG_CONFIG_SYSROOT_DIR": stage}
    flags = run("pkg-config", "--cflags", "--libs", "zcomet", env=env).split()
    return flags, str(description.parent.parent)


def check_headers(stage: str) -> None:
    """client.hpp and what it includes are installed, and nothing else."""
    (root,) = pathlib.Path(stage).rglob("include/zcomet")
    installed = {path.relative_to(root).as_posix() for path in root.rglob("*.hpp")}
    needed: set[str] = set()
    unread = ["topology/client/client.hpp"]
    while unread:
        name = unread.pop()
        if name not in needed:
            needed.add(name)
            text = (root / name).read_text(encoding="utf-8")
            unread += re.findall(r'^#include "([^"]+)"', text, re.MULTILINE)
    assert installed == needed, f"installed: {sorted(installed)}, needed: {sorted(needed)}"


def check_symbols(stage: str, library: str) -> None:
    """The library shows the public functions of client.hpp, and nothing else: no symbol of its own
    affairs gets in the way of a program that has its own."""
    (header,) = pathlib.Path(stage).rglob("client.hpp")
    public = re.search(
        r"^class Client \{\n  public:\n(.*?)^  private:", header.read_text(), re.M | re.S
    )
    assert public is not None, "client.hpp has no class Client of the expected form"
    code = re.sub(r"//.*|\[\[.*?\]\]", "", public[1])
    expected = {f"zcomet::client::Client::{name}" for name in re.findall(r"(~?\w+)\(", code)}
    expected.add("zcomet::check_failed")  # which the headers call
    listed = run("nm", "-DC", "--defined-only", library).splitlines()
    shown = {line.split(maxsplit=2)[2].partition("(")[0] for line in listed}
    assert shown == expected, f"shown: {sorted(shown)}, expected: {sorted(expected)}"


def with_broker(broker: str, body: Callable[[str], str]) -> str:
    """Calls body with the address of a running broker. Returns the result of body."""
    address = f"tcp://127.{os.getpid() % 250 + 1}.{os.getpid() // 250 % 250 + 1}.1:*"
    command = [broker, "--listen", address, "--feed", address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = re.search(r"listen=(\S+)", process.stdout.readline())
            assert ready is not None, "the broker does not get ready"
            return body(ready[1])
        finally:
            process.terminate()


def main() -> None:
    build, example, broker = sys.argv[1:]
    with tempfile.TemporaryDirectory() as stage:
        flags, folder = install(build, stage)
        check_headers(stage)
        check_symbols(stage, f"{folder}/libzcomet.so")
        program = f"{stage}/client"
        run("c++", "-std=c++20", "-Wall", "-Wextra", "-Werror", example, *flags, "-o", program)
        env = os.environ | {"LD_LIBRARY_PATH": folder}
        said = with_broker(broker, lambda address: run(program, address, env=env))
    assert said == EXPECTED, said


if __name__ == "__main__":
    main()
