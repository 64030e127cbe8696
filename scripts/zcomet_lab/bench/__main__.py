"""Runs benchmarks and prints their figures beside the targets; the program behind scripts/bench."""

import argparse
import importlib
import pathlib
import sys
import tempfile
import time

from zcomet_lab import ROOT
from zcomet_lab.bench.figures import figure, verdict
from zcomet_lab.bench.lab import Lab
from zcomet_lab.bench.report import write_report
from zcomet_lab.programs import ProgramError, Programs, end_on_signals
from zcomet_lab.results import origin, write_result

RESULTS = ROOT / "docs" / "bench"
NOTES = RESULTS / "notes.md"
# In the order in which they run: what is quick comes first.
BENCHMARKS = {
    "opening": "opening streams",
    "delivery": "delivery to 10,000 streams",
    "router": "the broker alone",
    "table": "the broker's table",
    "one_id": "one id with 100,000 streams",
    "memory": "memory of parked streams",
    "million": "a million streams",
    "day": "a day of the 2008 load",
}


def table(rows):
    """The rows as aligned text."""
    cells = [
        (row.what, f"{figure(row.value)} {row.unit}".strip(), row.target, verdict(row.holds))
        for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(3)]
    return "\n".join(
        f"  {what:<{widths[0]}}  {value:>{widths[1]}}  {target:<{widths[2]}}  {word}".rstrip()
        for what, value, target, word in cells
    )


def run_one(name, options):
    """Returns the rows of one benchmark."""
    module = importlib.import_module(f"zcomet_lab.bench.{name}")
    with tempfile.TemporaryDirectory() as folder, Programs() as programs:
        folder = pathlib.Path(folder)
        results = folder if options.short else options.out
        return module.run(Lab(options.build, programs, folder, results, options.short))


def keep(folder, name, rows, seconds):
    write_result(
        folder,
        name,
        {
            "benchmark": name,
            "title": BENCHMARKS[name],
            **origin(seconds),
            "rows": [vars(row) for row in rows],
        },
    )


def parse_options():
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Runs benchmarks, prints their figures beside the targets, and writes them as JSON. "
        "Exits with 1 if a benchmark failed or missed a target.",
        epilog="\n".join(f"  {name:<10} {title}" for name, title in BENCHMARKS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--build", default="build", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; default: all of these")
    parser.add_argument(
        "--short",
        action="store_true",
        help="seconds instead of minutes: whether all works and arrives, no targets",
    )
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        type=pathlib.Path,
        default=RESULTS,
        help="where JSON and plots go; default: docs/bench, of which docs/BENCHMARKS.md is "
        "written anew then; not with --short",
    )
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]}; there are {', '.join(BENCHMARKS)}")
    options.names = options.names or list(BENCHMARKS)
    return options


def main():
    options = parse_options()
    if not options.short:
        options.out.mkdir(parents=True, exist_ok=True)
    end_on_signals()
    passed = True
    for name in options.names:
        print(f"{name}: {BENCHMARKS[name]} …", flush=True)
        began = time.monotonic()
        try:
            rows = run_one(name, options)
        except ProgramError as error:
            print(f"  FAILED: {error}", flush=True)
            passed = False
            continue
        seconds = time.monotonic() - began
        if options.short:
            print(f"  ok, {seconds:.0f} s", flush=True)
            continue
        print(table(rows), flush=True)
        keep(options.out, name, rows, seconds)
        passed = passed and all(row.holds is not False for row in rows)
        if options.out == RESULTS:
            write_report(RESULTS.parent / "BENCHMARKS.md", RESULTS, BENCHMARKS, NOTES.read_text())
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
