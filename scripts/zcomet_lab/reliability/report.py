"""Writes docs/RELIABILITY.md from the JSON of the last run of each part."""

import json
import pathlib
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from zcomet_lab import ROOT
from zcomet_lab.figures import figure, markdown_table, whole
from zcomet_lab.results import Result, load_results

PROTOCOL = ROOT / "docs" / "PROTOCOL.md"
TABLE_BENCHMARK = ROOT / "docs" / "bench" / "table.json"

INTRODUCTION = """\
# Reliability

Whether the cluster keeps its promises when faults happen. `scripts/reliability` ran these tests and
wrote this page. All results are in [docs/reliability](reliability), one file for each part. A part
that failed says **FAILED**.

What each part shows:

* **Simulated schedules** ([test/simulation](../test/simulation)) show that the *rules* hold: whole
  clusters in one process, on the same cores that the programs run, with a simulated clock and
  network. Each seed makes another cluster and another series of faults. Every promise is checked at
  every step, and after each round of faults the cluster has to recover by itself. There are
  no real sockets, processes or kernels. Each run draws a fresh range of seeds.
* **Deliberate bugs** show that this simulation would notice a bug: each one is compiled into it,
  and the simulation has to catch it.
* **Real faults** ([test/fault](../test/fault)) show that the *programs* hold, on the TCP of real
  kernels: a supervised broker, two web nodes of two workers, 400 streams on each, and a sender of
  200 messages a second that asks for an acknowledgement of each. Network namespaces are the hosts.
  The verdict does not rely on the programs' own counts: the sender and every stream keep a log, and
  `zcomet-ctl reconcile` compares these message by message. The ledger has to balance as well. Forty
  more streams are of ids with a history, and come back to the next web node when they end: each has
  every message, or is told in its place that some are missing.
* **Real faults in a row** show that a fault leaves nothing behind that makes a later one worse.
* **Times to be back** are measured from the kill, on one host.
* **Attacks** ([scripts/zcomet_lab/attacks](../scripts/zcomet_lab/attacks)) show what strangers
  without a key can do to others: peers that flood, lie, or do not read, over HTTP and ZeroMQ.

`scripts/reliability` repeats everything, `scripts/reliability NAME` one part. It takes about an
hour, and needs root, which alone may make network namespaces. The commands in the sections repeat
single runs; with `--out FOLDER` they do not change this page.
"""

RUN_COLUMNS = """\
*Whole again* is when every worker is live and the broker's table has as many ids for it as the
worker has. *Flowed again* is the time of the last effect on messages: one came late (by more than a
quarter of a second), a web node's streams had been without messages for that long, or newly opened
streams got their first one. Both are seconds from the beginning of the fault, and contain the fault
itself: a broker that is stopped for five seconds cannot be back sooner. *Resent* are messages that
the sender sent again: to a broker that did not know it, or after a long time without an answer.
*Missing, twice, out of order* and *closed* are messages and streams that are wrong according to the
logs; there must be none. *As declared* are messages that the streams of a web node missed because
the broker rightly believed the node dead, as that fault declares
([test/fault/faults.py](../test/fault/faults.py)).
"""

RESUMING_COLUMNS = """\
The streams with a history, in the same runs. Each is one EventSource with all of its connections.
*Came back* is how often they went to another web node with `Last-Event-ID`. *Received* are the
messages that they showed, live or from history. *Gaps told* are events that say that messages are
missing in that place, *missing there* the messages that are. *Not told* are messages that they miss
although no gap says so in that place; of these, and of messages that came twice or out of order,
there must be none.
"""

LEDGER_COLUMNS = """\
The ledger of each run (`zcomet-ctl ledger`), from the broker at the end of the run. A broker that
was restarted during the run began at 0. The remainders are the messages that a line does not
explain.
"""

ATTACK_COLUMNS = """\
Each attack has a cluster of its own: a broker, a web node of one worker, and a bystander, a stream
with 200 messages a second to it. Nobody has a key. An attack is *passed* if all of the bystander's
messages arrive, their p99 is under 100 ms, no process grows by more than its options allow, each
process has at most 110 % of its memory a minute later, and the counters that should tell of the
attack do.

*Before* is what the same attack cost version 0.1.0 of 2026-11-28 (commit 81720a4), on a machine of
the same kind. *Arrived* and the latencies are the bystander's. *Broker* and *worker* are resident
memory before the attack, at its peak and a minute after. *Kernel* is by how much the buffers of all
TCP sockets of the host grew, the attackers' own included. What they *may grow by* is `--memory-max`
for the broker, `--request-memory` and `--stream-memory` together for the worker, and
`--kernel-buffer` for each stream of the attack for the kernel; an eighth is added to these for what
the allocator takes. *Signs* are counters and log lines,
and figures of this attack alone.
"""

# Each part of the ledger: the messages that came in, and what happened to them.
LEDGER = {
    "senders": (("sent",), ("taken_in", "missing")),
    "messages": (("taken_in", "rerouted"), ("held", "void", "known")),
    "copies": (("routed",), ("acknowledged", "shed", "abandoned", "under_way")),
    "nodes": (("acknowledged",), ("received", "unreported")),
    "received": (("received",), ("shown", "unclaimed", "duplicates")),
    "chunks": (("given",), ("written", "dropped", "abandoned", "waiting")),
}


def verdict(result: Result) -> str:
    """One word for a result: FAILED, skipped or passed."""
    if result["failures"]:
        return "FAILED"
    return "skipped" if result.get("skipped") else "passed"


def remarks(result: Result) -> str:
    """The remarks that come first."""
    lines = [f"**FAILED**: {text}" for text in result["failures"]]
    if result.get("skipped"):
        lines.append(f"Skipped: {result['skipped']}")
    return "".join(f"{line}\n\n" for line in lines)


UNKNOWN = "–"

# The simulation -----------------------------------------------------------------------------------

TOTALS = {
    "schedules": "schedules",
    "frames": "frames between the programs",
    "sent": "messages sent",
    "shown": "messages that nodes gave to their streams",
    "shed": "messages that the broker shed and reported",
    "acknowledged": "messages whose senders learned where they arrived",
    "duplicates": "duplicates that nodes recognized",
    "copies": "messages that a second sender sent under the same key",
    "kept": "messages that brokers kept",
    "resumed": "streams that came back with a cursor",
    "gaps": "gaps that streams were told of",
    "violations": "broken promises",
}


def count_in(counts: Mapping[str, int], name: str) -> str:
    """A count, which an earlier release may not have had."""
    return whole(counts[name]) if name in counts else UNKNOWN


def simulation(result: Result) -> str:
    runs = [result["drawn"], result["kept"]]
    totals = [run["totals"] for run in runs]
    if None in totals:
        return ""
    counts = [[text, *(count_in(each, key) for each in totals)] for key, text in TOTALS.items()]
    faults_heads = ["faults that happened", "drawn", "kept"]
    faults_rows = [
        [kind, *(whole(each["faults"][kind]) for each in totals)] for kind in totals[0]["faults"]
    ]
    return "\n".join(
        [
            f"*Drawn*: `{runs[0]['command']}`. *Kept*, the schedules that have ever found a bug: "
            f"`{runs[1]['command']}`.\n",
            markdown_table(["", "drawn", "kept"], counts, "lrr"),
            markdown_table(faults_heads, faults_rows, "lrr"),
        ]
    )


def how_caught(mutant: Mapping[str, Any]) -> str:
    if mutant["crashed"]:
        return "crashed"
    return "caught" if mutant["caught"] else "**NOT CAUGHT**"


def mutants(result: Result) -> str:
    rows = [
        [f"{mutant['mutant']}: {mutant['what']}", how_caught(mutant), whole(mutant["schedules"])]
        for mutant in result["mutants"]
    ]
    caught = sum(mutant["caught"] for mutant in result["mutants"])
    return "\n".join(
        [
            f"`{result['command']}`: {caught} of {len(rows)} caught. "
            "An assertion of the core itself caught those that *crashed*.\n",
            markdown_table(["bug", "", "schedules needed"], rows, "llr"),
        ]
    )


# Real faults --------------------------------------------------------------------------------------

TIMES = {"whole_again_s": "whole again, s", "flowed_again_s": "flowed again, s"}
FIGURES = {
    "sent": "sent",
    "acknowledged": "acknowledged",
    "resent": "resent",
    "missing": "missing",
    "twice": "twice",
    "out_of_order": "out of order",
    "closed_unasked": "closed",
    "missing_as_declared": "as declared",
}
RESUMING_FIGURES = {
    "streams": "streams",
    "received": "received",
    "gaps": "gaps told",
    "told": "missing there",
    "twice": "twice",
    "out_of_order": "out of order",
}


def times(happened: Mapping[str, Any]) -> list[object]:
    return [happened.get(key, UNKNOWN) for key in TIMES]


def figures(run: Mapping[str, Any]) -> list[str]:
    found = run["figures"] or {}
    return [count_in(found, key) for key in FIGURES]


def resuming(named_runs: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """A table about the streams that came back; nothing if no run had any."""
    heads = ["", "came back", *RESUMING_FIGURES.values(), "not told"]
    rows = [
        [
            name,
            whole(run["figures"]["came_back"]),
            *(count_in(run["figures"]["resuming"], key) for key in RESUMING_FIGURES),
            whole(run["figures"]["untold"]),
        ]
        for name, run in named_runs
        if run["figures"] and "resuming" in run["figures"]
    ]
    if not rows:
        return ""
    return f"{RESUMING_COLUMNS}\n{markdown_table(heads, rows, 'l' + 'r' * (len(heads) - 1))}\n"


def equation(part: str) -> str:
    before, after = (" + ".join(name.replace("_", " ") for name in side) for side in LEDGER[part])
    return f"{before} = {after}"


def ledger_cells(ledger: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Each equation of a ledger in figures, and its remainders."""
    cells = [
        " = ".join(" + ".join(count_in(ledger[part], name) for name in side) for side in sides)
        for part, sides in LEDGER.items()
    ]
    remainders = [
        f"{part} {whole(ledger[part]['remainder'])}" for part in LEDGER if ledger[part]["remainder"]
    ]
    return [*cells, f"**{', '.join(remainders)}**" if remainders else "0"]


def ledgers(named_runs: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    heads = ["", *map(equation, LEDGER), "remainders"]
    rows = [
        [name, *ledger_cells(run["figures"]["ledger"])]
        for name, run in named_runs
        if run["figures"]
    ]
    return "\n".join([LEDGER_COLUMNS, markdown_table(heads, rows, "l" + "r" * (len(heads) - 1))])


def note_of(run: Mapping[str, Any]) -> str:
    if run["skipped"]:
        return f"skipped: {run['skipped']}"
    return "**FAILED**" if run["failures"] else "ok"


def fault_row(run: Mapping[str, Any]) -> Sequence[object]:
    happened = run["happened"][0] if run["happened"] else {}
    return [run["fault"], note_of(run), *times(happened), *figures(run)]


def faults(result: Result) -> str:
    runs = result["runs"]
    survived = sum(not run["failures"] and not run["skipped"] for run in runs)
    heads = ["fault", "", *TIMES.values(), *FIGURES.values()]
    return "\n".join(
        [
            "`scripts/reliability faults --fault NAME` for each: "
            f"{survived} of {len(runs)} survived.\n",
            RUN_COLUMNS,
            markdown_table(heads, map(fault_row, runs), "ll" + "r" * (len(heads) - 2)),
            resuming((run["fault"], run) for run in runs)
            + ledgers((run["fault"], run) for run in runs),
        ]
    )


def fifty(result: Result) -> str:
    rows = [
        [number, happened["fault"], happened["node"], *times(happened)]
        for number, happened in enumerate(result["happened"], 1)
    ]
    total_heads = ["", *FIGURES.values()]
    count = result.get("count", len(rows))
    return "\n".join(
        [
            f"`scripts/reliability fifty --random {count} --seed {result['seed']}`: {len(rows)} "
            "faults, drawn with this seed. A fault of a web node happens to the named one; the "
            "columns are those of the faults above.\n",
            markdown_table(total_heads, [["in total", *figures(result)]], "l" + "r" * len(FIGURES)),
            markdown_table(["", "fault", "node", *TIMES.values()], rows, "lllrr"),
            resuming([("in total", result)]) + ledgers([("in total", result)]),
        ]
    )


# Times to be back ---------------------------------------------------------------------------------


def restored_million() -> str:
    """The figures of the table's benchmark for a restart, if it has run."""
    if not TABLE_BENCHMARK.exists():
        return ""
    result = json.loads(TABLE_BENCHMARK.read_text(encoding="utf-8"))
    rows = [
        [row["what"].partition("table")[2].lstrip(":, "), figure(row["value"])]
        for row in result["rows"]
        if "restored after" in row["what"]
    ]
    return "\n".join(
        [
            "With a million ids, by [scripts/bench table](BENCHMARKS.md), "
            f"{result['date']}, on {result['machine']}:\n",
            markdown_table(["", "s"], rows, "lr"),
        ]
    )


def resync_row(measured: Mapping[str, Any]) -> Sequence[object]:
    seconds = measured["seconds"]
    extent = min(seconds), statistics.median(seconds), max(seconds)
    return [measured["what"], len(seconds), *map(figure, extent)]


def resync(result: Result) -> str:
    heads = ["", "times", "least, s", "median, s", "most, s"]
    return "\n".join(
        [
            "On loopback. SIGKILL killed each process after it had run for some seconds.\n",
            markdown_table(heads, map(resync_row, result["times"]), "lrrrr"),
            restored_million(),
        ]
    )


# Under attack -------------------------------------------------------------------------------------

MIB = 2**20


def memory_cell(memory: Mapping[str, int]) -> str:
    """A process before the attack, at its peak and a minute after, in MiB."""
    return " / ".join(f"{memory[when] / MIB:.0f}" for when in ("before", "peak", "after"))


def signs_cell(record: Mapping[str, Any]) -> str:
    """What told of the attack: counters, figures of its own, and lines of the logs."""
    counted = [
        f"{name} {whole(record['counted'][program].get(name, 0))}"
        for program, names in record["signs"].items()
        for name in names
    ]
    own = [f"{name}: {value}" for name, value in record["figures"].items()]
    said: dict[str, int] = {}
    for events in record["events"].values():
        for name, count in events.items():
            said[name] = said.get(name, 0) + count
    lines = [f"`event={name}` {whole(count)}" for name, count in said.items()]
    return "; ".join(counted + own + lines)


def bounds_cell(record: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {bound / MIB:.0f}" for name, bound in record["bounds"].items())


def attack_verdict(record: Mapping[str, Any]) -> str:
    if not record["failures"]:
        return "passed"
    return "**known weakness**" if record["known"] else "**FAILED**"


def attack_row(record: Mapping[str, Any]) -> Sequence[object]:
    told = [record["title"], attack_verdict(record), record["before"]]
    if record.get("unfinished"):
        return [*told, *[UNKNOWN] * 7]
    honest, memory = record["honest"], record["memory"]
    latency = honest["latency_ms"]
    kernel = memory["kernel"]
    return [
        *told,
        f"{whole(honest['arrived'])} of {whole(honest['sent'])}",
        " / ".join(f"{latency[name]:g}" for name in ("p50", "p99", "max")),
        memory_cell(memory["broker"]),
        memory_cell(memory["worker"]),
        f"{(kernel['peak'] - kernel['before']) / MIB:.0f}",
        bounds_cell(record),
        signs_cell(record),
    ]


def attack(result: Result) -> str:
    records = result["attacks"]
    passed = sum(not record["failures"] for record in records)
    known = [
        f"* *{record['title']}*: {record['known']}. {'. '.join(record['failures'])}."
        for record in records
        if record["known"] and record["failures"]
    ]
    heads = ["attack", "", "before", "arrived", "p50 / p99 / max, ms", "broker, MiB"]
    heads += ["worker, MiB", "kernel, MiB", "may grow by, MiB", "signs"]
    parts = [
        "`scripts/reliability attack --attack NAME` for each: "
        f"{passed} of {len(records)} passed.\n",
        ATTACK_COLUMNS,
        markdown_table(heads, map(attack_row, records), "lllrrrrrll"),
    ]
    if known:
        parts.append("Known weaknesses:\n\n" + "\n".join(known) + "\n")
    return "\n".join(parts)


# The page -----------------------------------------------------------------------------------------

SECTIONS = {
    "simulation": simulation,
    "mutants": mutants,
    "faults": faults,
    "fifty": fifty,
    "resync": resync,
    "attack": attack,
}


def section(name: str, result: Result) -> str:
    """The page's section for one part."""
    body = "" if result.get("unfinished") or result.get("skipped") else SECTIONS[name](result)
    return (
        f"## {result['title'].capitalize()}\n\n{remarks(result)}"
        f"`scripts/reliability {name}`, {result['date']}, {result['seconds']} s, "
        f"on {result['machine']}.\n\n{body}"
    )


def overview(results: Mapping[str, Result], titles: Mapping[str, str]) -> str:
    """A table with a line for each part."""
    rows = []
    for name, title in titles.items():
        if name in results:
            result = results[name]
            judged = f"**{verdict(result)}**"
            rows.append([title, judged, result["date"], whole(result["seconds"])])
        else:
            rows.append([title, "not run", "", ""])
    return markdown_table(["part", "", "date", "seconds"], rows, "lllr")


def not_promised(protocol: str) -> str:
    """The protocol's own list of its weaknesses."""
    weaknesses = protocol.partition("## 8. Known weaknesses\n")[2].partition("\n## ")[0].strip()
    return (
        "## What is not promised\n\n"
        f"From [PROTOCOL.md](PROTOCOL.md#8-known-weaknesses):\n\n{weaknesses}\n"
    )


def page_text(results: Mapping[str, Result], titles: Mapping[str, str], protocol: str) -> str:
    """The page. `titles` gives the order; `protocol` is the text of PROTOCOL.md."""
    return "\n".join(
        [
            INTRODUCTION,
            overview(results, titles),
            *(section(name, results[name]) for name in titles if name in results),
            not_promised(protocol),
        ]
    )


def write_page(page: pathlib.Path, folder: pathlib.Path, titles: Mapping[str, str]) -> None:
    """Writes the page from the results in `folder`."""
    protocol = PROTOCOL.read_text(encoding="utf-8")
    page.write_text(page_text(load_results(folder, titles), titles, protocol), encoding="utf-8")
