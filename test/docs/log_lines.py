"""Each log line of the programs names its event first, as in event=ready.

usage: log_lines.py ROOT      (the source tree)
"""

import pathlib
import re
import sys

ROOMS = ["broker", "webnode", "tools", "topology"]
CALL = re.compile(r"\bspdlog::(?:trace|debug|info|warn|error|critical)\(\s*(\S[^\n]*)")


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    count = 0
    wrong = []
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.cpp")):
            for call in CALL.findall(path.read_text(encoding="utf-8")):
                count += 1
                if not call.startswith('"event='):
                    wrong.append(f"{path}: {call}")
    assert count > 0, "no source logs anything"
    for line in wrong:
        print(f"{line}: a log line begins with event=")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
