"""Prints the sources by which clang-tidy sees some changed files: one path a line.

A source shows itself. A header is shown by its own source (the same path, ending in .cpp), or else
by one that includes it, through other headers if need be. Only sources that are built count; a
header that none of them includes is shown by none. Tests come last, since the time may not reach
for all.

usage: python3 -m zcomet_lab.changed_sources SOURCE_ROOT < PATHS

PATHS are the sources that are built, an empty line, and the files that changed; each a path below
SOURCE_ROOT, one a line.
"""

import pathlib
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set

INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def includers(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """The files that include a file, by its path, in order of their paths."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(texts):
        for included in INCLUDE.findall(texts[path]):
            found[included].append(path)
    return found


def source_that_shows(
    changed: str, built: Set[str], included_by: Mapping[str, list[str]]
) -> str | None:
    """The source by which clang-tidy sees the file `changed`; None if there is none."""
    waiting = [changed]
    seen = set(waiting)
    for file in waiting:  # Grows: the nearest sources come first.
        for candidate in (file, file.removesuffix(".hpp") + ".cpp"):
            if candidate in built:
                return candidate
        for path in sorted(included_by.get(file, []), key=lambda path: path not in built):
            if path not in seen:
                seen.add(path)
                waiting.append(path)
    return None


def sources_that_show(
    changed: Iterable[str], built: Set[str], included_by: Mapping[str, list[str]]
) -> list[str]:
    """The sources for all files of `changed`, each once, tests last."""
    shown = {source_that_shows(file, built, included_by) for file in changed}
    return sorted(
        (path for path in shown if path is not None),
        key=lambda path: (path.startswith("test/"), path),
    )


def main() -> None:
    root = pathlib.Path(sys.argv[1])
    built, changed = (part.split() for part in sys.stdin.read().split("\n\n"))
    rooms = {path.split("/")[0] for path in built}  # Not the build directories beside them.
    files = [path for room in rooms for path in (root / room).rglob("*.[ch]pp")]
    texts = {str(path.relative_to(root)): path.read_text(errors="replace") for path in files}
    print(*sources_that_show(changed, set(built), includers(texts)), sep="\n")


if __name__ == "__main__":
    main()
