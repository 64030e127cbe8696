"""Reads meson's testlog.json: says what was skipped and why, what failed, and how many in the end.

usage: python3 -m zcomet_lab.test_summary TESTLOG.JSON      The exit status is 1 if anything failed or nothing ran.
"""

import collections
import json
import sys

# What meson calls a result, and what we count it as; anything else is a failure.
COUNTED_AS = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}
REASON_PREFIX = "skipped: "


def reason(test):
    """The line by which a skipped test says why."""
    for line in (test.get("stdout", "") + "\n" + test.get("stderr", "")).splitlines():
        if line.startswith(REASON_PREFIX):
            return line.removeprefix(REASON_PREFIX)
    return "it does not say why"


def main():
    tests = collections.defaultdict(list)
    with open(sys.argv[1], encoding="utf-8") as log:
        for line in log:
            test = json.loads(line)
            tests[COUNTED_AS.get(test["result"], "failed")].append(test)
    print()
    for test in tests["skipped"]:
        print(f"skipped  {test['name']}: {reason(test)}")
    for test in tests["failed"]:
        print(f"failed   {test['name']} ({test['result']})")
    print(", ".join(f"{len(tests[kind])} {kind}" for kind in ("passed", "failed", "skipped")))
    return 1 if tests["failed"] or not any(tests.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
