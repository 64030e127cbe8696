"""What the parts share: running a program that prints its findings as JSON."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from zcomet_lab import ROOT
from zcomet_lab.programs import Argument, ProgramError
from zcomet_lab.suite import Lab


@dataclasses.dataclass(frozen=True)
class Findings:
    """A program's output and exit status."""

    lines: list[dict[str, Any]]
    """An object for each line of its output."""
    status: int | None
    log: str


def shown(command: Sequence[Argument]) -> str:
    """The command as someone in the project's root would type it."""
    return " ".join(str(word).removeprefix(f"{ROOT}/") for word in command)


def ended_badly(name: str, findings: Findings) -> str:
    """A sentence about a program that failed without a message."""
    last_line = findings.log.rpartition("\n")[2]
    return f"{name} ended with status {findings.status}: {last_line}"


def run_json(lab: Lab, name: str, command: Sequence[Argument], timeout_s: float) -> Findings:
    """Runs a program that prints JSON, an object on each line.

    Raises ProgramError if it takes longer, or prints anything else.
    """
    program = lab.programs.start(str(command[0]), *command[1:], name=name)
    try:
        output = program.finish(timeout_s, status=None)
        lines = [json.loads(line) for line in output.splitlines()]
        return Findings(lines, program.status, program.log())
    except ValueError as error:
        raise ProgramError(
            f"{name} printed something that is not JSON: {error}\n{output}"
        ) from None
    finally:
        lab.programs.end(program)
