"""Writes docs/BENCHMARKS.md and its plots from the JSON of the benchmarks' last runs."""

from zcomet_lab.bench.figures import figure, verdict
from zcomet_lab.bench.lab import plot
from zcomet_lab.results import load_results

# Others on the same kind of machine (2 cores, 24 GiB, Debian 12's packages, loopback): user bytes a parked
# stream; CPU seconds a million messages at 1,000 and at 20,000 a second. None: not measured, or it failed.
PEERS = (
    ("Zcomet", None, None, None),
    ("2008 system, hibernating", 7254, 171, 55),
    ("Nchan 1.3.6", 11282, 68, 43),
    ("Pushpin 1.36", 47576, 577, None),
)

INTRODUCTION = """\
# Benchmarks

What Zcomet costs, measured by `scripts/bench` and written by it into this page; the figures themselves are in
[docs/bench](bench), one file for each benchmark. Everything, clients included, runs on the one machine that is named, so
the clients' work slows the server down. The *floor* is `test/bench/floor.cpp`: it accepts, reads the request, writes a
head, and later sends chunks; no parsing, no ids, no broker. It runs in turn with Zcomet, so ratios hold even on a
machine that is slower at some times than at others, as shared ones are; single figures vary by a fifth from run to run.

*Bytes a stream* are proportional set size (PSS) of all the server's processes, less what the same processes had before
the first stream, divided by the streams. *CPU* is user and system time of the server's processes, broker included; on
the loopback this contains the receiver's part of TCP. Where there are several runs the figure is their median.

`scripts/bench` runs all of it, `scripts/bench NAME` one. It takes about an hour, most of it for the three long ones
(`memory`, `million`, `day`). `scripts/bench --short` only checks, in seconds, that all of it works; the test suite does
that, too.
"""


def section(name, result):
    lines = [
        f"## {result['title'].capitalize()}",
        "",
        f"`scripts/bench {name}`, {result['date']}, {result['seconds']} s, on {result['machine']}.",
        "",
        "| what | measured | target | |",
        "| --- | ---: | ---: | --- |",
    ]
    for row in result["rows"]:
        value = f"{figure(row['value'])} {row['unit']}".strip()
        lines.append(f"| {row['what']} | {value} | {row['target']} | {verdict(row['holds'])} |")
    return "\n".join(lines) + "\n"


def row_value(results, name, what):
    """The figure of one row, or None if that benchmark has not run."""
    rows = results.get(name, {}).get("rows", [])
    return next((row["value"] for row in rows if row["what"] == what), None)


def own_figures(results):
    """Zcomet's counterparts of PEERS."""
    parts = [
        row_value(results, "memory", f"{part}, bytes a stream, idle")
        for part in ("web node", "broker")
    ]
    return (
        sum(parts) if None not in parts else None,
        row_value(results, "delivery", "1,000/s: CPU a million"),
        row_value(results, "delivery", "20,000/s: CPU a million"),
    )


def bars(name, folder, label, values, scale=""):
    """Draws a bar for each (text, number)."""
    known = [(text, value) for text, value in values if value is not None]
    # Long names take two lines, or they would run into each other.
    lines = [(text.replace(", ", r",\n"), value) for text, value in known]
    data = "\n".join(f'"{text}" {value} "{figure(value)}"' for text, value in lines)
    plot(
        name,
        f"""
        $data << EOD
{data}
EOD
        set style fill solid 0.7
        set boxwidth 0.6
        set ylabel "{label}"
        {scale}
        unset key
        set bmargin 3.5
        set offsets graph 0, 0, {0 if scale else 'graph 0.06'}, 0
        set yrange [{'10:*' if scale else '0:*'}]
        plot $data using 0:2:xtic(1) with boxes lc rgb "#3366aa", \\
             $data using 0:2:3 with labels offset 0,0.7
    """,
        folder,
    )


def draw_comparisons(results, folder):
    own = own_figures(results)
    columns = [
        [own[i] if name == "Zcomet" else figures[i] for name, *figures in PEERS] for i in range(3)
    ]
    names = [name for name, *_ in PEERS]
    floor = {
        per_s: row_value(results, "delivery", f"{per_s}/s: floor, CPU a million")
        for per_s in ("1,000", "20,000")
    }
    if own[0] is not None:
        bars(
            "bytes-per-stream",
            folder,
            "user bytes a parked stream, log scale",
            zip(names, columns[0]),
            "set logscale y",
        )
    if own[1] is not None:
        bars(
            "cpu-1000",
            folder,
            "CPU s a million messages, at 1,000/s",
            [("bare send()", floor["1,000"]), *zip(names, columns[1])],
        )
        bars(
            "cpu-20000",
            folder,
            "CPU s a million messages, at 20,000/s",
            [("bare send()", floor["20,000"]), *zip(names, columns[2])],
        )


def write_report(page, folder, titles, notes):
    """`titles` gives the order; `notes` is text that people wrote, and that goes below the tables."""
    results = load_results(folder)
    draw_comparisons(results, folder)
    plots = {path.stem for path in folder.glob("*.png")}
    parts = [INTRODUCTION]
    comparisons = [name for name in ("bytes-per-stream", "cpu-1000", "cpu-20000") if name in plots]
    if comparisons:
        parts.append(
            "## Beside others\n\n"
            "Zcomet's figures are from the tables below; the others' were measured on the same kind of\n"
            "machine.\n"
        )
        parts += [f"![{name}](bench/{name}.png)\n" for name in comparisons]
    for name in titles:
        if name in results:
            parts.append(section(name, results[name]))
            if name in plots:
                parts.append(f"![{name}](bench/{name}.png)\n")
    parts.append(notes)
    page.write_text("\n".join(parts))
