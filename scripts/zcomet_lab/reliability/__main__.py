"""Lets faults happen, simulated and real, and writes down what came of it; the program behind
scripts/reliability."""

import argparse
import importlib
import pathlib
import sys
import tempfile
import time

from zcomet_lab.programs import ProgramError, Programs, end_on_signals
from zcomet_lab import ROOT
from zcomet_lab.reliability.lab import Lab
from zcomet_lab.reliability.report import verdict, write_report
from zcomet_lab.results import origin, write_result

RESULTS = ROOT / "docs" / "reliability"
# In the order of the page. The one that takes long is first.
PARTS = {
    "simulation": "simulated schedules",
    "mutants": "bugs that the simulation has to catch",
    "faults": "real faults, one at a time",
    "fifty": "real faults in a row",
    "resync": "how soon what was killed is back",
}
SKIPPED = 77


def run_one(name, options):
    """Returns what came of one part."""
    module = importlib.import_module(f"zcomet_lab.reliability.{name}")
    try:
        with tempfile.TemporaryDirectory() as folder, Programs() as programs:
            return module.run(Lab(options, programs, pathlib.Path(folder)))
    except ProgramError as error:
        print(error, file=sys.stderr)
        return {"failures": [str(error).partition("\n")[0]], "unfinished": True}


def parse_options():
    parser = argparse.ArgumentParser(
        prog="scripts/reliability",
        description="Lets faults happen, simulated and real, and writes docs/RELIABILITY.md. Exits with 1 if "
        "anything failed.",
        epilog="\n".join(f"  {name:<10} {title}" for name, title in PARTS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--build", default="build", help=argparse.SUPPRESS)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="which parts; default: all of these"
    )
    parser.add_argument(
        "--short",
        action="store_true",
        help="seconds instead of an hour: whether all works; nothing is kept",
    )
    parser.add_argument(
        "--schedules",
        type=int,
        default=1_000_000,
        metavar="N",
        help="how many schedules are simulated; default: a million",
    )
    parser.add_argument(
        "--fault",
        action="append",
        metavar="NAME",
        help="a fault of the part `faults`, which may be given again; default: each that "
        "test/fault/fault.py --list names",
    )
    parser.add_argument(
        "--random",
        type=int,
        default=50,
        metavar="N",
        help="how many faults the part `fifty` draws; default: 50",
    )
    parser.add_argument(
        "--seed", type=int, metavar="S", help="by which it draws them; drawn, and shown, by default"
    )
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        type=pathlib.Path,
        default=RESULTS,
        help="where JSON goes; default: docs/reliability. RELIABILITY.md is written anew beside it; "
        "not with --short",
    )
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]}; there are {', '.join(PARTS)}")
    options.names = options.names or list(PARTS)
    return options


def run_parts(options, out):
    """Runs the parts, and writes what came of each to `out`, and the page beside it. Returns their verdicts."""
    verdicts = set()
    out.mkdir(parents=True, exist_ok=True)
    for name in options.names:
        print(f"{name}: {PARTS[name]} …", flush=True)
        began = time.monotonic()
        result = run_one(name, options)
        seconds = time.monotonic() - began
        verdicts.add(verdict(result))
        print(
            "\n".join(
                [
                    f"  {verdict(result)}, {seconds:.0f} s",
                    *(f"  {text}" for text in result["failures"]),
                ]
            ),
            flush=True,
        )
        write_result(out, name, {"part": name, "title": PARTS[name], **origin(seconds), **result})
        write_report(out.parent / "RELIABILITY.md", out, PARTS)
    return verdicts


def main():
    options = parse_options()
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
