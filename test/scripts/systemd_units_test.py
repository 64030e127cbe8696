"""The systemd units start the programs as people do, and systemd finds no fault with them.

usage: systemd_units_test.py UNIT PROGRAM        (the unit's file, and the program that it starts)
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from zcomet_lab.skipping import skip

TIMEOUT_S = 30


def started_by(unit_text: str) -> tuple[str, list[str]]:
    """The program of ExecStart, and the options that it gets by default."""
    start = re.search(r"^ExecStart=(\S+) \$(\w+)$", unit_text, re.MULTILINE)
    assert start is not None, "there is no ExecStart of the expected form"
    program, variable = start.groups()
    default = re.search(rf'^Environment="{variable}=(.*)"$', unit_text, re.MULTILINE)
    return program, default[1].split() if default else []


def check_options(program: str, options: list[str]) -> None:
    """The program takes the options: with --help it only prints its help."""
    command = [program, *options, "--help"]
    subprocess.run(command, stdout=subprocess.DEVNULL, timeout=TIMEOUT_S, check=True)


def check_syntax(unit: pathlib.Path, text: str) -> None:
    """systemd reads the unit, in which the program is the one of this build."""
    with tempfile.TemporaryDirectory() as folder:
        # With the unit's own name, because systemd looks at that.
        copy = pathlib.Path(folder) / unit.name
        copy.write_text(text, encoding="utf-8")
        verify = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(copy)]
        run = subprocess.run(verify, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    complaints = [line for line in run.stderr.splitlines() if unit.name in line]
    assert not complaints, "\n".join(complaints)


def main() -> int:
    unit, program = pathlib.Path(sys.argv[1]), sys.argv[2]
    text = unit.read_text(encoding="utf-8")
    installed, options = started_by(text)
    assert pathlib.Path(installed).name == pathlib.Path(program).name, installed
    check_options(program, options)
    if shutil.which("systemd-analyze") is None:
        return skip("systemd, which would check the unit, is not installed")
    check_syntax(unit, text.replace(installed, program))
    return 0


if __name__ == "__main__":
    sys.exit(main())
