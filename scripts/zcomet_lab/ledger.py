"""Shows the ledger of a cluster: where every message went, by what each part of it has counted."""

import subprocess

TIMEOUT_S = 20


def print_ledger(ctl):
    """`ctl` is the command zcomet-ctl with its broker. Returns whether the sums agree."""
    answer = subprocess.run([*ctl, "ledger"], capture_output=True, text=True, timeout=TIMEOUT_S)
    print(answer.stdout + answer.stderr, end="", flush=True)
    return answer.returncode == 0
