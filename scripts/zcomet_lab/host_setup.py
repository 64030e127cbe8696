"""What a host's kernel must allow for N streams: checks, explains, and sets missing values.

Reads /proc only, so any user can run it. --apply writes to /proc/sys, as sysctl -w does.
"""

import argparse
import os
import re
import sys
import textwrap
from collections.abc import Sequence

from zcomet_lab.options import positive

BACKLOG = 4096  # of a worker's listener: kBacklog of the web node's HTTP port
SOCKET_BYTES = 5 * 1024  # of an idle TCP connection in the kernel; both ends: 10.2 KB, measured
STREAM_BYTES = 100  # in Zcomet's processes: docs/ARCHITECTURE.md, Memory
CHARGED_BYTES = 4096  # the least that the kernel charges for a connection with data under way
OWN_FILES = 64  # of a process, in addition to its streams
OTHERS_FILES = 8192  # of everything else on the host
WORKERS_MAX = 1024
PORTS = (1024, 65535)

LACKS, FINE, ABSENT, NOTE = "LACKS", "ok", "absent", "-"

Numbers = list[int]
Value = Numbers | int | str | None
"""A setting: numbers, a count, a text, or None if this kernel or container does not have it."""


def divide_up(dividend: int, divisor: int) -> int:
    """The quotient, rounded up."""
    return -(-dividend // divisor)


class Proc:
    """The files under /proc, or under ROOT/proc for tests."""

    def __init__(self, root: str) -> None:
        self._proc = os.path.join(root, "proc")

    def _path(self, sysctl: str) -> str:
        return os.path.join(self._proc, "sys", *sysctl.split("."))

    def sysctl(self, name: str) -> Numbers | None:
        """The numbers of a setting; None if this kernel or container does not have it."""
        try:
            with open(self._path(name), encoding="ascii") as file:
                return [int(number) for number in file.read().split()]
        except (OSError, ValueError):
            return None

    def set_sysctl(self, name: str, numbers: Value) -> None:
        """Raises OSError if that is not permitted."""
        with open(self._path(name), "r+", encoding="ascii") as file:
            file.write(text_of(numbers) + "\n")

    def _number_in(self, file_name: str, pattern: str) -> int | None:
        try:
            with open(os.path.join(self._proc, file_name), encoding="ascii") as file:
                found = re.search(pattern, file.read(), re.MULTILINE)
        except OSError:
            return None
        return int(found[1]) if found else None

    def memory_bytes(self) -> int | None:
        kib = self._number_in("meminfo", r"^MemTotal:\s+(\d+) kB")
        return kib and kib * 1024

    def open_files(self) -> int | None:
        """The hard limit of open files of a process that is started from here."""
        return self._number_in("self/limits", r"^Max open files\s+\d+\s+(\d+)")


class Row:
    """A line of the table: a setting, its value, the value that it needs, and the reason."""

    def __init__(
        self, name: str, now: Value, wanted: Value, reason: str, *, sysctl: bool = False
    ) -> None:
        """With `sysctl` it can be set through /proc/sys."""
        self.name = name
        self.now = now
        self.wanted = wanted
        self.reason = reason
        self.sysctl = sysctl

    @property
    def state(self) -> str:
        if self.now is None:
            return ABSENT
        return FINE if self.now == self.wanted else LACKS


class Note(Row):
    """A line that only informs."""

    def __init__(self, name: str, now: Value, reason: str) -> None:
        super().__init__(name, now, None, reason)

    @property
    def state(self) -> str:
        return NOTE


def text_of(value: Value) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return " ".join(str(number) for number in value)
    return str(value)


def gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"


def at_least(now: Numbers | None, wanted: Numbers) -> Numbers | None:
    """`now` with each number raised to its counterpart if it is less."""
    return now and [max(pair) for pair in zip(now, wanted)]


def sysctl_row(proc: Proc, name: str, wanted: Numbers, reason: str) -> Row:
    now = proc.sysctl(name)
    return Row(name, now, at_least(now, wanted), reason, sysctl=True)


def files_of_process(streams: int, processes: int) -> int:
    """Open files of one process that holds its part of the streams, and a worker's reserve."""
    own = divide_up(streams, processes)
    return own + min(max(own // 31 + 1, 64), 4096) + OWN_FILES


def processes_needed(streams: int, limit: int, at_least: int) -> int | None:
    """How many processes, from `at_least` on, hold the streams under this limit of open files."""
    if limit <= 2 * OWN_FILES:
        return None
    for processes in range(at_least, WORKERS_MAX + 1):
        if files_of_process(streams, processes) <= limit:
            return processes
    return None


def file_rows(proc: Proc, options: argparse.Namespace) -> list[Row]:
    each = files_of_process(options.streams, options.workers)
    limit = proc.open_files()
    advice = "raise it (ulimit -Hn, systemd's LimitNOFILE)"
    if limit and (workers := processes_needed(options.streams, limit, options.workers)):
        advice += f", or start {workers} processes instead of {options.workers}"
    return [
        sysctl_row(
            proc,
            "fs.nr_open",
            [each],
            "the most that a process's limit of open files can be set to",
        ),
        sysctl_row(
            proc,
            "fs.file-max",
            [each * options.workers + OTHERS_FILES],
            "open files of the whole host: each stream is one",
        ),
        Row(
            "limit of open files",
            limit,
            limit and max(limit, each),
            f"of each of {options.workers} processes that share the streams; if it is too low, "
            f"{advice}",
        ),
    ]


def queue_rows(proc: Proc, streams: int) -> list[Row]:
    return [
        sysctl_row(
            proc,
            "net.core.somaxconn",
            [BACKLOG],
            "connections that wait for a worker in a burst; more are dropped and come a second "
            "late",
        ),
        sysctl_row(
            proc,
            "net.ipv4.tcp_max_syn_backlog",
            [2 * BACKLOG],
            "handshakes under way, where there are no SYN cookies; a quarter is kept for known "
            "peers",
        ),
        sysctl_row(
            proc,
            "net.core.netdev_max_backlog",
            [max(1000, streams // 100)],
            "packets that wait for a processor; more are lost. On the loopback that is every "
            "packet of a burst, probes of quiet streams among them",
        ),
        sysctl_row(
            proc,
            "net.ipv4.tcp_migrate_req",
            [1],
            "connections that wait at a worker that leaves the port, or crashes, go to the others "
            "instead of being reset (Linux 5.14)",
        ),
    ]


def port_rows(proc: Proc, options: argparse.Namespace) -> list[Row]:
    name = "net.ipv4.ip_local_port_range"
    now = proc.sysctl(name)
    wanted = now
    if now and now[1] - now[0] + 1 < options.streams:
        wanted = [min(now[0], PORTS[0]), max(now[1], PORTS[1])]
    reason = (
        "each stream to one server takes a port of its source address; ports that servers of this "
        "host use belong into net.ipv4.ip_local_reserved_ports"
    )
    rows = [Row(name, now, wanted, reason, sysctl=True)]
    if wanted:
        addresses = divide_up(options.streams, wanted[1] - wanted[0] + 1)
        reason = "so many, or as many ports to connect to, have room for the streams"
        rows.append(Note("source addresses", f"{addresses} needed", reason))
    return rows


def memory_rows(proc: Proc, options: argparse.Namespace) -> list[Row]:
    pages = divide_up(options.streams * CHARGED_BYTES, options.page_size)
    total = proc.memory_bytes()
    needed = options.streams * (SOCKET_BYTES + STREAM_BYTES)
    return [
        sysctl_row(
            proc,
            "net.ipv4.tcp_mem",
            [pages * 3 // 4, pages, pages * 3 // 2],
            f"pages of {options.page_size} bytes; a message to every stream at once is charged a "
            "page for each; past the second number buffers shrink, past the third data is dropped",
        ),
        Note(
            "net.ipv4.tcp_wmem",
            proc.sysctl("net.ipv4.tcp_wmem"),
            "a bound, which an idle stream does not use; a smaller third number bounds what slow "
            "readers hold",
        ),
        Note(
            "net.ipv4.tcp_rmem",
            proc.sysctl("net.ipv4.tcp_rmem"),
            "the same for data that is sent to a process that does not read",
        ),
        Row(
            "memory",
            total and gigabytes(total),
            total and gigabytes(max(total, needed)),
            f"{gigabytes(needed)} for the streams: {SOCKET_BYTES} bytes each in the kernel, "
            f"{STREAM_BYTES} in the processes; with both ends on one host, twice that",
        ),
    ]


def conntrack_rows(proc: Proc, options: argparse.Namespace) -> list[Row]:
    name = "net.netfilter.nf_conntrack_max"
    if proc.sysctl(name) is None:
        return []
    wanted = [options.streams + divide_up(options.streams, 16)]
    reason = "connection tracking is loaded; it drops connections that it has no entry for"
    return [sysctl_row(proc, name, wanted, reason)]


def rows_for(proc: Proc, options: argparse.Namespace) -> list[Row]:
    rows = file_rows(proc, options)
    rows += port_rows(proc, options) if options.client else queue_rows(proc, options.streams)
    return rows + memory_rows(proc, options) + conntrack_rows(proc, options)


def apply(proc: Proc, rows: Sequence[Row]) -> None:
    """Sets every missing value that can be set; prints the result of each."""
    for row in rows:
        if row.state != LACKS:
            continue
        if not row.sysctl:
            print(f"not set: {row.name}: {row.reason}")
            continue
        try:
            proc.set_sysctl(row.name, row.wanted)
        except OSError as error:
            print(f"not set: {row.name} = {text_of(row.wanted)}: {error.strerror}")
        else:
            print(f"set:     {row.name} = {text_of(row.wanted)}   (was {text_of(row.now)})")
    print()


def print_table(rows: Sequence[Row]) -> None:
    cells = [("setting", "now", "wanted", "")]
    cells += [(row.name, text_of(row.now), text_of(row.wanted), row.state) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    reasons = [""] + [row.reason for row in rows]
    for line, reason in zip(cells, reasons):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
        for part in textwrap.wrap(reason, 90):
            print("    " + part)


def print_verdict(rows: Sequence[Row], options: argparse.Namespace) -> None:
    lacking = [row for row in rows if row.state == LACKS]
    print()
    if not lacking:
        print(f"Every setting suffices for {options.streams} streams.")
        return
    print(f"Not enough for {options.streams} streams: {', '.join(row.name for row in lacking)}.")
    settings = [row for row in lacking if row.sysctl]
    if settings:
        print("To set them now: --apply, as root. At each start: in /etc/sysctl.d/90-zcomet.conf,")
        for row in settings:
            print(f"    {row.name} = {text_of(row.wanted)}")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="host-setup",
        description="Says what the kernel of this host must allow for N streams, what it allows, "
        "and why it matters.",
        epilog="The exit status is 0 if every setting suffices, 1 if one does not (with --apply: "
        "still does not), 2 if an option is wrong. A setting that this kernel or container does "
        "not have is 'absent', and counts as sufficient.",
    )
    parser.add_argument(
        "--streams",
        type=positive,
        default=1_000_000,
        metavar="N",
        help="streams that the host should hold (default: 1000000)",
    )
    parser.add_argument(
        "--workers",
        type=positive,
        default=os.cpu_count(),
        metavar="K",
        help="processes that share them: --workers of zcomet-webnode "
        "(default: one for each core)",
    )
    parser.add_argument(
        "--client",
        action="store_true",
        help="this host does not hold the streams but opens them, with zcomet-floodtest",
    )
    parser.add_argument(
        "--apply",
        action="store_true",
        help="set what does not suffice, until the next reboot; no number is ever lowered except "
        "the first of ip_local_port_range",
    )
    # For tests: the folder that has proc/ in it, and the size of that host's pages.
    parser.add_argument("--root", default="/", help=argparse.SUPPRESS)
    parser.add_argument(
        "--page-size", type=positive, default=os.sysconf("SC_PAGE_SIZE"), help=argparse.SUPPRESS
    )
    return parser.parse_args()


def main() -> int:
    options = read_options()
    proc = Proc(options.root)
    rows = rows_for(proc, options)
    if options.apply:
        apply(proc, rows)
        rows = rows_for(proc, options)
    print_table(rows)
    print_verdict(rows, options)
    return 1 if any(row.state == LACKS for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
