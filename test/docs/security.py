"""The tests that docs/SECURITY.md names for its claims are there.

usage: security.py ROOT      (the source tree)
"""

import pathlib
import re
import sys

ROW = re.compile(r"^\| (?P<claim>.+) \| `(?P<file>[^`]+)`(?: `(?P<function>\w+)`)? \|$")
OTHER_TABLES = ("| claim | test |", "| --- | --- |")
CLAIMS_MIN = 20


def mistakes(root: pathlib.Path) -> list[str]:
    found: list[str] = []
    claims = 0
    text = (root / "docs" / "SECURITY.md").read_text(encoding="utf-8")
    in_claims = False
    for line in text.splitlines():
        in_claims = line.startswith("|") and (in_claims or line == OTHER_TABLES[0])
        if not in_claims or line in OTHER_TABLES:
            continue
        row = ROW.match(line)
        if row is None:
            found.append(f"a claim without a test: {line}")
            continue
        claims += 1
        file, function = root / row["file"], row["function"]
        if not file.is_file():
            found.append(f"{row['file']} is not there: {row['claim']}")
        elif function and f"def {function}(" not in file.read_text(encoding="utf-8"):
            found.append(f"{row['file']} has no {function}: {row['claim']}")
    if claims < CLAIMS_MIN:
        found.append(f"only {claims} claims were found")
    return found


def main() -> int:
    wrong = mistakes(pathlib.Path(sys.argv[1]))
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
