"""Runs the simulation on new seeds: a fresh range each time, drawn at random.

The range is printed. --from repeats it, and so does the environment variable ZCOMET_FROM_SEED,
which a test run passes on. A seed whose schedule breaks a promise belongs in
test/simulation/kept_seeds.txt.
usage: python3 -m zcomet_lab.seeds [--from N] [--count N] SIMULATION
"""

import argparse
import os
import random
import subprocess
import sys

from zcomet_lab.options import positive
from zcomet_lab.processes import processors

COUNT = 1_000_000
SEEDS_MAX = 10**12
"""Where ranges end at the latest: seeds that people can still read and type."""
FROM_VARIABLE = "ZCOMET_FROM_SEED"


class Range:
    """`count` seeds from `first` on. Seeds begin with 1."""

    def __init__(self, first: int, count: int) -> None:
        assert first >= 1 and count >= 1
        self.first = first
        self.last = first + count - 1

    def __str__(self) -> str:
        """As the simulation's option --seeds takes it."""
        return f"{self.first}-{self.last}"


def fresh(count: int, first: int | None = None, source: random.Random | None = None) -> Range:
    """`count` seeds from `first` on; by default from one that is drawn by `source`."""
    if first is None:
        first = (source or random.SystemRandom()).randrange(1, SEEDS_MAX - count)
    return Range(first, count)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m zcomet_lab.seeds", description=__doc__)
    parser.add_argument("simulation", help="the program")
    parser.add_argument(
        "--from",
        dest="first",
        type=positive,
        metavar="N",
        default=os.environ.get(FROM_VARIABLE) or None,
        help=f"the first seed; drawn by default, if {FROM_VARIABLE} is not set",
    )
    parser.add_argument("--count", type=positive, metavar="N", default=COUNT, help="how many seeds")
    options = parser.parse_args()
    seeds = fresh(options.count, options.first)
    print(f"seeds {seeds}; to run them again: scripts/test --long --from {seeds.first}", flush=True)
    command = [options.simulation, "--seeds", str(seeds), "--jobs", str(processors())]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
