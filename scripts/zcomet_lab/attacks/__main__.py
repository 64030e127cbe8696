"""Runs attacks, and prints the figures of each as a line of JSON.

usage: python3 -m zcomet_lab.attacks [--build BUILD] [--short] [NAME...]
"""

import argparse
import importlib
import json
import pathlib
import tempfile

from zcomet_lab.programs import Programs, end_on_signals
from zcomet_lab.suite import Lab

ATTACKS = (
    "queries",
    "unread_answers",
    "unread_feed",
    "resends",
    "unacknowledged",
    "slow_node",
    "unread_streams",
    "lists",
    "ids",
    "joins",
    "silent",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="zcomet_lab.attacks", description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("names", nargs="*", choices=[[], *ATTACKS], metavar="NAME")
    options = parser.parse_args()
    end_on_signals()
    for name in options.names or ATTACKS:
        module = importlib.import_module(f"zcomet_lab.attacks.{name}")
        with tempfile.TemporaryDirectory() as folder, Programs(options.build) as programs:
            figures = module.run(Lab(programs, pathlib.Path(folder), pathlib.Path(folder), options))
        print(json.dumps({"attack": name, **figures}), flush=True)


if __name__ == "__main__":
    main()
