"""Writes the code map of docs/ARCHITECTURE.md, or checks that it is true.

usage: architecture.py SOURCE_ROOT [--write]

The code map has a row for each header: the first sentence of the comment that the header begins
with. It stands between two marks in the document, and is replaced whole. Without --write the
document is left alone, and a difference is a failure.
"""

import pathlib
import re
import sys

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
