"""The systemd units start the programs as people do, and systemd finds no fault with them.

usage: systemd_units_test.py UNIT PROGRAM        (the unit's file, and the program that it is to start)
"""

import pathlib
import re
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
    subprocess.run(
        [program, *options, "--help"], stdout=subprocess.DEVNULL, timeout=TIMEOUT_S, check=True
    )


def check_syntax(unit, text):
    """systemd reads the unit, whose program is the one of this build."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / unit.name
        copy.write_text(text, encoding="utf-8")
        # By its own name, since systemd goes by that.
        run = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(copy)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    complaints = [line for line in run.stderr.splitlines() if unit.name in line]
    assert not complaints, "\n".join(complaints)


def main():
    unit, program = pathlib.Path(sys.argv[1]), sys.argv[2]
    text = unit.read_text(encoding="utf-8")
    installed, options = started_by(text)
    assert pathlib.Path(installed).name == pathlib.Path(program).name, installed
    check_options(program, options)
    if shutil.which("systemd-analyze") is None:
        print("skipped: systemd, which would check the unit, is not installed")
        return SKIPPED
    check_syntax(unit, text.replace(installed, program))
    return 0


if __name__ == "__main__":
    sys.exit(main())
