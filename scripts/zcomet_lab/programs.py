"""Starts Zcomet's programs, waits until they are ready, and ends them in any case.

As a program it prints where in a build directory these programs are, one on each line.
usage: python3 -m zcomet_lab.programs NAME...
"""

import contextlib
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence

READY_TIMEOUT_S = 20
END_TIMEOUT_S = 5
WEB_NODE = "zcomet-webnode"
"""Drains on SIGTERM, which takes its time."""

Argument = str | int | float | os.PathLike[str]
"""A word of a command line."""

FOLDERS = {
    "zcomet-broker": "broker",
    WEB_NODE: "webnode",
    "zcomet-ctl": "tools",
    "zcomet-floodtest": "tools",
    "zcomet-memlog": "tools",
    "zcomet-msggen": "tools",
    "bench-floor": "test/bench",
    "bench-micro": "test/bench",
    "bench-post": "test/bench",
    "bench-router": "test/bench",
    "bench-table": "test/bench",
    "simulation": "test/simulation",
    "simulation-mutants": "test/simulation",
}
"""The folder of each program in a build directory."""


class ProgramError(Exception):
    """A program did not start, or failed. The text names it and ends with what it logged."""


class Program:
    """One running program. Its log goes to a file, which is shown only if the program fails."""

    def __init__(
        self,
        command: Sequence[Argument],
        *,
        name: str,
        prefix: Sequence[str] = (),
        takes_orders: bool = False,
        ends_by: signal.Signals = signal.SIGTERM,
    ) -> None:
        """Starts `command` and does not wait for it.

        `name` is for messages. `prefix` is put before the command, for example
        `["ip", "netns", "exec", "host"]`. With `takes_orders` the program reads what order()
        writes; otherwise its standard input is empty. `ends_by` is the signal that ends it soon.
        """
        self.name = name
        self._ends_by = ends_by
        # A shell makes its background jobs ignore SIGINT, and what they start.
        minds = [] if ends_by == signal.SIGTERM else ["env", "--default-signal=INT"]
        self._log = tempfile.TemporaryFile()
        # setpriv ends the program if this process is killed. A process group of its own keeps a
        # Ctrl-C from reaching the program before this process has tidied up. It is not a session
        # of its own: Linux would give each session the same share of the processors (sched(7),
        # autogroup), however many processes it has, and costs could not be compared.
        self._process = subprocess.Popen(
            [*prefix, *minds, "setpriv", "--pdeathsig", ends_by.name[3:], *map(str, command)],
            stdin=subprocess.PIPE if takes_orders else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            process_group=0,
        )
        assert self._process.stdout is not None
        self._output = self._process.stdout
        self.pid = self._process.pid

    def log(self) -> str:
        """Everything that the program has logged so far."""
        # seek() and read() would move the place at which the program writes.
        log = self._log.fileno()
        return os.pread(log, os.fstat(log).st_size, 0).decode(errors="replace").strip()

    def await_ready(self) -> dict[str, str]:
        """Waits for the line `PROGRAM ready KEY=VALUE …`; returns the keys and values."""
        words = self.await_line(" ready").split()
        return dict(word.split("=", 1) for word in words[2:])

    def await_line(self, part: str, timeout_s: float = READY_TIMEOUT_S) -> str:
        """Waits for a line of standard output that contains `part`; returns the line."""
        deadline = time.monotonic() + timeout_s
        while line := self._read_line(deadline):
            if part in line:
                return line
        raise ProgramError(f"{self.name} did not print '{part.strip()}'.\n{self.log()}")

    def order(self, line: str) -> None:
        """Writes a line to the program's standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def lines(self) -> Iterator[str]:
        """All further lines of standard output, as they come."""
        return (line.decode(errors="replace").rstrip("\n") for line in self._output)

    def _read_line(self, deadline: float) -> str:
        """The next line; at the deadline or the end of the output, the part that has come."""
        line = b""
        output = self._output.fileno()
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([output], [], [], max(0, deadline - time.monotonic()))
            byte = os.read(output, 1) if ready else b""
            if not byte:
                break
            line += byte
        return line.decode(errors="replace")

    def finish(self, timeout_s: float, status: int | None = 0) -> str:
        """Waits until the program ends by itself; returns its standard output.

        Raises ProgramError if that takes longer, or if it ends with another `status` (None: any).
        """
        try:
            output, _ = self._process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise ProgramError(
                f"{self.name} did not finish in {timeout_s} s.\n{self.log()}"
            ) from None
        if status is not None and self._process.returncode != status:
            raise ProgramError(
                f"{self.name} ended with status {self._process.returncode}.\n{self.log()}"
            )
        return output.decode(errors="replace")

    @property
    def status(self) -> int | None:
        """The exit status; None while the program runs."""
        return self._process.returncode

    def ask_to_end(self) -> None:
        """Has the program end soon, unless it has ended."""
        if self._process.poll() is None:
            self._process.send_signal(self._ends_by)

    def ask_to_drain(self) -> None:
        """Sends SIGTERM: a web node takes its time."""
        self._process.send_signal(signal.SIGTERM)

    def hang_up(self) -> None:
        """Sends SIGHUP."""
        self._process.send_signal(signal.SIGHUP)

    def end(self) -> None:
        """Ends the program and all that it has started, in the end by SIGKILL."""
        self.ask_to_end()
        try:
            self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._output.close()
        if self._process.stdin:
            self._process.stdin.close()
        self._log.close()


class Programs:
    """The programs of one run: `with Programs(build) as programs: programs.start(…)`."""

    def __init__(self, build: Argument = "build") -> None:
        """`build` is the build directory of Zcomet's own programs."""
        self._build = pathlib.Path(str(build))
        self._running: list[Program] = []

    def __enter__(self) -> "Programs":
        return self

    def __exit__(self, *_: object) -> None:
        for program in self._running:
            program.ask_to_end()
        # Web nodes say goodbye to their broker, so the brokers, started first, are awaited last.
        for program in reversed(self._running):
            program.end()

    def path(self, name: str) -> str:
        """Where the program is. A path stays as it is."""
        return name if "/" in name else str(self._build / path_in_build(name))

    def start(
        self,
        program: str,
        *arguments: Argument,
        name: str = "",
        prefix: Sequence[str] = (),
        takes_orders: bool = False,
    ) -> Program:
        """Starts one of Zcomet's programs, or another one by its path. See Program."""
        running = Program(
            [self.path(program), *arguments],
            name=name or program,
            prefix=prefix,
            takes_orders=takes_orders,
            ends_by=signal.SIGINT if program == WEB_NODE else signal.SIGTERM,
        )
        self._running.append(running)
        return running

    def end(self, program: Program) -> None:
        """Ends one program before the others."""
        self._running.remove(program)
        program.end()


def path_in_build(name: str) -> str:
    """Where one of Zcomet's programs is, seen from a build directory."""
    if name not in FOLDERS:
        raise ProgramError(f"there is no program {name}")
    return f"{FOLDERS[name]}/{name}"


def end_on_signals() -> None:
    """Turns SIGTERM and SIGHUP into exceptions, so that this process tidies up before it ends.

    It does so with SIGINT, too, because a shell makes its background jobs ignore that.
    """

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)


def main() -> int:
    try:
        print("\n".join(map(path_in_build, sys.argv[1:])))
    except ProgramError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
