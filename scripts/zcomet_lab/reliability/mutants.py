"""Whether the simulation notices a bug: deliberate ones, each of which it has to catch."""

from zcomet_lab.reliability.lab import ended_badly, shown

SEEDS_MAX = 20_000
# Too few to catch each of them.
SHORT_SEEDS_MAX = 50
TIMEOUT_S = 1200


def run(lab):
    seeds_max = SHORT_SEEDS_MAX if lab.short else SEEDS_MAX
    command = [
        lab.simulation("simulation-mutants"),
        "--json",
        "--all-mutants",
        "--seeds",
        f"1-{seeds_max}",
    ]
    mutants, status, log = lab.run_json("simulation", command, TIMEOUT_S)
    failures = (
        []
        if lab.short
        else [f"{mutant['mutant']} was not caught" for mutant in mutants if not mutant["caught"]]
    )
    if not mutants or (status != 0 and all(mutant["caught"] for mutant in mutants)):
        failures.append(ended_badly("simulation", status, log))
    return {"command": shown(command), "failures": failures, "mutants": mutants}
