"""Runs benchmarks and prints their figures beside the targets; the program behind scripts/bench."""

import sys
from collections.abc import Sequence

from zcomet_lab import ROOT
from zcomet_lab.bench.report import draw_plots, write_page
from zcomet_lab.bench.rows import Row
from zcomet_lab.figures import text_table
from zcomet_lab.programs import end_on_signals
from zcomet_lab.results import origin, write_result
from zcomet_lab.suite import Outcome, Suite, parse, parser_of, play

SUITE = Suite(
    command="scripts/bench",
    description="Runs benchmarks, prints their figures beside the targets, writes them as JSON.\n"
    "Exits with 1 if a benchmark failed or missed a target.",
    package="zcomet_lab.bench",
    word="benchmark",
    # In the order in which they run: the quick ones come first.
    parts={
        "opening": "opening streams",
        "delivery": "delivery to 10,000 streams",
        "router": "the broker alone",
        "table": "the broker's table",
        "keys": "keys between hosts",
        "brokers": "several brokers",
        "one_id": "one id with 100,000 streams",
        "formats": "memory of a parked stream in each format",
        "comeback": "ten thousand streams come back with a cursor",
        "history": "histories in the broker",
        "events": "server-sent events beside comet pages",
        "publish": "publishing by HTTP, beside Nchan",
        "tls": "streams over TLS, beside nginx",
        "quiet": "a million quiet streams",
        "memory": "memory of parked streams",
        "million": "a million streams",
        "day": "a day of the 2008 load",
    },
    results=ROOT / "docs" / "bench",
)
PAGE = ROOT / "docs" / "BENCHMARKS.md"


def table(rows: Sequence[Row]) -> str:
    """The rows as aligned, indented text."""
    lines = text_table([row.cells() for row in rows], "lrll").splitlines()
    return "\n".join(f"  {line}" for line in lines)


def to_json(outcome: Outcome) -> dict[str, object]:
    return {
        "benchmark": outcome.name,
        "title": SUITE.parts[outcome.name],
        **origin(outcome.seconds),
        "rows": [vars(row) for row in outcome.result],
    }


def main() -> int:
    parser = parser_of(
        SUITE,
        short_help="seconds instead of minutes: checks that everything works, no targets",
        out_help="where JSON and plots go; default: docs/bench; then docs/BENCHMARKS.md is written "
        "again; not with --short",
    )
    options = parse(SUITE, parser)
    if options.page:
        write_page(PAGE, SUITE.results, SUITE.parts)
        return 0
    end_on_signals()
    passed = True
    if not options.short:
        options.out.mkdir(parents=True, exist_ok=True)
    for outcome in play(SUITE, options):
        if outcome.error:
            print(f"  FAILED: {outcome.error}", flush=True)
            passed = False
        elif options.short:
            print(f"  ok, {outcome.seconds:.0f} s", flush=True)
        else:
            print(table(outcome.result), flush=True)
            passed = passed and all(row.holds is not False for row in outcome.result)
            write_result(options.out, outcome.name, to_json(outcome))
            if options.out == SUITE.results:
                draw_plots(SUITE.results, SUITE.parts)
                write_page(PAGE, SUITE.results, SUITE.parts)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
