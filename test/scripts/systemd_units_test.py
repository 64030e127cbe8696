"""The systemd units start the programs with valid options, restart them when they should, keep
what an attacker could do there small, and systemd accepts the units.

usage: systemd_units_test.py UNIT PROGRAM        (the unit's file, and the program that it starts)
"""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

from zcomet_lab.skipping import skip

TIMEOUT_S = 30
EXPOSURE_MAX = 12
"""Of systemd-analyze security, in tenths: 0 is none, 100 all."""


def started_by(unit_text: str) -> tuple[str, list[str]]:
    """The program of ExecStart, and its default options."""
    start = re.search(r"^ExecStart=(\S+) \$(\w+)$", unit_text, re.MULTILINE)
    assert start is not None, "there is no ExecStart of the expected form"
    program, variable = start.groups()
    default = re.search(rf'^Environment="{variable}=(.*)"$', unit_text, re.MULTILINE)
    return program, default[1].split() if default else []


def check_options(program: str, options: list[str]) -> None:
    """The program takes the options: with --help it only prints its help."""
    command = [program, *options, "--help"]
    subprocess.run(command, stdout=subprocess.DEVNULL, timeout=TIMEOUT_S, check=True)


def setting(unit_text: str, name: str) -> str:
    """The value that the unit gives to the setting."""
    found = re.search(rf"^{name}=(.*)$", unit_text, re.MULTILINE)
    assert found is not None, f"there is no {name}"
    return found[1]


def check_mistakes(program: str, unit_text: str) -> None:
    """A mistake in a file ends the program with the status that the unit does not restart."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = pathlib.Path(folder) / "cluster.toml"
        cluster.write_text("[[hosts]]\n", encoding="utf-8")
        node = ["--node", "a"] if "webnode" in program else []
        command = [program, "--cluster", str(cluster), *node]
        run = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    expected = int(setting(unit_text, "RestartPreventExitStatus"))
    assert run.returncode == expected, (run.returncode, run.stderr)


def check_pause(unit_text: str) -> None:
    """After status 1, and only then, ExecStopPost delays the next start."""
    command = shlex.split(setting(unit_text, "ExecStopPost").replace("$$", "$"))
    with tempfile.TemporaryDirectory() as folder:
        sleep = pathlib.Path(folder) / "sleep"
        sleep.write_text("#!/bin/sh\necho slept\n", encoding="utf-8")
        sleep.chmod(0o755)
        for status, expected in (("1", "slept\n"), ("0", ""), ("2", ""), ("KILL", "")):
            environment = {"PATH": f"{folder}:{os.environ['PATH']}", "EXIT_STATUS": status}
            said = subprocess.run(
                command,
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
                timeout=TIMEOUT_S,
                check=True,
            ).stdout
            assert said == expected, (status, said)


def check_syntax(unit: pathlib.Path, text: str) -> None:
    """systemd accepts the unit, with the program of this build in it."""
    with tempfile.TemporaryDirectory() as folder:
        # With the unit's own name, because systemd checks it.
        copy = pathlib.Path(folder) / unit.name
        copy.write_text(text, encoding="utf-8")
        verify = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(copy)]
        run = subprocess.run(verify, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    complaints = [line for line in run.stderr.splitlines() if unit.name in line]
    assert not complaints, "\n".join(complaints)


def check_bounds(unit_text: str) -> None:
    """An attack takes neither the host's memory nor its processes, and leaves no core dump."""
    assert re.fullmatch(r"[1-9]\d%", setting(unit_text, "MemoryMax"))
    assert int(setting(unit_text, "TasksMax")) > 0
    assert setting(unit_text, "LimitCORE") == "0"


def check_exposure(unit: pathlib.Path) -> None:
    limit = [f"--threshold={EXPOSURE_MAX}", "--offline=true", "--no-pager"]
    run = subprocess.run(
        ["systemd-analyze", "security", *limit, str(unit)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def main() -> int:
    unit, program = pathlib.Path(sys.argv[1]), sys.argv[2]
    text = unit.read_text(encoding="utf-8")
    installed, options = started_by(text)
    assert pathlib.Path(installed).name == pathlib.Path(program).name, installed
    check_options(program, options)
    check_mistakes(program, text)
    check_pause(text)
    check_bounds(text)
    if shutil.which("systemd-analyze") is None:
        return skip("systemd, which would check the unit, is not installed")
    check_syntax(unit, text.replace(installed, program))
    check_exposure(unit)
    return 0


if __name__ == "__main__":
    sys.exit(main())
