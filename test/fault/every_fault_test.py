"""The suite has a test for each fault of faults.py, also after a fault was added.

usage: every_fault_test.py NAME...      (the faults that have a test)
"""

import sys

from faults import FAULTS


def main() -> int:
    untested = sorted(FAULTS.keys() - set(sys.argv[1:]))
    for name in untested:
        print(f"the fault {name} has no test: configure the build directory again")
    return 1 if untested else 0


if __name__ == "__main__":
    sys.exit(main())
