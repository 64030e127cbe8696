"""Starts Zcomet's programs, waits until they are ready, and ends them again whatever happens."""

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import time

READY_TIMEOUT_S = 20
END_TIMEOUT_S = 5


class ProgramError(Exception):
    """A program did not start, or failed; the text says which, and ends with what it logged."""


class Program:
    """One running program. Its log goes to a file, shown only if the program fails.

    `prefix` is put before the command, for example `["ip", "netns", "exec", "host"]`. With
    `takes_orders` it reads what order() writes; otherwise its standard input is empty.
    """

    def __init__(self, path, arguments, *, name, prefix=(), takes_orders=False):
        self.name = name
        self._log = tempfile.TemporaryFile()
        # setpriv ends the program with us even if we are killed outright; a process group of its own
        # keeps a Ctrl-C from reaching it before we have tidied up. Not a session of its own: Linux
        # would give each of them the same share of the processors (sched(7), autogroup), however many
        # processes it has, and what programs cost could not be compared.
        command = [*prefix, "setpriv", "--pdeathsig", "TERM", str(path), *map(str, arguments)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if takes_orders else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            process_group=0,
        )
        self.pid = self._process.pid

    def log(self):
        # Not by seek() and read(), which would move the place where the program writes.
        log = self._log.fileno()
        return os.pread(log, os.fstat(log).st_size, 0).decode(errors="replace").strip()

    def await_ready(self):
        """Waits for the line `PROGRAM ready KEY=VALUE …`; returns the keys and values as a dict."""
        words = self.await_line(" ready").split()
        return dict(word.split("=", 1) for word in words[2:])

    def await_line(self, part, timeout_s=READY_TIMEOUT_S):
        """Waits for a line of standard output that contains `part`; returns it."""
        deadline = time.monotonic() + timeout_s
        while line := self._read_line(deadline):
            if part in line:
                return line
        raise ProgramError(f"{self.name} did not print '{part.strip()}'.\n{self.log()}")

    def order(self, line):
        """Writes a line to the program's standard input."""
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def lines(self):
        """All further lines of standard output, as they come."""
        return (line.decode(errors="replace").rstrip("\n") for line in self._process.stdout)

    def _read_line(self, deadline):
        """The next line, or what there is of it at the deadline or the end of the output."""
        line = b""
        output = self._process.stdout.fileno()
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([output], [], [], max(0, deadline - time.monotonic()))
            byte = os.read(output, 1) if ready else b""
            if not byte:
                break
            line += byte
        return line.decode(errors="replace")

    def finish(self, timeout_s, status=0):
        """Waits until the program ends by itself, with this status (None: any); returns what it printed."""
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
    def status(self):
        """The exit status, once the program has ended."""
        return self._process.returncode

    def ask_to_end(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def end(self):
        """Ends the program and all that it started: politely, then at once."""
        self.ask_to_end()
        try:
            self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.stdout.close()
        if self._process.stdin:
            self._process.stdin.close()
        self._log.close()


class Programs:
    """All programs of one run: `with Programs() as programs: programs.start(…)`."""

    def __init__(self):
        self._running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for program in self._running:
            program.ask_to_end()
        # Web nodes say goodbye to their broker, so the brokers, started first, are awaited last.
        for program in reversed(self._running):
            program.end()

    def start(self, path, arguments, **keywords):
        """The parameters are Program's."""
        program = Program(path, arguments, **keywords)
        self._running.append(program)
        return program

    def end(self, program):
        """Ends one program before the others."""
        self._running.remove(program)
        program.end()


def end_on_signals():
    """Makes SIGTERM and SIGHUP end this program as an exception, so that everything is tidied up; and
    SIGINT, too, which a shell makes its background jobs ignore."""

    def leave(number, _frame):
        raise SystemExit(128 + number)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
