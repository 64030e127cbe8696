"""Writes docs/BENCHMARKS.md and its plots from the JSON of the benchmarks' last runs."""

import dataclasses
import json
import pathlib
from collections.abc import Iterable, Mapping, Sequence

from zcomet_lab.bench.rows import Row
from zcomet_lab.figures import figure, markdown_table
from zcomet_lab.plotting import draw
from zcomet_lab.results import Result, load_results

TERMINAL = "pngcairo size 900,500"
COMPARISONS = ("bytes-per-stream", "cpu-1000", "cpu-20000")
"""The plots that show Zcomet beside others."""

INTRODUCTION = """\
# Benchmarks

What Zcomet costs. `scripts/bench` measures it and writes this page. The raw figures are in
[docs/bench](bench), one file for each benchmark. Everything, clients included, runs on the one
machine that is named, so the clients' work slows the server down. The *floor* is
`test/bench/floor.cpp`: it accepts, reads the request, writes a head, and later sends chunks; no
parsing, no ids, no broker. It runs in turn with Zcomet, so the ratios hold even on a shared
machine, which is slower at some times than at others. Single figures vary by a fifth from run to
run.

*Bytes a stream* are the proportional set size (PSS) of all the server's processes, less that of the
same processes before the first stream, divided by the number of streams. *CPU* is user and system
time of the server's processes, broker included; on the loopback it contains the receiver's part of
TCP. A figure of several runs is their median.

`scripts/bench` runs all benchmarks, `scripts/bench NAME` one. All take an hour and a half, most of
it for the long ones at the end. `scripts/bench --short` checks in seconds that everything works; so
does the test suite.
"""


@dataclasses.dataclass(frozen=True)
class Peer:
    """The costs of a server; None where it was not measured, or failed."""

    name: str
    bytes_a_stream: float | None
    cpu_s_a_million_at_1000: float | None
    cpu_s_a_million_at_20000: float | None


def load_peers(path: pathlib.Path) -> list[Peer]:
    """Other servers; the file names the machine on which they were measured."""
    return [Peer(**server) for server in json.loads(path.read_text(encoding="utf-8"))["servers"]]


def row_value(results: Mapping[str, Result], name: str, what: str) -> float | None:
    """The figure of one row, or None if that benchmark has not run."""
    rows = results.get(name, {}).get("rows", [])
    return next((float(row["value"]) for row in rows if row["what"] == what), None)


def zcomet(results: Mapping[str, Result]) -> Peer:
    """Zcomet's own figures of the same kind."""
    node = row_value(results, "memory", "web node, bytes a stream, idle")
    broker = row_value(results, "memory", "broker, bytes a stream, idle")
    return Peer(
        "Zcomet",
        None if node is None or broker is None else node + broker,
        row_value(results, "delivery", "1,000/s: CPU a million"),
        row_value(results, "delivery", "20,000/s: CPU a million"),
    )


Bar = tuple[str, float]


def comparisons(results: Mapping[str, Result], peers: Sequence[Peer]) -> dict[str, list[Bar]]:
    """The bars of each plot for which Zcomet's own figure exists: texts and numbers."""
    ours = zcomet(results)
    floor = "{}/s: floor, CPU a million"
    floor_1000 = row_value(results, "delivery", floor.format("1,000"))
    floor_20000 = row_value(results, "delivery", floor.format("20,000"))
    servers = [ours, *peers]
    candidates = {
        "bytes-per-stream": (
            ours.bytes_a_stream,
            [(each.name, each.bytes_a_stream) for each in servers],
        ),
        "cpu-1000": (
            ours.cpu_s_a_million_at_1000,
            [
                ("bare send()", floor_1000),
                *((each.name, each.cpu_s_a_million_at_1000) for each in servers),
            ],
        ),
        "cpu-20000": (
            ours.cpu_s_a_million_at_20000,
            [
                ("bare send()", floor_20000),
                *((each.name, each.cpu_s_a_million_at_20000) for each in servers),
            ],
        ),
    }
    return {
        plot: [(text, value) for text, value in bars if value is not None]
        for plot, (own, bars) in candidates.items()
        if own is not None
    }


def draw_picture(picture: pathlib.Path, commands: str) -> None:
    """Draws a plot of the page's size, with a grid."""
    draw(picture, TERMINAL, f"set grid\n{commands}")


def draw_bars(picture: pathlib.Path, bars: Iterable[Bar], label: str, *, log_scale: bool) -> None:
    """Draws a bar for each text and number."""
    # Long names take two lines; in one they would overlap.
    lines = [(text.replace(", ", r",\n"), value) for text, value in bars]
    data = "\n".join(f'"{text}" {value} "{figure(value)}"' for text, value in lines)
    draw_picture(
        picture,
        f"""
        $data << EOD
{data}
EOD
        set style fill solid 0.7
        set boxwidth 0.6
        set ylabel "{label}"
        {"set logscale y" if log_scale else ""}
        unset key
        set bmargin 3.5
        set offsets graph 0, 0, {"0" if log_scale else "graph 0.06"}, 0
        set yrange [{"10:*" if log_scale else "0:*"}]
        plot $data using 0:2:xtic(1) with boxes lc rgb "#3366aa", \\
             $data using 0:2:3 with labels offset 0,0.7
        """,
    )


def draw_comparisons(
    results: Mapping[str, Result], peers: Sequence[Peer], folder: pathlib.Path
) -> None:
    labels = {
        "bytes-per-stream": "user bytes a parked stream, log scale",
        "cpu-1000": "CPU s a million messages, at 1,000/s",
        "cpu-20000": "CPU s a million messages, at 20,000/s",
    }
    for name, bars in comparisons(results, peers).items():
        log_scale = name == "bytes-per-stream"
        draw_bars(folder / f"{name}.png", bars, labels[name], log_scale=log_scale)


def image(name: str) -> str:
    return f"![{name}](bench/{name}.png)\n"


def section(name: str, result: Result) -> str:
    """The page's section for one benchmark."""
    rows = [Row(**row).cells() for row in result["rows"]]
    return "\n".join(
        [
            f"## {result['title'][:1].upper()}{result['title'][1:]}\n",
            f"`scripts/bench {name}`, {result['date']}, {result['seconds']} s, "
            f"on {result['machine']}.\n",
            markdown_table(("what", "measured", "target", ""), rows, "lrrl"),
        ]
    )


def page_text(
    results: Mapping[str, Result], order: Iterable[str], plots: Iterable[str], notes: str
) -> str:
    """The page. `plots` has the names of the existing plots; `notes` go below the tables."""
    plots = set(plots)
    parts = [INTRODUCTION]
    beside_others = [name for name in COMPARISONS if name in plots]
    if beside_others:
        parts.append(
            "## Beside others\n\n"
            "Zcomet's figures are from the tables below. Those of the others are in\n"
            "[peers.json](bench/peers.json), with the machine on which they were measured.\n"
        )
        parts += map(image, beside_others)
    for name in order:
        if name in results:
            parts.append(section(name, results[name]))
            if name in plots:
                parts.append(image(name))
    return "\n".join([*parts, notes])


def draw_plots(folder: pathlib.Path, names: Iterable[str]) -> None:
    """Draws the plots that compare with others, from the results in `folder`."""
    draw_comparisons(load_results(folder, names), load_peers(folder / "peers.json"), folder)


def write_page(page: pathlib.Path, folder: pathlib.Path, order: Iterable[str]) -> None:
    """Writes the page from the results and plots in `folder`."""
    order = list(order)
    results = load_results(folder, order)
    plots = (path.stem for path in folder.glob("*.png"))
    notes = (folder / "notes.md").read_text(encoding="utf-8")
    page.write_text(page_text(results, order, plots, notes), encoding="utf-8")
