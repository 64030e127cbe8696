"""Writes copies of the cores that have the deliberate bugs of mutants.list, behind a switch.

usage: mutate.py LIST SOURCE_ROOT prepare FOLDER     once, when the build is set up
       mutate.py LIST SOURCE_ROOT copy FILE OUTPUT   the copy of one source
       mutate.py LIST SOURCE_ROOT table OUTPUT       the C++ table of names

`prepare` prints the files that have copies, one per line. Meson puts a copy into its own folder,
under a name without one, so `prepare` also writes a tree of headers into FOLDER, each of which
includes the copy of the header of that path: with FOLDER first in the include path, all sources
see the copies. mutants.list describes its own format.
"""

import itertools
import pathlib
import re
import sys
from dataclasses import dataclass, field

HEAD = re.compile(r"\[([a-z0-9-]+)\] (.+)")
FILE = re.compile(r"[\w/]+\.[ch]pp")
# A word, or a sign by itself.
TOKEN = re.compile(r"\w+|[^\w\s]")
MUTANT = re.compile(r"\bMUTANT\b")


@dataclass
class Change:
    """One text of one file, and its replacement in the copy."""

    mutant: "Mutant"
    line: int
    file: str
    old: str
    new: str


@dataclass
class Mutant:
    """One deliberate bug. The copies compare its number with that of the active one."""

    number: int
    name: str
    what: str
    changes: list[Change] = field(default_factory=list)


class Mistake(Exception):
    """The list is wrong, or does not fit the sources any more. The text is for people."""


def read_list(path: pathlib.Path) -> list[Mutant]:
    """The mutants of the list, in its order, numbered from 1."""
    reader = ListReader()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            try:
                reader.read(line, number)
            except Mistake as mistake:
                raise Mistake(f"{path}:{number}: {mistake}") from None
    for mutant in reader.mutants:
        if not mutant.changes:
            raise Mistake(f"{path}: mutant {mutant.name} changes nothing")
    return reader.mutants


class ListReader:
    """The list as read so far."""

    def __init__(self) -> None:
        self.mutants: list[Mutant] = []
        self.file = ""
        self.old: str | None = None

    def read(self, line: str, number: int) -> None:
        if self.old is not None or line.startswith("+ "):
            self.end_change(line, number)
        elif head := HEAD.fullmatch(line):
            if any(mutant.name == head[1] for mutant in self.mutants):
                raise Mistake(f"there are two mutants {head[1]}")
            self.mutants.append(Mutant(len(self.mutants) + 1, head[1], head[2]))
            self.file = ""
        elif FILE.fullmatch(line) and self.mutants:
            self.file = line
        elif line.startswith("- ") and self.file:
            self.old = line[2:]
        else:
            raise Mistake("[NAME] comes first, then FILE, then pairs of `-` and `+`")

    def end_change(self, line: str, number: int) -> None:
        if self.old is None or not line.startswith("+ ") or not MUTANT.search(line):
            raise Mistake("a line `-` wants one line `+` below it, with the word MUTANT")
        mutant = self.mutants[-1]
        mutant.changes.append(Change(mutant, number - 1, self.file, self.old, line[2:]))
        self.old = None


def changes_of(mutants: list[Mutant], file: str) -> list[Change]:
    return [change for mutant in mutants for change in mutant.changes if change.file == file]


def files_of(mutants: list[Mutant]) -> list[str]:
    return sorted({change.file for mutant in mutants for change in mutant.changes})


def pattern(text: str) -> re.Pattern[str]:
    """A pattern for the text, with any line breaks, but not inside a longer word."""
    found = ""
    end = ""
    for token in TOKEN.findall(text):
        is_word = re.match(r"\w", token) is not None
        found += (r"\s+" if end and is_word else r"\s*") if found else ""
        found += (r"\b" if is_word and not end else "") + re.escape(token)
        end = r"\b" if is_word else ""
    return re.compile(found + end)


def mutated(source: str, file: str, changes: list[Change], list_path: pathlib.Path) -> str:
    """The source with the changes in it."""
    found: list[tuple[int, int, Change]] = []
    for change in changes:
        places = list(pattern(change.old).finditer(source))
        where = f"{list_path}:{change.line}: mutant {change.mutant.name}"
        if len(places) != 1:
            raise Mistake(
                f"{where}: this text stands {len(places)} times in {file}, and must stand there "
                f"once:\n    {change.old}\n"
                "Renew the lines `-` and `+` so that they fit the code as it is now: more of the "
                "text around\nit, if it stands there several times. If the code has moved to "
                "another file, renew the\nline that names the file. If the bug cannot be made any "
                "more, remove the mutant."
            )
        found.append((places[0].start(), places[0].end(), change))
    found.sort(key=lambda place: place[0])
    for (_, end, one), (start, _, other) in itertools.pairwise(found):
        if start < end:
            raise Mistake(
                f"{list_path}:{other.line}: mutants {one.mutant.name} and {other.mutant.name} "
                f"replace the same text of {file}: each needs a text of its own"
            )
    for start, end, change in reversed(found):
        switch = f"::zcomet::sim::mutant_is_active({change.mutant.number})"
        source = source[:start] + MUTANT.sub(switch, change.new) + source[end:]
    return f"// {file} with mutants.list.\n" f'#include "test/simulation/mutants.hpp"\n{source}'


def copy_name(file: str) -> str:
    """Meson's copy of a file has a name without a folder."""
    return file.replace("/", "-")


def write_headers(files: list[str], folder: pathlib.Path) -> None:
    """A tree of headers, each of which includes the copy of the header of that path."""
    for file in files:
        if file.endswith(".hpp"):
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f'#pragma once\n#include "test/simulation/{copy_name(file)}"\n')


def table(mutants: list[Mutant]) -> str:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    rows = "".join(f"    {{{quoted(each.name)}, {quoted(each.what)}}},\n" for each in mutants)
    return (
        "// mutants.list as a table.\n"
        '#include "test/simulation/mutants.hpp"\n\n'
        "#include <array>\n\n"
        "namespace zcomet::sim {\n\n"
        "std::span<const Mutant> known_mutants() {\n"
        f"    static constexpr auto kMutants = std::to_array<Mutant>({{\n{rows}}});\n"
        "    return kMutants;\n"
        "}\n\n"
        "} // namespace zcomet::sim\n"
    )


def main(arguments: list[str]) -> None:
    list_path, root, action = pathlib.Path(arguments[0]), pathlib.Path(arguments[1]), arguments[2]
    mutants = read_list(list_path)
    if action == "prepare":
        files = files_of(mutants)
        for file in files:
            if not (root / file).is_file():
                names = {change.mutant.name for change in changes_of(mutants, file)}
                raise Mistake(
                    f"{list_path}: there is no file {file}. If its code has moved, renew the line "
                    f"that names the file, in the mutants {', '.join(sorted(names))}."
                )
        write_headers(files, pathlib.Path(arguments[3]))
        print("\n".join(files))
    elif action == "copy":
        file, output = arguments[3], pathlib.Path(arguments[4])
        source = (root / file).read_text()
        output.write_text(mutated(source, file, changes_of(mutants, file), list_path))
    else:
        pathlib.Path(arguments[3]).write_text(table(mutants))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Mistake as error:
        sys.exit(f"mutate.py: {error}")
