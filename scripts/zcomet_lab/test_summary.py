"""Reads meson's testlog.json: prints the skipped tests and why, the failed ones, and the counts.

The exit status is 1 if anything failed or nothing ran.
usage: python3 -m zcomet_lab.test_summary TESTLOG.JSON
"""

import collections
import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from zcomet_lab.skipping import PREFIX

COUNTED_AS = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}
"""What each of meson's results counts as; any other result is a failure."""


def reason(test: Mapping[str, Any]) -> str:
    """The line with a skipped test's reason."""
    output: str = test.get("stdout", "") + "\n" + test.get("stderr", "")
    for line in output.splitlines():
        if line.startswith(PREFIX):
            return line.removeprefix(PREFIX)
    return "it does not say why"


def summary(log: Iterable[str]) -> tuple[list[str], bool]:
    """The lines to print for a test log, and whether all is well."""
    tests = collections.defaultdict(list)
    for line in log:
        test = json.loads(line)
        tests[COUNTED_AS.get(test["result"], "failed")].append(test)
    lines = [f"skipped  {test['name']}: {reason(test)}" for test in tests["skipped"]]
    lines += [f"failed   {test['name']} ({test['result']})" for test in tests["failed"]]
    lines.append(
        ", ".join(f"{len(tests[kind])} {kind}" for kind in ("passed", "failed", "skipped"))
    )
    return lines, any(tests.values()) and not tests["failed"]


def main() -> int:
    with open(sys.argv[1], encoding="utf-8") as log:
        lines, is_well = summary(log)
    print("", *lines, sep="\n")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
