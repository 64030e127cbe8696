"""Streams that are opened as fast as they are answered, by zcomet-floodtest."""

import json
import math
import pathlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from zcomet_lab.processes import cpu_s, memory, processes_of
from zcomet_lab.programs import Argument, ProgramError, Programs
from zcomet_lab.waiting import await_true

OPENING_TIMEOUT_S = 180
ARRIVAL_TIMEOUT_S = 60
CONNECT_TIMEOUT_S = 60
# Closing a million sockets takes a while.
STOPPING_TIMEOUT_S = 120
PAUSE_S = 0.2
# Each local address has 28,000 ports to one server. Finding a free one gets slow when half of them
# are taken. All of 127.0.0.0/8 is on the loopback.
STREAMS_PER_SOURCE = 4_000


class Flood:
    """Open streams, and the messages that they receive."""

    def __init__(
        self,
        programs: Programs,
        url: str,
        streams: int,
        *,
        ids: int | None = None,
        first_id: int = 1,
        processes: int | None = None,
        headers: Iterable[str] = (),
        log: pathlib.Path | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        """Opens the streams and waits until they are open.

        `url` has {id} in it. The ids are the `ids` from `first_id` on; by default each stream has
        an id of its own. `headers` are those of the requests. `log` is written for
        zcomet_lab.message_logs. `prefix` is put before the command. Raises ProgramError if a stream
        does not open.
        """
        self._streams = streams
        some_processes: list[Argument] = ["--processes", processes] if processes else []
        some_log: list[Argument] = ["--log", log] if log else []
        self._program = programs.start(
            "zcomet-floodtest",
            *("--connections", streams, "--url", url, "--rate", 0, "--json"),
            *("--ids", ids or streams, "--first-id", first_id),
            *("--source", sources(streams), "--connect-timeout", CONNECT_TIMEOUT_S),
            *some_processes,
            *(word for header in headers for word in ("--header", header)),
            *some_log,
            prefix=prefix,
        )
        self.pid = self._program.pid
        self.opening_s = float(self._await_ready()["opening_s"])

    def _await_ready(self) -> dict[str, str]:
        await_true(
            f"{self._streams} streams are open",
            lambda: " ready " in self._program.log(),
            OPENING_TIMEOUT_S,
            PAUSE_S,
        )
        line = self._program.log().partition("zcomet-floodtest ready ")[2].partition("\n")[0]
        ready = dict(word.split("=", 1) for word in line.split())
        if int(ready["failed"]) or int(ready["open"]) != self._streams:
            raise ProgramError(
                f"only {ready['open']} of {self._streams} streams opened; "
                f"the others: {self.stop(status=1)['failed']}"
            )
        return ready

    def cpu_s(self) -> float:
        """Processor time of the clients so far, in seconds."""
        return cpu_s(processes_of(self.pid))

    def memory_pss(self) -> int:
        """PSS of the clients, in bytes."""
        return memory(processes_of(self.pid)).pss

    def chunks(self) -> int:
        """How many chunks have arrived, by the last line of statistics: up to a second ago."""
        counts = re.findall(r"^Stats: \{\d+,\d+,(\d+)\}", self._program.log(), re.MULTILINE)
        return int(counts[-1]) if counts else 0

    def await_chunks(self, count: int, timeout_s: float = ARRIVAL_TIMEOUT_S) -> None:
        """Waits until `count` chunks have arrived. Raises NotInTime after `timeout_s`."""
        await_true(
            lambda: f"{count} chunks have arrived ({self.chunks()} have)",
            lambda: self.chunks() >= count,
            timeout_s,
            PAUSE_S,
        )

    def stop(self, status: int | None = 0) -> dict[str, Any]:
        """Closes the streams; returns floodtest's summary.

        `status` is its exit status; None: any.
        """
        self._program.ask_to_end()
        output = self._program.finish(STOPPING_TIMEOUT_S, status)
        summary: dict[str, Any] = json.loads(output.splitlines()[-1])
        return summary

    def finish(self, expected: int) -> dict[str, Any]:
        """Closes the streams; returns the summary. They must have received `expected` chunks."""
        summary = self.stop()
        if summary["closed"] or summary["chunks"] != expected:
            raise ProgramError(
                f"{summary['chunks']} of {expected} messages arrived, and "
                f"{summary['closed']} of {self._streams} streams were closed"
            )
        return summary


def sources(streams: int) -> str:
    """The local addresses from which the streams are opened, as `--source` takes them."""
    count = math.ceil(streams / STREAMS_PER_SOURCE)
    return f"127.1.0.1-127.1.{count // 256}.{count % 256}"
