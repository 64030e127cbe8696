"""What a host's kernel must allow for N streams: looks, explains, and sets what lacks if asked to.

Reads /proc only, so it runs as anybody; --apply writes to /proc/sys, as sysctl -w does.
"""

import argparse
import os
import re
import sys
import textwrap

BACKLOG = 4096  # of a worker's listener: kBacklog in webnode/http_port.cpp
SOCKET_BYTES = 5 * 1024  # an idle TCP connection in the kernel; both ends: 10.2 KB, measured
STREAM_BYTES = 100  # in our own processes: docs/ARCHITECTURE.md, Memory
CHARGED_BYTES = 4096  # what a connection with anything under way is charged at least
OWN_FILES = 64  # of a process, beside its streams
OTHERS_FILES = 8192  # of everything else on the host
PORTS = (1024, 65535)

LACKS, FINE, ABSENT, NOTE = "LACKS", "ok", "absent", "-"


def divide_up(dividend, divisor):
    return -(-dividend // divisor)


class Proc:
    """The files under /proc, or under ROOT/proc for tests."""

    def __init__(self, root):
        self._proc = os.path.join(root, "proc")

    def _path(self, sysctl):
        return os.path.join(self._proc, "sys", *sysctl.split("."))

    def sysctl(self, name):
        """The numbers of a setting; None if this kernel, or this container, does not have it."""
        try:
            with open(self._path(name), encoding="ascii") as file:
                return [int(number) for number in file.read().split()]
        except (OSError, ValueError):
            return None

    def set_sysctl(self, name, numbers):
        with open(self._path(name), "r+", encoding="ascii") as file:
            file.write(text_of(numbers) + "\n")

    def _number_in(self, file_name, pattern):
        try:
            with open(os.path.join(self._proc, file_name), encoding="ascii") as file:
                found = re.search(pattern, file.read(), re.MULTILINE)
        except OSError:
            return None
        return int(found.group(1)) if found else None

    def memory_bytes(self):
        kib = self._number_in("meminfo", r"^MemTotal:\s+(\d+) kB")
        return kib and kib * 1024

    def open_files(self):
        """The hard limit of open files of a process that is started from here."""
        return self._number_in("self/limits", r"^Max open files\s+\d+\s+(\d+)")


class Row:
    """A line of the table: a setting, what it is, what it should be, and why."""

    def __init__(self, name, now, wanted, reason, sysctl=False):
        self.name, self.now, self.wanted, self.reason = name, now, wanted, reason
        self.sysctl = sysctl

    @property
    def state(self):
        if self.now is None:
            return ABSENT
        return FINE if self.now == self.wanted else LACKS


class Note(Row):
    """A line that only tells."""

    state = NOTE

    def __init__(self, name, now, reason):
        super().__init__(name, now, None, reason)


def text_of(value):
    if value is None:
        return "-"
    if isinstance(value, list):
        return " ".join(str(number) for number in value)
    return str(value)


def gigabytes(count):
    return f"{count / 1e9:.1f} GB"


def at_least(now, wanted):
    """`now` with each number that is less than its counterpart raised to it."""
    return now and [max(pair) for pair in zip(now, wanted)]


def sysctl_row(proc, name, wanted, reason):
    now = proc.sysctl(name)
    return Row(name, now, at_least(now, wanted), reason, sysctl=True)


def files_of_process(streams, processes):
    """Open files of one process that holds its part of the streams, and a worker's reserve."""
    own = divide_up(streams, processes)
    return own + min(max(own // 31 + 1, 64), 4096) + OWN_FILES


def file_rows(proc, options):
    each = files_of_process(options.streams, options.workers)
    limit = proc.open_files()
    advice = "raise it (ulimit -Hn, systemd's LimitNOFILE)"
    if limit and limit > 2 * OWN_FILES:
        workers = options.workers
        while files_of_process(options.streams, workers) > limit and workers < 1024:
            workers += 1
        if files_of_process(options.streams, workers) <= limit:
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
            f"of each of {options.workers} processes that share the streams; if it lacks, "
            f"{advice}",
        ),
    ]


def queue_rows(proc, streams):
    return [
        sysctl_row(
            proc,
            "net.core.somaxconn",
            [BACKLOG],
            "connections that wait for a worker in a burst; more are dropped and come a "
            "second late",
        ),
        sysctl_row(
            proc,
            "net.ipv4.tcp_max_syn_backlog",
            [2 * BACKLOG],
            "handshakes under way, where there are no SYN cookies; a quarter is kept for "
            "known peers",
        ),
        sysctl_row(
            proc,
            "net.core.netdev_max_backlog",
            [max(1000, streams // 100)],
            "packets that wait for a processor; what is beyond this is lost. On the loopback "
            "that is every packet of a burst, probes of quiet streams among them",
        ),
        sysctl_row(
            proc,
            "net.ipv4.tcp_migrate_req",
            [1],
            "what waits at a worker that leaves the port, or crashes, goes to the others "
            "instead of being reset (Linux 5.14)",
        ),
    ]


def port_rows(proc, options):
    name = "net.ipv4.ip_local_port_range"
    now = proc.sysctl(name)
    wanted = now
    if now and now[1] - now[0] + 1 < options.streams:
        wanted = [min(now[0], PORTS[0]), max(now[1], PORTS[1])]
    rows = [
        Row(
            name,
            now,
            wanted,
            "each stream to one server takes a port of its source address; ports that servers "
            "of this host use belong into net.ipv4.ip_local_reserved_ports",
            sysctl=True,
        )
    ]
    if wanted:
        addresses = divide_up(options.streams, wanted[1] - wanted[0] + 1)
        rows.append(
            Note(
                "source addresses",
                f"{addresses} needed",
                "so many, or as many ports to connect to, have room for the streams",
            )
        )
    return rows


def memory_rows(proc, options):
    pages = divide_up(options.streams * CHARGED_BYTES, options.page_size)
    total = proc.memory_bytes()
    needed = options.streams * (SOCKET_BYTES + STREAM_BYTES)
    enough = total is None or needed <= total
    return [
        sysctl_row(
            proc,
            "net.ipv4.tcp_mem",
            [pages * 3 // 4, pages, pages * 3 // 2],
            f"pages of {options.page_size} bytes; a message to every stream at once is "
            "charged a page for each; past the second number buffers shrink, past the third "
            "data is dropped",
        ),
        Note(
            "net.ipv4.tcp_wmem",
            proc.sysctl("net.ipv4.tcp_wmem"),
            "a bound, which an idle stream does not use; less in the third number bounds what "
            "slow readers hold",
        ),
        Note(
            "net.ipv4.tcp_rmem",
            proc.sysctl("net.ipv4.tcp_rmem"),
            "likewise, for what is sent to a process that does not read",
        ),
        Row(
            "memory",
            total and gigabytes(total),
            total and gigabytes(total if enough else needed),
            f"{gigabytes(needed)} for the streams: {SOCKET_BYTES} bytes each in the kernel, "
            f"{STREAM_BYTES} in the processes; with both ends on one host, twice that",
        ),
    ]


def conntrack_rows(proc, options):
    name = "net.netfilter.nf_conntrack_max"
    if proc.sysctl(name) is None:
        return []
    return [
        sysctl_row(
            proc,
            name,
            [options.streams + divide_up(options.streams, 16)],
            "connection tracking is loaded, and drops what it has no entry for",
        )
    ]


def rows_for(proc, options):
    rows = file_rows(proc, options)
    rows += port_rows(proc, options) if options.client else queue_rows(proc, options.streams)
    return rows + memory_rows(proc, options) + conntrack_rows(proc, options)


def apply(proc, rows):
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


def print_table(rows):
    cells = [("setting", "now", "wanted", "")]
    cells += [(row.name, text_of(row.now), text_of(row.wanted), row.state) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    reasons = [""] + [row.reason for row in rows]
    for line, reason in zip(cells, reasons):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
        for part in textwrap.wrap(reason, 90):
            print("    " + part)


def print_verdict(rows, options):
    lacking = [row for row in rows if row.state == LACKS]
    print()
    if not lacking:
        print(f"All is there for {options.streams} streams.")
        return
    print(f"Lacking for {options.streams} streams: {', '.join(row.name for row in lacking)}.")
    settings = [row for row in lacking if row.sysctl]
    if settings:
        print("To set them now: --apply, as root. At each start: in /etc/sysctl.d/90-zcomet.conf,")
        for row in settings:
            print(f"    {row.name} = {text_of(row.wanted)}")


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def read_options():
    parser = argparse.ArgumentParser(
        prog="host-setup",
        description="Says what the kernel of this host must allow for N streams, what it allows, "
        "and why it matters.",
        epilog="The exit status is 0 if nothing lacks, 1 if something does (with --apply: still "
        "does), 2 if an option is wrong. A setting that this kernel or container does not "
        "have is 'absent', which is no lack.",
    )
    parser.add_argument(
        "--streams",
        type=positive,
        default=1_000_000,
        metavar="N",
        help="streams that the host shall hold (default: 1000000)",
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
        help="this host does not hold the streams but opens them, with " "zcomet-floodtest",
    )
    parser.add_argument(
        "--apply",
        action="store_true",
        help="set what lacks, until the next start of the host; no number is ever "
        "lowered, but the first of ip_local_port_range",
    )
    # For tests: the folder that has proc/ in it, and the size of that host's pages.
    parser.add_argument("--root", default="/", help=argparse.SUPPRESS)
    parser.add_argument(
        "--page-size", type=positive, default=os.sysconf("SC_PAGE_SIZE"), help=argparse.SUPPRESS
    )
    return parser.parse_args()


def main():
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
