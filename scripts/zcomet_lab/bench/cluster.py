"""The server under test, the floor beside it, and the load on both."""

import json
import math
import re

from zcomet_lab.bench.lab import (
    OTHER_FILES,
    STREAMS_PER_SOURCE,
    await_true,
    cpu_s,
    files_max,
    memory,
    processes_of,
)
from zcomet_lab.programs import ProgramError

# What a worker keeps free for connections that come while it leaves the port to the others.
RESERVE = 1 / 32
OPENING_TIMEOUT_S = 180
ARRIVAL_TIMEOUT_S = 60
# Closing a million sockets takes a while.
STOPPING_TIMEOUT_S = 120
SENDING_TIMEOUT_S = 60
# Slower than this, something is wrong.
FLAT_OUT_PER_S_MIN = 10_000
MESSAGE_BYTES = 100


def workers_for(streams):
    """Workers that it takes to hold `streams`: the kernel spreads them at random, so with some room."""
    most = (files_max() - OTHER_FILES) * (1 - RESERVE)
    workers = math.ceil(streams / most)
    # Six standard deviations of what the busiest of them gets.
    while workers > 1 and streams / workers + 6 * math.sqrt(streams / workers) > most:
        workers += 1
    return workers


class Cluster:
    """A broker, and a web node beside it."""

    def __init__(self, lab, streams_max, prefix=(), node_options=()):
        """`prefix` is put before the commands of both."""
        self._lab = lab
        self.workers = workers_for(streams_max)
        self.broker, self.broker_endpoint = lab.start_broker(prefix=prefix)
        self.node = lab.start(
            "zcomet-webnode",
            "--broker",
            self.broker_endpoint,
            "--http",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
            "--name",
            "bench",
            "--workers",
            self.workers,
            *node_options,
            prefix=prefix,
        )
        ready = self.node.await_ready()
        self.url = f"{ready['http']}/test/{{id}}"

    def broker_pids(self):
        return processes_of(self.broker.pid)

    def node_pids(self):
        return processes_of(self.node.pid)

    def cpu_s(self):
        return cpu_s(self.broker_pids()) + cpu_s(self.node_pids())

    def memory_pss(self):
        """Of the web node with its workers, and of the broker, in bytes."""
        return memory(self.node_pids()).pss, memory(self.broker_pids()).pss

    def memory_rss(self):
        """The same, resident."""
        return memory(self.node_pids()).rss, memory(self.broker_pids()).rss

    def ids(self):
        """How many logins the broker knows: an id counts once for each node that holds it."""
        return sum(node["ids"] for node in self._lab.ctl_json(self.broker_endpoint, "nodes"))

    def await_ids(self, count):
        await_true(
            lambda: self.ids() == count,
            OPENING_TIMEOUT_S,
            f"the broker does not know {count} logins",
        )

    def begin_sending(self, *, count, per_s, ids, first_id=1):
        """Starts msggen: `count` messages to random ids, `ids` of them, `per_s` a second (0: flat out).
        Returns the program, and how many messages it will send: `count` or a few more, since each of its
        generators sends equally many."""
        generators = max(1, min(100, per_s // 10))
        of_each = math.ceil(count / generators)
        interval_ms = 1000 * generators / per_s if per_s else 0
        program = self._lab.start(
            "zcomet-msggen",
            "--count",
            of_each,
            "--interval",
            interval_ms,
            "--max",
            ids,
            "--processes",
            generators,
            "--first-id",
            first_id,
            "--size",
            MESSAGE_BYTES,
            "--stamp",
            "--broker",
            self.broker_endpoint,
            "--json",
        )
        return program, of_each * generators

    def finish_sending(self, program, timeout_s=SENDING_TIMEOUT_S):
        """Waits until all is sent. Returns msggen's summary."""
        summary = json.loads(program.finish(timeout_s).splitlines()[-1])
        if summary["unconfirmed"]:
            raise ProgramError(f"the broker did not confirm {summary['unconfirmed']} messages")
        return summary

    def send(self, *, count, per_s, ids, first_id=1):
        """Both of them; `count` must be a multiple of the generators, so of 100 or 1. Returns msggen's summary."""
        program, will_send = self.begin_sending(
            count=count, per_s=per_s, ids=ids, first_id=first_id
        )
        assert will_send == count
        expected_s = count / (per_s or FLAT_OUT_PER_S_MIN)
        return self.finish_sending(program, expected_s + SENDING_TIMEOUT_S)

    def end(self):
        self._lab.end(self.node)
        self._lab.end(self.broker)


class Floor:
    """The bare system calls in place of a server: see test/bench/floor.cpp."""

    def __init__(self, lab, streams_max):
        self._lab = lab
        self._programs = []
        port = 0
        for _ in range(workers_for(streams_max)):
            program = lab.start("bench-floor", "--port", port, takes_orders=True)
            port = program.await_ready()["port"]
            self._programs.append(program)
        self.url = f"http://127.0.0.1:{port}/test/{{id}}"

    def cpu_s(self):
        return cpu_s([program.pid for program in self._programs])

    def order(self, order, timeout_s):
        """Gives all processes the same order; waits until each has carried it out."""
        for program in self._programs:
            program.order(order)
        for program in self._programs:
            program.await_line("done", timeout_s)

    def send(self, *, count, per_s):
        self.order(
            f"send {count} {per_s} {MESSAGE_BYTES}",
            SENDING_TIMEOUT_S + count / (per_s or FLAT_OUT_PER_S_MIN),
        )

    def end(self):
        for program in self._programs:
            self._lab.end(program)


class Flood:
    """Streams that are opened as fast as they are answered, and what they receive."""

    def __init__(self, lab, url, streams, *, ids=None, first_id=1, processes=None):
        self._streams = streams
        sources = math.ceil(streams / STREAMS_PER_SOURCE)
        self._program = lab.start(
            "zcomet-floodtest",
            "--connections",
            streams,
            "--url",
            url,
            "--rate",
            0,
            "--ids",
            ids or streams,
            "--first-id",
            first_id,
            "--source",
            f"127.1.0.1-127.1.{sources // 256}.{sources % 256}",
            "--json",
            "--connect-timeout",
            60,
            *(["--processes", processes] if processes else []),
        )
        ready = self._await_ready()
        self.opening_s = float(ready["opening_s"])

    def _await_ready(self):
        await_true(
            lambda: " ready " in self._program.log(),
            OPENING_TIMEOUT_S,
            f"{self._streams} streams were not open",
        )
        line = self._program.log().partition("zcomet-floodtest ready ")[2].partition("\n")[0]
        ready = dict(word.split("=", 1) for word in line.split())
        if int(ready["failed"]) or int(ready["open"]) != self._streams:
            raise ProgramError(
                f"only {ready['open']} of {self._streams} streams opened; "
                f"the others: {self._stop(status=1)['failed']}"
            )
        return ready

    def _stop(self, status=0):
        self._program.ask_to_end()
        return json.loads(self._program.finish(STOPPING_TIMEOUT_S, status).splitlines()[-1])

    @property
    def pid(self):
        return self._program.pid

    def cpu_s(self):
        return cpu_s(processes_of(self.pid))

    def memory_pss(self):
        return memory(processes_of(self.pid)).pss

    def chunks(self):
        """How many have arrived so far, by the last line of statistics, so up to a second ago."""
        counts = re.findall(r"^Stats: \{\d+,\d+,(\d+)\}", self._program.log(), re.M)
        return int(counts[-1]) if counts else 0

    def await_chunks(self, count):
        await_true(
            lambda: self.chunks() >= count,
            ARRIVAL_TIMEOUT_S,
            f"{count} chunks had not arrived: {self.chunks()}",
        )

    def finish(self, expected):
        """Ends the streams. Returns floodtest's summary, in which `expected` chunks must have come."""
        summary = self._stop()
        if summary["closed"] or summary["chunks"] != expected:
            raise ProgramError(
                f"{summary['chunks']} of {expected} messages arrived, and "
                f"{summary['closed']} of {self._streams} streams were closed"
            )
        return summary
