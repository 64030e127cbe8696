"""Waits until the broker knows of every stream: a message sent before that would not be for it."""

import collections
import json
import subprocess
import time

from zcomet_lab.programs import ProgramError

TIMEOUT_S = 10


def await_logins(ctl, user_ids):
    """`ctl` is the command zcomet-ctl with its broker; `user_ids` has one id for each stream. Streams
    of the same id must be on different nodes."""
    deadline = time.monotonic() + TIMEOUT_S
    for user_id, wanted in collections.Counter(user_ids).items():
        while nodes_of(ctl, user_id) < wanted:
            if time.monotonic() > deadline:
                raise ProgramError(f"the broker never heard of all streams for id {user_id}")
            time.sleep(0.02)


def nodes_of(ctl, user_id):
    answer = subprocess.run(
        [*ctl, "who", user_id, "--json"], capture_output=True, timeout=TIMEOUT_S
    )
    if answer.returncode != 0:
        raise ProgramError(answer.stderr.decode(errors="replace").strip())
    return len(json.loads(answer.stdout)["nodes"])
