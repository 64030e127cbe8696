"""Each log line of the programs names its event first, as in event=ready. The man pages of broker
and web node have each event that these two may log.

usage: log_lines.py ROOT      (the source tree)
"""

import pathlib
import re
import sys
from collections.abc import Iterator

ROOMS = ["broker", "webnode", "tools", "topology"]
CALL = re.compile(r"\bspdlog::(?:trace|debug|info|warn|error|critical)\(\s*(\S[^\n]*)")
EVENT = re.compile(r'"event=([a-z][a-z-]*)')
# The events of lines that begin with "event={}".
OTHER_EVENTS = {
    "broker/shell/event_log.cpp": re.compile(r'return "([a-z-]+)";'),
    "webnode/supervisor/supervisor.cpp": re.compile(r'LackWords k\w+\{\s*"([a-z-]+)"'),
}
NO_EVENT = {"unknown"}  # what a function returns that the compiler wants to return something
PAGES = {"zcomet-broker.1": ["broker", "topology"], "zcomet-webnode.1": ["webnode", "topology"]}
ITEM = re.compile(r"^\.It Li (.*)$", re.MULTILINE)


def sources(root: pathlib.Path, rooms: list[str]) -> Iterator[tuple[str, str]]:
    """The path of each source file of these rooms, from the root, and its text."""
    for room in rooms:
        for path in sorted((root / room).rglob("*.cpp")):
            yield str(path.relative_to(root)), path.read_text(encoding="utf-8")


def without_event(root: pathlib.Path) -> Iterator[str]:
    count = 0
    for path, text in sources(root, ROOMS):
        for call in CALL.findall(text):
            count += 1
            if not call.startswith('"event='):
                yield f"{path}: {call}: a log line begins with event="
    assert count > 0, "no source logs anything"


def undocumented(root: pathlib.Path) -> Iterator[str]:
    for page, rooms in PAGES.items():
        items = ITEM.findall((root / "docs" / "man" / page).read_text(encoding="utf-8"))
        documented = {word for item in items for word in item.split()}
        for path, text in sources(root, rooms):
            events = set(EVENT.findall(text))
            if path in OTHER_EVENTS:
                others = set(OTHER_EVENTS[path].findall(text)) - NO_EVENT
                assert others, f"{path} has no event of the expected form"
                events |= others
            for event in sorted(events - documented):
                yield f"{path}: {page} has no item for the event {event}"


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    wrong = [*without_event(root), *undocumented(root)]
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
