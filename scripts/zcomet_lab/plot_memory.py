"""Draws a log of zcomet-memlog: memory over time, as a PNG. Behind scripts/plot-memory."""

import argparse
import dataclasses
import pathlib
import sys
from collections.abc import Iterable, Sequence

from zcomet_lab.options import positive
from zcomet_lab.plotting import draw
from zcomet_lab.programs import ProgramError

# A log of more lines than this has more points than the picture has columns.
LONG_LOG_LINES = 500
LONG_LOG_EVERY = 10
TERMINAL = 'png size 500,300 font ",10"'


@dataclasses.dataclass(frozen=True)
class Point:
    """Memory of all processes together at a moment."""

    minutes: float
    """Since the log began."""
    rss_kb: int
    pss_kb: int | None
    """None where the log does not have it."""
    connections: int | None
    """Likewise."""


def points_of(lines: Sequence[str], every: int | None = None) -> list[Point]:
    """Every Nth point of a log; by default fewer if it is long.

    Lines of another form, such as those with an event, are left out.
    """
    if every is None:
        every = LONG_LOG_EVERY if len(lines) > LONG_LOG_LINES else 1
    rows = [row for row in (line.split("\t") for line in lines) if is_sample(row)]
    return [
        Point(
            (int(row[1]) - int(rows[0][1])) / 60,
            int(row[2]),
            *(int(row[i]) if len(row) > i and row[i].isdigit() else None for i in (4, 3)),
        )
        for row in rows[::every]
    ]


def is_sample(row: Sequence[str]) -> bool:
    """Whether a line's cells are a time and a memory."""
    return len(row) > 2 and row[1].isdigit() and row[2].isdigit()


def title_of(points: Iterable[Point]) -> str:
    """Says what the log is of, as far as it tells."""
    known = [point.connections for point in points if point.connections is not None]
    return f"Memory, with up to {max(known):,} connections" if known else "Memory"


def plot(
    log: pathlib.Path,
    picture: pathlib.Path,
    title: str | None = None,
    every: int | None = None,
) -> pathlib.Path:
    """Draws the log; returns the picture. Raises ProgramError if there is nothing to draw.

    Without a title the log's own connections are the title.
    """
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise ProgramError(f"cannot read {log}: {error.strerror}") from None
    points = points_of(lines, every)
    if len(points) < 2:
        raise ProgramError(f"{log} has fewer than two lines to draw")
    draw(picture, TERMINAL, commands_for(points, title or title_of(points)))
    return picture


def commands_for(points: Iterable[Point], title: str) -> str:
    """The commands for gnuplot."""
    # In these quotes gnuplot takes every character literally except a quote, which is doubled.
    quoted = title.replace("'", "''")
    data = "\n".join(
        f"{point.minutes} {point.rss_kb} {'NaN' if point.pss_kb is None else point.pss_kb}"
        for point in points
    )
    return f"""
        set title '{quoted}' noenhanced
        set xlabel "Minutes Elapsed"
        set ylabel "Mem (KB)"
        set rmargin 4
        set format y "%.0f"
        set yrange [0:*]
        set key bottom right
        $points << END
{data}
END
        plot $points using 1:2 with lines linewidth 2 title "resident (RSS)", \\
             $points using 1:3 with lines linewidth 2 title "proportional (PSS)"
    """


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="plot-memory",
        description="Draws resident memory (RSS) and, where the log has it, the share of it that "
        "is the processes' own (PSS), over the minutes since the log began.",
    )
    parser.add_argument("log", type=pathlib.Path, metavar="LOG")
    parser.add_argument(
        "picture",
        type=pathlib.Path,
        nargs="?",
        metavar="OUT.png",
        help="default: LOG.png",
    )
    parser.add_argument("--title", help="default: the most connections in LOG")
    parser.add_argument(
        "--every",
        type=positive,
        metavar="N",
        help=f"use every Nth line of LOG; default: {LONG_LOG_EVERY} for more than "
        f"{LONG_LOG_LINES} lines, else 1",
    )
    options = parser.parse_args()
    picture = options.picture or pathlib.Path(f"{options.log}.png")
    try:
        print(plot(options.log, picture, options.title, options.every))
    except ProgramError as error:
        print(f"plot-memory: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
