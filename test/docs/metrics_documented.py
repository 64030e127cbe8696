"""Every metric of a program is an item of its man page.

Reads the names from the table of metrics in a header, where a row is `counter(kName, "name", …)` or
`gauge(…)`, and looks for each in the words of the page's items (.It, or .Li in an item of several
lines).

usage: metrics_documented.py HEADER MAN-PAGE       The exit status is 0 if none is missing.
"""

import pathlib
import re
import sys

ROW = re.compile(r'\b(?:counter|gauge)\(\s*\w+,\s*"(\w+)"')
ITEM = re.compile(r"^\.(?:It Li|Li) (.*)$", re.MULTILINE)
WORD = re.compile(r"[a-z][a-z0-9_]*")


def main() -> int:
    header, page = (pathlib.Path(name) for name in sys.argv[1:3])
    names = ROW.findall(header.read_text())
    words = {word for item in ITEM.findall(page.read_text()) for word in WORD.findall(item)}
    missing = [name for name in names if name not in words]
    for name in missing:
        print(f"{page.name} has no item for {name}, which {header.name} has")
    print(f"{len(names)} metrics, {len(missing)} mistakes")
    return 1 if missing or not names else 0


if __name__ == "__main__":
    sys.exit(main())
