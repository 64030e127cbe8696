"""Prints what must be built for the tests of some suites, a path below the build directory for
each: what those tests depend on, and all that is installed, since tests find the programs by their
paths. It prints nothing if everything must be built: without a suite, or if one has tests that
start what they do not depend on, such as scripts/reliability.

usage: python3 -m zcomet_lab.test_targets BUILD_DIRECTORY [SUITE]...
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

# All that the tests of these suites start is installed, or they depend on it.
COMPLETE_SUITES = {"unit", "cluster", "threads"}


def introspect(build: Path, what: str) -> list[dict[str, Any]]:
    output = subprocess.run(
        ["meson", "introspect", f"--{what}", str(build)], check=True, capture_output=True, text=True
    ).stdout
    found: list[dict[str, Any]] = json.loads(output)
    return found


def wanted_files(
    tests: list[dict[str, Any]], targets: list[dict[str, Any]], suites: set[str]
) -> list[str]:
    """The files of the wanted targets. `tests` and `targets` are what Meson says of a build."""
    depended = {
        target
        for test in tests
        # Meson puts the project's name in front.
        if suites & {suite.rpartition(":")[2] for suite in test["suite"]}
        for target in test["depends"]
    }
    return [
        file
        for target in targets
        if target["installed"] or target["id"] in depended
        for file in target["filename"]
    ]


def main() -> None:
    build, suites = Path(sys.argv[1]).resolve(), set(sys.argv[2:])
    if suites and suites <= COMPLETE_SUITES:
        tests, targets = introspect(build, "tests"), introspect(build, "targets")
        for file in wanted_files(tests, targets, suites):
            print(Path(file).relative_to(build))


if __name__ == "__main__":
    main()
