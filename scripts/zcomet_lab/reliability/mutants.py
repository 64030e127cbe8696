"""Whether the simulation notices bugs: it has to catch each of a list of deliberate ones."""

from zcomet_lab.reliability.lab import ended_badly, run_json, shown
from zcomet_lab.results import Result
from zcomet_lab.suite import Lab

SEEDS_MAX = 20_000
# Too few to catch each of them.
SHORT_SEEDS_MAX = 50
TIMEOUT_S = 1200


def run(lab: Lab) -> Result:
    seeds_max = SHORT_SEEDS_MAX if lab.short else SEEDS_MAX
    program = lab.programs.path("simulation-mutants")
    command = [program, "--json", "--all-mutants", "--seeds", f"1-{seeds_max}"]
    findings = run_json(lab, "simulation", command, TIMEOUT_S)
    mutants = findings.lines
    missed = [mutant["mutant"] for mutant in mutants if not mutant["caught"]]
    failures = [] if lab.short else [f"{name} was not caught" for name in missed]
    if not mutants or (findings.status != 0 and not missed):
        failures.append(ended_badly("simulation", findings))
    return {"command": shown(command), "failures": failures, "mutants": mutants}
