"""Waits for events that are only seen by asking."""

import time
from collections.abc import Callable
from typing import TypeVar

from zcomet_lab.programs import ProgramError

TIMEOUT_S = 30
PAUSE_S = 0.02

Answer = TypeVar("Answer")


class NotInTime(ProgramError):
    """The event did not happen in time; the text says which."""


def await_true(
    what: str | Callable[[], str],
    condition: Callable[[], Answer | None],
    timeout_s: float = TIMEOUT_S,
    pause_s: float = PAUSE_S,
) -> Answer:
    """Asks `condition` again and again until its answer is true; returns that answer.

    `what` names the event as a sentence that becomes true: "the broker answers". It may be a
    function, which is called once after the timeout, to describe the state at that time.
    Raises NotInTime after `timeout_s` seconds. Between two questions it sleeps for `pause_s`.
    """
    deadline = time.monotonic() + timeout_s
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise NotInTime(f"not within {timeout_s:g} s: {what() if callable(what) else what}")
        time.sleep(pause_s)
    return answer
