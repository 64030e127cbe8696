"""Asks a broker through zcomet-ctl."""

import collections
import functools
import json
import subprocess
from collections.abc import Iterable
from typing import Any

from zcomet_lab.programs import Argument, ProgramError
from zcomet_lab.waiting import await_true

TIMEOUT_S = 20
LOGIN_TIMEOUT_S = 10


class Ctl:
    """The command zcomet-ctl with options that name a broker."""

    def __init__(self, *command: Argument) -> None:
        """`command`: the program with these options, and a prefix if there is one."""
        self.command = [str(word) for word in command]

    def run(
        self, *arguments: Argument, timeout_s: float = TIMEOUT_S
    ) -> subprocess.CompletedProcess[str]:
        """Runs the command with these arguments, whatever its exit status is.

        Raises ProgramError if that takes longer than `timeout_s`.
        """
        try:
            return subprocess.run(
                [*self.command, *map(str, arguments)],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ProgramError(str(error)) from None

    def json(self, *arguments: Argument, timeout_s: float = TIMEOUT_S) -> Any:
        """The answer to these arguments. Raises ProgramError if there is none."""
        done = self.run("--json", *arguments, timeout_s=timeout_s)
        if done.returncode != 0:
            raise ProgramError(done.stderr.strip())
        return json.loads(done.stdout)

    def send(self, user_id: str, text: str) -> None:
        """Sends one message. Raises ProgramError if that fails."""
        done = self.run("send", user_id, text)
        if done.returncode != 0:
            raise ProgramError(done.stderr.strip())

    def nodes_of(self, user_id: str) -> int:
        """How many nodes have a stream of this id."""
        return len(self.json("who", user_id)["nodes"])

    def await_logins(self, user_ids: Iterable[str]) -> None:
        """Waits until the broker knows of every stream: a message sent earlier would miss some.

        `user_ids` has one id for each stream. Streams of the same id must be on different nodes.
        """
        for user_id, wanted in collections.Counter(user_ids).items():
            await_true(
                f"the broker knows of all {wanted} streams of id {user_id}",
                functools.partial(self._has_streams, user_id, wanted),
                LOGIN_TIMEOUT_S,
            )

    def _has_streams(self, user_id: str, wanted: int) -> bool:
        return self.nodes_of(user_id) >= wanted

    def print_ledger(self) -> bool:
        """Prints where all messages went by the cluster's own counts. Returns if they agree."""
        done = self.run("ledger")
        print(done.stdout + done.stderr, end="", flush=True)
        return done.returncode == 0
