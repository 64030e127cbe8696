"""Faults drawn at random, one after another, to the same cluster."""

import random

from zcomet_lab.reliability import faults

SHORT_COUNT = 1
STARTING_S = 120
FAULT_S = 60


def run(lab):
    count = SHORT_COUNT if lab.short else lab.options.random
    seed = lab.options.seed
    if seed is None:
        seed = random.SystemRandom().randrange(1 << 32)
    print(f"  seed {seed}", flush=True)
    timeout_s = STARTING_S + count * FAULT_S
    return {"seed": seed, **faults.run_runner(lab, timeout_s, "--random", count, "--seed", seed)}
