"""Writes a compile command of each source, for clang-tidy, and prints the sources.

Meson writes a command for each program that a source is part of, and clang-tidy looks at a source
once for each of its commands. The first is enough. The second may be that of the simulation with
mutants, which needs headers that only a build writes. Sources that the build writes are left out.

usage: python3 -m zcomet_lab.lint_commands SOURCE_ROOT BUILD_DIRECTORY

The commands go to BUILD_DIRECTORY/lint/compile_commands.json.
"""

import json
import pathlib
import sys
from collections.abc import Iterable, Mapping

Command = Mapping[str, str]


def first_commands(
    commands: Iterable[Command], root: pathlib.Path, build: pathlib.Path
) -> dict[str, Command]:
    """The first command of each source below `root` but not below `build`, by the source's path."""
    first: dict[str, Command] = {}
    for command in commands:
        source = (pathlib.Path(command["directory"]) / command["file"]).resolve()
        if source.is_relative_to(root) and not source.is_relative_to(build):
            first.setdefault(str(source.relative_to(root)), command)
    return first


def main() -> None:
    root, build = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    commands = json.loads((build / "compile_commands.json").read_text())
    first = first_commands(commands, root, build)
    lint = build / "lint"
    lint.mkdir(exist_ok=True)
    (lint / "compile_commands.json").write_text(json.dumps(list(first.values()), indent=1))
    print(*sorted(first), sep="\n")


if __name__ == "__main__":
    main()
