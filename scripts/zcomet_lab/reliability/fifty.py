"""Faults drawn at random, one after another, in the same cluster."""

import random

from zcomet_lab.reliability.faults import run_runner
from zcomet_lab.results import Result
from zcomet_lab.suite import Lab

SHORT_COUNT = 1
STARTING_S = 120
FAULT_S = 60
SEED_BITS = 32


def run(lab: Lab) -> Result:
    count = SHORT_COUNT if lab.short else lab.options.random
    seed = lab.options.seed
    if seed is None:
        seed = random.SystemRandom().getrandbits(SEED_BITS)
    print(f"  seed {seed}", flush=True)
    timeout_s = STARTING_S + count * FAULT_S
    result = run_runner(lab, timeout_s, "--random", count, "--seed", seed)
    return {"seed": seed, "count": count, **result}
