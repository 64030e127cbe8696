"""Simulated clusters with simulated faults: a great many schedules, and those that once found a bug."""

import os

from zcomet_lab import ROOT
from zcomet_lab.reliability.lab import ended_badly, shown

SHORT_SCHEDULES = 200
KEPT_SEEDS = ROOT / "test" / "simulation" / "kept_seeds.txt"
# More than that have never found a bug: for the bound on time.
KEPT_MAX = 1000
STARTING_S = 60
# Three times what one takes on a processor that others want, too.
SCHEDULE_S = 0.01


def simulate(lab, schedules_max, *arguments):
    """Runs the simulation with these arguments. Returns its totals and what failed."""
    command = [lab.simulation("simulation"), "--json", *arguments]
    lines, status, log = lab.run_json(
        "simulation", command, STARTING_S + schedules_max * SCHEDULE_S
    )
    failures = [
        f"seed {line['seed']}: {line['violation']}" for line in lines if "violation" in line
    ]
    totals = next((line for line in lines if "schedules" in line), None)
    if status != 0 and (totals is None or totals["violations"] == 0):
        failures.append(ended_badly("simulation", status, log))
    return {"command": shown(command), "totals": totals, "failures": failures}


def run(lab):
    schedules = SHORT_SCHEDULES if lab.short else lab.options.schedules
    drawn = simulate(lab, schedules, "--seeds", f"1-{schedules}", "--jobs", os.cpu_count())
    kept = simulate(lab, KEPT_MAX, "--kept", KEPT_SEEDS)
    return {"failures": drawn["failures"] + kept["failures"], "drawn": drawn, "kept": kept}
