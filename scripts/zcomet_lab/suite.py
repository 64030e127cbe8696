"""Commands made of parts that can be run alone: scripts/bench, scripts/reliability.

A part is a module with a function `run(lab)`. The command runs the chosen parts, writes
their results to a folder of JSON files, and makes a page of docs/ from these.
"""

import argparse
import dataclasses
import importlib
import pathlib
import tempfile
import time
from collections.abc import Iterator, Mapping
from typing import Any

from zcomet_lab.programs import ProgramError, Programs


@dataclasses.dataclass(frozen=True)
class Suite:
    """A command and its parts."""

    command: str
    """As people type it: scripts/NAME."""
    description: str
    package: str
    """The package that has the parts' modules."""
    word: str
    """What a part is called: "benchmark"."""
    parts: Mapping[str, str]
    """The title of each part by its name, which is its module's name; in the order of the run."""
    results: pathlib.Path
    """Where JSON goes by default."""


@dataclasses.dataclass(frozen=True)
class Lab:
    """The tools that a part gets."""

    programs: Programs
    folder: pathlib.Path
    """For files of the run; it goes away with it."""
    results: pathlib.Path
    """For files that are kept, such as plots; in a short run the same as `folder`."""
    options: argparse.Namespace
    """The command line."""

    @property
    def short(self) -> bool:
        """Whether the run should take only seconds, to show that everything works."""
        return bool(self.options.short)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a part ended."""

    name: str
    seconds: float
    result: Any
    """What its run() returned; None if it raised `error`."""
    error: ProgramError | None


def parser_of(suite: Suite, short_help: str, out_help: str) -> argparse.ArgumentParser:
    """The options of all suites; each suite gives the help of two of them."""
    parser = argparse.ArgumentParser(
        prog=suite.command,
        description=suite.description,
        epilog="\n".join(f"  {name:<10} {title}" for name, title in suite.parts.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--build", default="build", help=argparse.SUPPRESS)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which {suite.word}s; default: all of these"
    )
    parser.add_argument("--short", action="store_true", help=short_help)
    parser.add_argument(
        "--out", metavar="FOLDER", type=pathlib.Path, default=suite.results, help=out_help
    )
    parser.add_argument(
        "--page", action="store_true", help="only write the page again, from the stored JSON"
    )
    return parser


def parse(suite: Suite, parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Reads the command line. Afterwards `names` has known parts, at least one."""
    options = parser.parse_args()
    for name in options.names:
        if name not in suite.parts:
            parser.error(f"there is no {suite.word} {name}; there are {', '.join(suite.parts)}")
    options.names = options.names or list(suite.parts)
    return options


def play(suite: Suite, options: argparse.Namespace) -> Iterator[Outcome]:
    """Runs the parts one after another, and yields how each ended before the next one begins."""
    for name in options.names:
        print(f"{name}: {suite.parts[name]} …", flush=True)
        began = time.monotonic()
        result, error = None, None
        try:
            result = _run(suite, name, options)
        except ProgramError as raised:
            error = raised
        yield Outcome(name, time.monotonic() - began, result, error)


def _run(suite: Suite, name: str, options: argparse.Namespace) -> Any:
    module = importlib.import_module(f"{suite.package}.{name}")
    with tempfile.TemporaryDirectory() as folder_name, Programs(options.build) as programs:
        folder = pathlib.Path(folder_name)
        results = folder if options.short else options.out
        return module.run(Lab(programs, folder, results, options))
