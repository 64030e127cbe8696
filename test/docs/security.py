"""The tests that docs/SECURITY.md names for its claims are there.

Its table of attacks has the rows of test/protocol/attack_rows.py, in any order.
usage: security.py ROOT      (the source tree)
"""

import ast
import pathlib
import re
import sys

ROW = re.compile(r"^\| (?P<claim>.+) \| `(?P<file>[^`]+)`(?: `(?P<function>\w+)`)? \|$")
OTHER_TABLES = ("| claim | test |", "| --- | --- |")
CLAIMS_MIN = 20
ATTACKS = "| attack | then |"
ATTACK = re.compile(r"^\| (?P<name>[^|]+) \|(?:[^|]+\|){3} (?:`(?P<file>[^`]+)`|–) \|$")
ATTACKS_MIN = 24


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


def attacks_tried(path: pathlib.Path) -> set[str]:
    """The names of the rows in a test: each first argument of Row, and each key of OTHERS."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id="Row"), args=[ast.Constant(value=str(name)), *_]):
                names.add(name)
            case ast.AnnAssign(target=ast.Name(id="OTHERS"), value=ast.Dict(keys=keys)):
                names |= {str(key.value) for key in keys if isinstance(key, ast.Constant)}
    return names


def attack_mistakes(root: pathlib.Path) -> list[str]:
    """Differences between the table of attacks and the test."""
    lines = (root / "docs" / "SECURITY.md").read_text(encoding="utf-8").splitlines()
    begin = next((i for i, line in enumerate(lines) if line.startswith(ATTACKS)), len(lines))
    told: set[str] = set()
    found = []
    for line in lines[begin + 2 :]:
        if not line.startswith("|"):
            break
        row = ATTACK.match(line)
        if row is None:
            found.append(f"an attack without what came of it: {line}")
            continue
        told.add(row["name"])
        if row["file"] and not (root / row["file"]).is_file():
            found.append(f"{row['file']} is not there: {row['name']}")
    tried = attacks_tried(root / "test" / "protocol" / "attack_rows.py")
    found += [f"attack_rows.py does not try: {name}" for name in sorted(told - tried)]
    found += [f"SECURITY.md does not tell of: {name}" for name in sorted(tried - told)]
    if len(told) < ATTACKS_MIN:
        found.append(f"only {len(told)} attacks were found")
    return found


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    wrong = [*mistakes(root), *attack_mistakes(root)]
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
