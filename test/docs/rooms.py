"""Holds the includes of the C++ sources to the table of rooms in docs/ARCHITECTURE.md.

usage: rooms.py SOURCE_ROOT

A room is a folder. Its row says which other rooms it includes. A row may name only rows above it,
so there are no circular includes. An include without a row is a mistake, and so is a row that no
include needs. Each room has
one meson.build, whose first line is its purpose, and one namespace, which follows from its path.
"""

import pathlib
import re
import sys

TOPS = ("topology", "broker", "webnode", "tools")
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
NAMESPACE = re.compile(r"^namespace (zcomet[\w:]*) \{", re.MULTILINE)
# | `topology/feed/` | what it is for | base, wire |
ROW = re.compile(
    r"^\| `((?:topology|broker|webnode|tools)[\w/]*)/` \| [^|]+ \| ([^|]*) \|$", re.MULTILINE
)

Rooms = dict[str, set[str]]


def namespace_of(room: str) -> str:
    """topology/base is the project's own namespace; rooms in topology/ are named without it."""
    parts = room.split("/")
    if parts[0] == "topology":
        parts = parts[1:]
    if parts == ["base"]:
        parts = []
    return "::".join(["zcomet", *parts])


def read_table(text: str) -> Rooms:
    """The rows of the table: room -> rooms that it includes, as paths."""
    rooms: Rooms = {}
    for room, cell in ROW.findall(text):
        names = [name.strip("` /") for name in cell.split(",") if name.strip("` /")]
        rooms[room] = {name if "/" in name else f"topology/{name}" for name in names}
    return rooms


def read_includes(root: pathlib.Path) -> Rooms:
    """The existing rooms: room -> rooms that its sources include."""
    rooms: Rooms = {}
    for top in TOPS:
        for source in sorted((root / top).rglob("*.[ch]pp")):
            room = source.parent.relative_to(root).as_posix()
            included = {
                pathlib.PurePath(name).parent.as_posix()
                for name in INCLUDE.findall(source.read_text())
            }
            rooms.setdefault(room, set()).update(included - {room})
    return rooms


def table_mistakes(table: Rooms, includes: Rooms) -> list[str]:
    """Differences between the table and the includes, and rows that name rows below them."""
    mistakes = []
    above: set[str] = set()
    for room, allowed in table.items():
        for other in sorted(allowed - above):
            mistakes.append(f"{room} may include {other}, which does not stand above it")
        above.add(room)
    mistakes += [f"{room} has no row" for room in includes if room not in table]
    mistakes += [f"{room} has a row, and no sources" for room in table if room not in includes]
    for room in sorted(table.keys() & includes.keys()):
        for other in sorted(includes[room] - table[room]):
            mistakes.append(f"{room} includes {other}, which its row does not name")
        for other in sorted(table[room] - includes[room]):
            mistakes.append(f"{room} does not include {other}, which its row names")
    return mistakes


def room_mistakes(root: pathlib.Path, room: str) -> list[str]:
    """What is missing in a room itself."""
    mistakes = []
    recipe = root / room / "meson.build"
    if not recipe.is_file() or not recipe.read_text().startswith("# "):
        mistakes.append(f"{room}/meson.build does not begin with the room's purpose")
    wanted = namespace_of(room)
    for source in sorted((root / room).glob("*.[ch]pp")):
        text = source.read_text()
        if source.suffix == ".hpp" and not text.startswith("// "):
            mistakes.append(f"{source.relative_to(root)} does not begin by saying what it is for")
        for name in NAMESPACE.findall(text):
            if name != wanted and not name.startswith(wanted + "::"):
                mistakes.append(f"{source.relative_to(root)} is in namespace {name}, not {wanted}")
    return mistakes


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    table = read_table((root / "docs" / "ARCHITECTURE.md").read_text())
    includes = read_includes(root)
    mistakes = table_mistakes(table, includes)
    for room in includes:
        mistakes += room_mistakes(root, room)
    for mistake in mistakes:
        print(mistake)
    print(f"{len(includes)} rooms, {len(mistakes)} mistakes")
    return 1 if mistakes or not includes else 0


if __name__ == "__main__":
    sys.exit(main())
