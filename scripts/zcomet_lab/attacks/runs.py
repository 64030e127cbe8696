"""Runs attacks one after another, each on a cluster of its own, and judges them."""

import argparse
import contextlib
import importlib
import pathlib
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

from zcomet_lab.attacks.judging import failures_of
from zcomet_lab.attacks.scene import Attack, Scene
from zcomet_lab.programs import ProgramError, Programs
from zcomet_lab.suite import Lab

ATTACKS = (
    # Over HTTP.
    "half_open",
    "bodies",
    "one_address",
    "churn",
    "unread_streams",
    "unread_streams_few",
    "uploads",
    # Over ZeroMQ.
    "unsubscribe",
    "jumps",
    "takeovers",
    "names",
    "ledgers",
    "laggard",
    "questions",
    "queries",
    "unread_answers",
    "unread_feed",
    "resends",
    "unacknowledged",
    "lists",
    "ids",
    "topics",
    "joins",
    "senders",
    "silent",
)
"""In the order of the page. A row for each module of this package that has an attack."""


class Run:
    """An attack that is over, and its cluster, which still runs: its memory is read later."""

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        self.name = name
        module = importlib.import_module(f"zcomet_lab.attacks.{name}")
        self._attack: Attack = module.ATTACK
        with contextlib.ExitStack() as stack:
            folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
            programs = stack.enter_context(Programs(options.build))
            self._scene: Scene = module.run(Lab(programs, folder, folder, options))
            self._stack = stack.pop_all()

    @property
    def is_quiet(self) -> bool:
        """Whether finish() has nothing to wait for."""
        return self._scene.is_quiet

    def finish(self) -> dict[str, Any]:
        """Ends the cluster; returns everything about the attack."""
        with self._stack:
            record = self._scene.record()
        short = self._scene.lab.short
        return {
            **described(self.name, self._attack),
            **record,
            "failures": failures_of(record, self._attack, short=short),
        }

    def end(self) -> None:
        self._stack.close()


def described(name: str, attack: Attack) -> dict[str, Any]:
    return {
        "attack": name,
        "title": attack.title,
        "before": attack.before,
        "known": attack.known,
        "signs": {"broker": list(attack.broker_counts), "node": list(attack.node_counts)},
    }


def run_all(names: Iterable[str], options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yields the record of each attack, in the order of `names`.

    While the cluster of one is left alone for its minute, the next one is attacked.
    """
    waiting: list[Run] = []
    try:
        for name in names:
            while waiting and waiting[0].is_quiet:
                yield waiting.pop(0).finish()
            try:
                waiting.append(Run(name, options))
            except (ProgramError, OSError) as error:
                yield unfinished(name, error)
        while waiting:
            yield waiting.pop(0).finish()
    finally:
        for run in waiting:
            run.end()


def unfinished(name: str, error: Exception) -> dict[str, Any]:
    """The record of an attack that ended with an error: of our programs, or of its connections."""
    attack = importlib.import_module(f"zcomet_lab.attacks.{name}").ATTACK
    sentence = str(error).partition("\n")[0] or repr(error)
    return {**described(name, attack), "failures": [sentence], "unfinished": True}
