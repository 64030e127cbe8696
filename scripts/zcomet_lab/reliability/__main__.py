"""Causes faults, simulated and real, attacks clusters, and records the results.

The program behind scripts/reliability.
"""

import argparse
import pathlib
import sys
import tempfile

from zcomet_lab import ROOT
from zcomet_lab.attacks.runs import ATTACKS
from zcomet_lab.options import positive
from zcomet_lab.programs import end_on_signals
from zcomet_lab.reliability.report import verdict, write_page
from zcomet_lab.results import Result, origin, write_result
from zcomet_lab.seeds import COUNT
from zcomet_lab.skipping import SKIPPED
from zcomet_lab.suite import Outcome, Suite, parse, parser_of, play

SUITE = Suite(
    command="scripts/reliability",
    description="Causes faults, simulated and real, attacks clusters, and writes "
    "docs/RELIABILITY.md.\n"
    "Exits with 1 if anything failed.",
    package="zcomet_lab.reliability",
    word="part",
    # In the order of the page. The longest one is first.
    parts={
        "simulation": "simulated schedules",
        "mutants": "bugs that the simulation has to catch",
        "faults": "real faults, one at a time",
        "fifty": "real faults in a row",
        "resync": "how soon a killed process is back",
        "attack": "under attack",
    },
    results=ROOT / "docs" / "reliability",
)


def read_options() -> argparse.Namespace:
    parser = parser_of(
        SUITE,
        short_help="seconds instead of an hour: checks that everything works; stores nothing",
        out_help="where JSON goes; default: docs/reliability. RELIABILITY.md beside it is written "
        "again; not with --short",
    )
    parser.add_argument(
        "--schedules",
        type=positive,
        default=COUNT,
        metavar="N",
        help="how many schedules are simulated; default: a million",
    )
    parser.add_argument(
        "--from",
        dest="first_seed",
        type=positive,
        metavar="N",
        help="the seed of the first one; default: random, and printed",
    )
    parser.add_argument(
        "--fault",
        action="append",
        metavar="NAME",
        help="a fault of the part `faults`, may be repeated; default: all that "
        "test/fault/fault.py --list prints",
    )
    parser.add_argument(
        "--attack",
        action="append",
        metavar="NAME",
        choices=ATTACKS,
        help="an attack of the part `attack`, may be repeated; default: all modules of "
        "scripts/zcomet_lab/attacks that have one",
    )
    parser.add_argument(
        "--random",
        type=positive,
        default=50,
        metavar="N",
        help="how many faults the part `fifty` draws; default: 50",
    )
    parser.add_argument(
        "--seed",
        type=int,
        metavar="S",
        help="the seed of this draw; default: random, and printed",
    )
    return parse(SUITE, parser)


def result_of(outcome: Outcome) -> Result:
    """The result of a part, in the form that is stored."""
    if outcome.error is None:
        came_of_it = outcome.result
    else:
        print(outcome.error, file=sys.stderr)
        came_of_it = {"failures": [str(outcome.error).partition("\n")[0]], "unfinished": True}
    title = SUITE.parts[outcome.name]
    return {"part": outcome.name, "title": title, **origin(outcome.seconds), **came_of_it}


def run_parts(options: argparse.Namespace, out: pathlib.Path) -> set[str]:
    """Runs the parts; writes their results to `out`, and the page beside it.

    Returns their verdicts.
    """
    verdicts = set()
    out.mkdir(parents=True, exist_ok=True)
    for outcome in play(SUITE, options):
        result = result_of(outcome)
        verdicts.add(verdict(result))
        print(f"  {verdict(result)}, {outcome.seconds:.0f} s", flush=True)
        for text in result["failures"]:
            print(f"  {text}", flush=True)
        write_result(out, outcome.name, result)
        write_page(out.parent / "RELIABILITY.md", out, SUITE.parts)
    return verdicts


def main() -> int:
    options = read_options()
    if options.page:
        write_page(options.out.parent / "RELIABILITY.md", options.out, SUITE.parts)
        return 0
    end_on_signals()
    if options.short:
        with tempfile.TemporaryDirectory() as folder:
            verdicts = run_parts(options, pathlib.Path(folder) / "reliability")
    else:
        verdicts = run_parts(options, options.out)
    if "FAILED" in verdicts:
        return 1
    return SKIPPED if verdicts == {"skipped"} else 0


if __name__ == "__main__":
    sys.exit(main())
