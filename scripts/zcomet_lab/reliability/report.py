"""Writes docs/RELIABILITY.md from the JSON of the last run of each part."""

import json
import statistics

from zcomet_lab.bench.figures import figure
from zcomet_lab import ROOT
from zcomet_lab.results import load_results

PROTOCOL = ROOT / "docs" / "PROTOCOL.md"
TABLE_BENCHMARK = ROOT / "docs" / "bench" / "table.json"

INTRODUCTION = """\
# Reliability

What became of the cluster's promises when faults happened to it. `scripts/reliability` ran all of this and wrote this
page; everything that it found is in [docs/reliability](reliability), one file for each part. A part that failed says
**FAILED**.

What is shown by what:

* **Simulated schedules** ([test/simulation](../test/simulation)) show that the *rules* hold: whole clusters in one
  process, on the very cores that the programs run, with a simulated clock and network. Each seed makes another
  cluster and another course of faults. Every promise is checked at every step, and after each round of faults the
  cluster has to come right by itself. Nothing here is a real socket, process or kernel.
* **Deliberate bugs** ([topology/mutants.hpp](../topology/mutants.hpp)) show that this simulation would notice: each
  one is compiled into it, and has to be caught.
* **Real faults** ([test/fault](../test/fault)) show that the *programs* hold, on real kernels' TCP: a supervised
  broker, two web nodes of two workers, 400 streams on each, and a sender of 200 messages a second that wants each of
  them acknowledged, all on network namespaces as hosts. The verdict is not the programs' own: the sender and every
  stream keep a log, which `zcomet-ctl reconcile` compares message by message. Beside that the ledger has to balance.
* **Real faults in a row** show that a fault leaves nothing behind that makes a later one worse.
* **Times to be back** are measured from the kill, on one host.

`scripts/reliability` repeats all of it, `scripts/reliability NAME` one part: about an hour, as root, since only root
may make network namespaces. The command below each heading repeats that run alone, in a built tree.
"""

RUN_COLUMNS = """\
*Whole again* is when every worker is live and the broker's table has as many ids of it as it has itself; *flowed
again* is when the last message came late (by more than a quarter of a second), or a web node's streams had been
without any for that long, or the first one came to streams that were opened anew. Both are seconds from the beginning
of the fault, and contain the fault itself: a broker that is stopped for five seconds cannot be back sooner. *Resent*
are messages that the sender sent again: to a broker that did not know it, or when nobody had answered for long.
*Missing, twice, out of order* and *closed* are messages and streams that the logs show to be wrong, and have to be 0.
*As declared* are messages that streams of a web node missed which the broker rightly took for dead, as that fault
declares ([test/fault/faults.py](../test/fault/faults.py)).
"""

LEDGER_COLUMNS = """\
The ledger of each run (`zcomet-ctl ledger`), as the broker that answered at the end had it: one that was started anew
during the run begins at 0. The remainders are what is left over on any line, and so unexplained.
"""

# Each part of the ledger: what came in, and what became of it.
LEDGER = {
    "senders": (("sent",), ("taken_in", "missing")),
    "messages": (("taken_in", "rerouted"), ("held", "void")),
    "copies": (("routed",), ("acknowledged", "shed", "abandoned", "under_way")),
    "nodes": (("acknowledged",), ("received", "unreported")),
    "received": (("received",), ("shown", "unclaimed", "duplicates")),
    "chunks": (("given",), ("written", "dropped", "abandoned", "waiting")),
}


def verdict(result):
    if result["failures"]:
        return "FAILED"
    return "skipped" if result.get("skipped") else "passed"


def table(heads, rows, texts=1):
    """A table whose first columns are text, so many, and whose others are figures."""
    lines = [heads, ["---"] * texts + ["---:"] * (len(heads) - texts), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def whole(number):
    return f"{number:,}"


def remarks(result):
    """What a reader has to see first."""
    lines = [f"**FAILED**: {text}" for text in result["failures"]]
    if result.get("skipped"):
        lines.append(f"Skipped: {result['skipped']}")
    return "".join(f"{line}\n\n" for line in lines)


# The simulation ------------------------------------------------------------------------------------------

TOTALS = {
    "schedules": "schedules",
    "frames": "frames between the programs",
    "sent": "messages sent",
    "shown": "messages that nodes gave to their streams",
    "shed": "messages that the broker shed, and said so",
    "acknowledged": "messages whose sender was told where they arrived",
    "duplicates": "duplicates that nodes recognized",
    "violations": "broken promises",
}


def simulation(result):
    runs = [result["drawn"], result["kept"]]
    if None in (run["totals"] for run in runs):
        return ""
    heads = ["", "drawn", "kept"]
    counts = [[text, *(whole(run["totals"][key]) for run in runs)] for key, text in TOTALS.items()]
    faults = [
        [kind, *(whole(run["totals"]["faults"][kind]) for run in runs)]
        for kind in runs[0]["totals"]["faults"]
    ]
    return "\n".join(
        [
            f"*Drawn*: `{runs[0]['command']}`. *Kept*, the schedules that have ever found a bug: "
            f"`{runs[1]['command']}`.\n",
            table(heads, counts),
            table(["faults that happened", *heads[1:]], faults),
        ]
    )


def mutants(result):
    def row(mutant):
        how = "crashed" if mutant["crashed"] else "caught" if mutant["caught"] else "**NOT CAUGHT**"
        return [f"{mutant['mutant']}: {mutant['what']}", how, whole(mutant["schedules"])]

    caught = sum(mutant["caught"] for mutant in result["mutants"])
    return "\n".join(
        [
            f"`{result['command']}`: {caught} of {len(result['mutants'])} caught. One that *crashed* was "
            "caught by an assertion of the core itself.\n",
            table(["bug", "", "schedules until then"], map(row, result["mutants"]), texts=2),
        ]
    )


# Real faults ---------------------------------------------------------------------------------------------

TIME_HEADS = ["whole again, s", "flowed again, s"]
FIGURE_HEADS = [
    "sent",
    "acknowledged",
    "resent",
    "missing",
    "twice",
    "out of order",
    "closed",
    "as declared",
]


def figures(run):
    keys = (
        "sent",
        "acknowledged",
        "resent",
        "missing",
        "twice",
        "out_of_order",
        "closed_unasked",
        "missing_as_declared",
    )
    return [whole(run["figures"][key]) if run["figures"] else "–" for key in keys]


def times(happened):
    return [happened.get(key, "–") for key in ("whole_again_s", "flowed_again_s")]


def equation(part):
    before, after = (" + ".join(name.replace("_", " ") for name in side) for side in LEDGER[part])
    return f"{before} = {after}"


def ledger_cells(ledger):
    cells = [
        " = ".join(" + ".join(whole(ledger[part][name]) for name in side) for side in sides)
        for part, sides in LEDGER.items()
    ]
    remainders = [
        f"{part} {ledger[part]['remainder']:,}" for part in LEDGER if ledger[part]["remainder"]
    ]
    return [*cells, f"**{', '.join(remainders)}**" if remainders else "0"]


def ledgers(named_runs):
    rows = [
        [name, *ledger_cells(run["figures"]["ledger"])]
        for name, run in named_runs
        if run["figures"]
    ]
    return "\n".join([LEDGER_COLUMNS, table(["", *map(equation, LEDGER), "remainders"], rows)])


def note_of(run):
    if run["skipped"]:
        return f"skipped: {run['skipped']}"
    return "**FAILED**" if run["failures"] else "ok"


def faults(result):
    def row(run):
        return [
            run["fault"],
            note_of(run),
            *times(run["happened"][0] if run["happened"] else {}),
            *figures(run),
        ]

    survived = sum(not run["failures"] and not run["skipped"] for run in result["runs"])
    command = "python3 test/fault/fault.py --build build --fault NAME"
    return "\n".join(
        [
            f"`{command}` for each: {survived} of {len(result['runs'])} survived.\n",
            RUN_COLUMNS,
            table(["fault", "", *TIME_HEADS, *FIGURE_HEADS], map(row, result["runs"]), texts=2),
            ledgers((run["fault"], run) for run in result["runs"]),
        ]
    )


def fifty(result):
    rows = [
        [number, happened["fault"], happened["node"], *times(happened)]
        for number, happened in enumerate(result["happened"], 1)
    ]
    return "\n".join(
        [
            f"`{result['command']}`: {len(rows)} faults, drawn by this seed. Those that happen to a web "
            "node happen to the one named; the columns are those of the faults above.\n",
            table(["", *FIGURE_HEADS], [["in total", *figures(result)]]),
            table(["", "fault", "node", *TIME_HEADS], rows, texts=3),
            ledgers([("in total", result)]),
        ]
    )


# Times to be back ----------------------------------------------------------------------------------------


def restored_million():
    """What the benchmark of the broker's table says of a restart, if it has run."""
    if not TABLE_BENCHMARK.exists():
        return ""
    result = json.loads(TABLE_BENCHMARK.read_text())
    rows = [row for row in result["rows"] if "restored after" in row["what"]]
    return "\n".join(
        [
            "With a million ids, by [scripts/bench table](BENCHMARKS.md), "
            f"{result['date']}, on {result['machine']}:\n",
            table(
                ["", "s"],
                [
                    [row["what"].partition("table")[2].lstrip(":, "), figure(row["value"])]
                    for row in rows
                ],
            ),
        ]
    )


def resync(result):
    def row(measured):
        seconds = measured["seconds"]
        return [
            measured["what"],
            len(seconds),
            *map(figure, (min(seconds), statistics.median(seconds), max(seconds))),
        ]

    return "\n".join(
        [
            "On the loopback, each killed outright, by SIGKILL, when it had run for some seconds.\n",
            table(["", "times", "least, s", "median, s", "most, s"], map(row, result["times"])),
            restored_million(),
        ]
    )


SECTIONS = {
    "simulation": simulation,
    "mutants": mutants,
    "faults": faults,
    "fifty": fifty,
    "resync": resync,
}


def section(name, result):
    body = "" if result.get("unfinished") or result.get("skipped") else SECTIONS[name](result)
    return (
        f"## {result['title'].capitalize()}\n\n{remarks(result)}`scripts/reliability {name}`, {result['date']}, "
        f"{result['seconds']} s, on {result['machine']}.\n\n{body}"
    )


def overview(results, titles):
    rows = [
        [
            title,
            f"**{verdict(results[name])}**",
            results[name]["date"],
            whole(results[name]["seconds"]),
        ]
        if name in results
        else [title, "not run", "", ""]
        for name, title in titles.items()
    ]
    return table(["part", "", "date", "seconds"], rows, texts=3)


def not_promised():
    """The protocol's own list of its weaknesses."""
    weaknesses = (
        PROTOCOL.read_text().partition("## 8. Known weaknesses\n")[2].partition("\n## ")[0].strip()
    )
    return f"## What is not promised\n\nFrom [PROTOCOL.md](PROTOCOL.md#8-known-weaknesses):\n\n{weaknesses}\n"


def write_report(page, folder, titles):
    """`titles` gives the order."""
    results = load_results(folder)
    page.write_text(
        "\n".join(
            [
                INTRODUCTION,
                overview(results, titles),
                *(section(name, results[name]) for name in titles if name in results),
                not_promised(),
            ]
        )
    )
