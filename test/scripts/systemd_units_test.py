"""The systemd units start the programs as people do, start them again as they should, and systemd finds no
fault with them.

usage: systemd_units_test.py UNIT PROGRAM        (the unit's file, and the program that it is to start)
"""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
TIMEOUT_S = 30


def started_by(unit_text):
    """The program of ExecStart, and the options that it gets if nobody wrote any down."""
    program, variable = re.search(r"^ExecStart=(\S+) \$(\w+)$", unit_text, re.MULTILINE).groups()
    default = re.search(rf'^Environment="{variable}=(.*)"$', unit_text, re.MULTILINE)
    return program, default[1].split() if default else []


def check_options(program, options):
    """The program takes the options: with --help it says what they mean, and no more."""
    subprocess.run([program, *options, "--help"], stdout=subprocess.DEVNULL, timeout=TIMEOUT_S, check=True)


def check_mistakes(program, unit_text):
    """A mistake in a file ends the program with the status for which the unit does not start it again."""
    status = int(re.search(r"^RestartPreventExitStatus=(\d+)$", unit_text, re.MULTILINE)[1])
    with tempfile.TemporaryDirectory() as folder:
        cluster = pathlib.Path(folder) / "cluster.toml"
        cluster.write_text("[[hosts]]\n", encoding="utf-8")
        choice = ["--node", "a"] if "webnode" in program else []
        run = subprocess.run([program, "--cluster", str(cluster), *choice], capture_output=True, text=True,
                             timeout=TIMEOUT_S, check=False)
    assert run.returncode == status, (run.returncode, run.stderr)


def check_pause(unit_text):
    """After status 1, and only then, the next start waits for the unit's ExecStopPost."""
    command = re.search(r"^ExecStopPost=(.*)$", unit_text, re.MULTILINE)[1].replace("$$", "$")
    with tempfile.TemporaryDirectory() as folder:
        sleep = pathlib.Path(folder) / "sleep"
        sleep.write_text("#!/bin/sh\necho slept\n", encoding="utf-8")
        sleep.chmod(0o755)
        for status, said in (("1", "slept\n"), ("0", ""), ("2", ""), ("KILL", "")):
            environment = {"PATH": f"{folder}:{os.environ['PATH']}", "EXIT_STATUS": status}
            run = subprocess.run(shlex.split(command), env=environment, capture_output=True, text=True,
                                 timeout=TIMEOUT_S, check=True)
            assert run.stdout == said, (status, run.stdout)


def check_syntax(unit, text):
    """systemd reads the unit, whose program is the one of this build."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / unit.name
        copy.write_text(text, encoding="utf-8")
        # By its own name, since systemd goes by that.
        run = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(copy)],
                             capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    complaints = [line for line in run.stderr.splitlines() if unit.name in line]
    assert not complaints, "\n".join(complaints)


def main():
    unit, program = pathlib.Path(sys.argv[1]), sys.argv[2]
    text = unit.read_text(encoding="utf-8")
    installed, options = started_by(text)
    assert pathlib.Path(installed).name == pathlib.Path(program).name, installed
    check_options(program, options)
    check_mistakes(program, text)
    check_pause(text)
    if shutil.which("systemd-analyze") is None:
        print("skipped: systemd, which would check the unit, is not installed")
        return SKIPPED
    check_syntax(unit, text.replace(installed, program))
    return 0


if __name__ == "__main__":
    sys.exit(main())
