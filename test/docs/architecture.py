"""Writes the code map and the limits of docs/ARCHITECTURE.md, or checks that they are true.

usage: architecture.py SOURCE_ROOT [--write]

The code map has a row for each header: the first sentence of the comment at the header's start. The
table of limits has a row for each constant, or member with a default, that has the line
`/// @limit WHAT` right above it: WHAT it limits, its value, its name and its file. Each part is
between two marks in the document, and is replaced as a whole. Without --write the document is not
changed, and a difference is a failure.
"""

from __future__ import annotations

import ast
import dataclasses
import operator
import pathlib
import re
import sys
from collections.abc import Iterator

TOPS = ("topology", "broker", "webnode", "tools")
MARKS = "<!-- {} (written by test/docs/architecture.py) -->\n"


def headers(root: pathlib.Path) -> list[pathlib.Path]:
    """All headers, sorted by path."""
    return sorted(path for top in TOPS for path in (root / top).rglob("*.hpp"))


def first_sentence(text: str) -> str:
    """The first sentence of the comment that a file begins with; empty if it begins otherwise."""
    words = []
    for line in text.splitlines():
        if not line.startswith("//"):
            break
        words.append(line[2:].strip())
        if not words[-1]:
            break
    comment = " ".join(words).strip()
    end = re.search(r"[.:](?= |$)", comment)
    return comment[: end.start()] if end else comment


def code_map(root: pathlib.Path) -> str:
    """A table row for each header, room by room."""
    rows = ["| file | what it is |", "| --- | --- |"]
    room = ""
    for header in headers(root):
        folder = header.parent.relative_to(root).as_posix()
        if folder != room:
            room = folder
            rows.append(f"| **`{room}/`** | |")
        rows.append(f"| `{header.stem}` | {first_sentence(header.read_text())} |")
    return "\n".join(rows) + "\n"


@dataclasses.dataclass(frozen=True)
class Limit:
    """A constant that bounds something."""

    what: str
    name: str
    initializer: str
    path: str


LIMIT = re.compile(r"^ */// @limit (?P<what>.+)\n(?P<declaration>[^;]+);", re.MULTILINE)
# A name, then an initializer after `=` or in braces.
DECLARATION = re.compile(r"(?P<name>\w+)\s*(=\s*(?P<value>.+)|\{(?P<braced>.+)\})", re.DOTALL)
OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.LShift: operator.lshift,
}
DURATION = re.compile(r"(\d+)(h|min|s|ms|us|ns)")


def limits(root: pathlib.Path) -> Iterator[Limit]:
    """All limits, sorted by path, in the order of each file."""
    sources = (path for top in TOPS for path in (root / top).rglob("*.?pp"))
    for path in sorted(sources):
        for found in LIMIT.finditer(path.read_text()):
            declared = DECLARATION.search(found["declaration"])
            if not declared:
                raise SystemExit(f"{path}: no constant under `@limit {found['what']}`")
            initializer = declared["value"] or declared["braced"]
            yield Limit(
                found["what"], declared["name"], initializer, path.relative_to(root).as_posix()
            )


def number(node: ast.expr) -> int:
    """The value of an expression of whole numbers."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return int(OPERATORS[type(node.op)](number(node.left), number(node.right)))
    raise ValueError(ast.dump(node))


def value(limit: Limit) -> str:
    """The initializer as people write it: `262,144`, `500 µs`."""
    text = limit.initializer.replace("'", "").strip()
    duration = DURATION.fullmatch(text)
    if duration:
        return f"{int(duration[1]):,} {duration[2].replace('us', 'µs')}"
    text = re.sub(r"std::\w+\{(\d+)\}", r"\1", text)
    text = re.sub(r"\b(\d+)U?L?L?\b", r"\1", text)
    try:
        return f"{number(ast.parse(text, mode='eval').body):,}"
    except (SyntaxError, ValueError):
        raise SystemExit(
            f"{limit.path}: the value of {limit.name}, `{limit.initializer}`, is neither a time "
            "nor made of numbers; test/docs/architecture.py cannot read it"
        ) from None


def limit_table(root: pathlib.Path) -> str:
    """A table row for each limit, room by room."""
    rows = ["| limit | value | where |", "| --- | --- | --- |"]
    room = ""
    for limit in limits(root):
        folder, file = limit.path.rsplit("/", 1)
        if folder != room:
            room = folder
            rows.append(f"| **`{room}/`** | | |")
        rows.append(f"| {limit.what} | {value(limit)} | `{limit.name}`, `{file}` |")
    return "\n".join(rows) + "\n"


def replaced(document: str, part: str, content: str) -> str:
    """The document with the part between its marks replaced."""
    begin, end = MARKS.format(part), MARKS.format("end of " + part)
    before, found, rest = document.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise SystemExit(f"docs/ARCHITECTURE.md has no marks for the {part}")
    return before + begin + content + end + after


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    path = root / "docs" / "ARCHITECTURE.md"
    document = path.read_text()
    wanted = replaced(document, "code map", code_map(root))
    wanted = replaced(wanted, "limits", limit_table(root))
    if "--write" in sys.argv[2:]:
        path.write_text(wanted)
        return 0
    if wanted == document:
        return 0
    old, new = set(document.splitlines()), set(wanted.splitlines())
    for line in sorted(old ^ new):
        print("-" if line in old else "+", line)
    print("docs/ARCHITECTURE.md differs from the code: run `meson compile -C build architecture`")
    return 1


if __name__ == "__main__":
    sys.exit(main())
