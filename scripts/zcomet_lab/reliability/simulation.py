"""Simulated clusters with simulated faults: very many schedules, and those that found bugs."""

from typing import Any

from zcomet_lab import ROOT
from zcomet_lab.processes import processors
from zcomet_lab.programs import Argument
from zcomet_lab.reliability.lab import ended_badly, run_json, shown
from zcomet_lab.results import Result
from zcomet_lab.seeds import Range, fresh
from zcomet_lab.suite import Lab

# Always the same seeds: a short run tests this part, not the cores.
SHORT_SEEDS = Range(1, 200)
KEPT_SEEDS = ROOT / "test" / "simulation" / "kept_seeds.txt"
# For the time limit: more than there are.
KEPT_MAX = 1000
STARTING_S = 60
# Three times the time of one on a processor that is shared with others.
SCHEDULE_S = 0.01


def simulate(lab: Lab, schedules_max: int, *arguments: Argument) -> dict[str, Any]:
    """Runs the simulation with these arguments. Returns its totals, and what failed."""
    command = [lab.programs.path("simulation"), "--json", *arguments]
    timeout_s = STARTING_S + schedules_max * SCHEDULE_S
    findings = run_json(lab, "simulation", command, timeout_s)
    failures = [
        f"seed {line['seed']}: {line['violation']}"
        for line in findings.lines
        if "violation" in line
    ]
    totals = next((line for line in findings.lines if "schedules" in line), None)
    if findings.status != 0 and (totals is None or totals["violations"] == 0):
        failures.append(ended_badly("simulation", findings))
    return {"command": shown(command), "totals": totals, "failures": failures}


def run(lab: Lab) -> Result:
    seeds = SHORT_SEEDS if lab.short else fresh(lab.options.schedules, lab.options.first_seed)
    print(f"  seeds {seeds}", flush=True)
    count = seeds.last - seeds.first + 1
    drawn = simulate(lab, count, "--seeds", str(seeds), "--jobs", processors())
    kept = simulate(lab, KEPT_MAX, "--kept", KEPT_SEEDS)
    return {
        "failures": drawn["failures"] + kept["failures"],
        "seeds": [seeds.first, seeds.last],
        "drawn": drawn,
        "kept": kept,
    }
