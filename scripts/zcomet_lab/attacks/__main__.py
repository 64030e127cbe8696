"""Runs attacks, and prints the record of each as a line of JSON.

usage: python3 -m zcomet_lab.attacks [--build BUILD] [--short] [--list] [NAME...]
"""

import argparse
import json
import sys

from zcomet_lab.attacks.runs import ATTACKS, run_all
from zcomet_lab.programs import end_on_signals


def main() -> int:
    parser = argparse.ArgumentParser(prog="zcomet_lab.attacks", description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--list", action="store_true", help="only print the names")
    parser.add_argument("names", nargs="*", choices=[[], *ATTACKS], metavar="NAME")
    options = parser.parse_args()
    if options.list:
        print("\n".join(ATTACKS))
        return 0
    end_on_signals()
    failed = False
    for record in run_all(options.names or ATTACKS, options):
        print(json.dumps(record), flush=True)
        failed |= bool(record["failures"]) and not record["known"]
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
