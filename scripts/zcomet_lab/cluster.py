"""A broker, web nodes, and both together as a cluster on this machine's loopback."""

import json
import math
import pathlib
from collections.abc import Sequence
from typing import Any

from zcomet_lab.ctl import Ctl
from zcomet_lab.keys import Keys
from zcomet_lab.processes import cpu_s, memory, processes_of, processors
from zcomet_lab.programs import Argument, Program, ProgramError, Programs
from zcomet_lab.stats import read_stats
from zcomet_lab.waiting import await_true

FREE_PORT = "tcp://127.0.0.1:*"
FREE_HTTP_PORT = "127.0.0.1:0"
BROKER_ADMIN = ("--admin", FREE_HTTP_PORT)
"""Options of a broker that wants an admin page."""

LOGINS_TIMEOUT_S = 180
SENDING_TIMEOUT_S = 60
# Asking the broker costs it some processor time, which a measurement would contain.
PAUSE_S = 0.2
# If sending is slower than this, something is wrong.
FLAT_OUT_PER_S_MIN = 10_000
GENERATORS_MAX = 100
MESSAGE_BYTES = 100


class Broker:
    """A running zcomet-broker that is ready."""

    def __init__(
        self,
        programs: Programs,
        *options: Argument,
        listen: str = FREE_PORT,
        feed: str = FREE_PORT,
        keys: Keys | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        """`prefix` is put before the command. Without `keys` everyone may speak to it."""
        own_keys: list[Argument] = ["--keys", keys.directory] if keys else []
        self.program = programs.start(
            "zcomet-broker",
            *("--listen", listen, "--feed", feed),
            *own_keys,
            *options,
            name="broker",
            prefix=prefix,
        )
        ready = self.program.await_ready()
        self.listen = ready["listen"]
        self.feed = ready["feed"]
        self.admin = ready.get("admin", "")
        ctl_key: list[Argument] = ["--key", keys.new("operator", "operator")] if keys else []
        self.ctl = Ctl(programs.path("zcomet-ctl"), "--broker", self.listen, *ctl_key)


class WebNode:
    """A running zcomet-webnode. Its addresses are known once await_ready() has returned."""

    def __init__(
        self,
        programs: Programs,
        broker: str,
        *options: Argument,
        name: str = "",
        prefix: Sequence[str] = (),
    ) -> None:
        """Starts it and does not wait for it. `broker` is the broker's endpoint."""
        # All load comes from this host, often from one address.
        unbound: list[Argument] = [] if "--per-address" in options else ["--per-address", 0]
        self.program = programs.start(
            "zcomet-webnode",
            *("--broker", broker, "--http", FREE_HTTP_PORT, "--admin", FREE_HTTP_PORT),
            *unbound,
            *(("--name", name) if name else ()),
            *options,
            name=f"web node {name}".strip(),
            prefix=prefix,
        )
        self.http = ""
        self.admin = ""
        self.api = ""  # of a web node that was started with --api

    def await_ready(self) -> "WebNode":
        """Waits until the broker has let the node in and the node listens; returns the node."""
        ready = self.program.await_ready()
        self.http, self.admin = ready["http"], ready["admin"]
        self.api = ready.get("api", "")
        return self

    def counters(self) -> dict[str, int]:
        """What the node's workers have counted together."""
        stats = await_true("the web node answers", lambda: read_stats(self.admin))
        counters: dict[str, int] = stats["totals"]["counters"]
        return counters

    @property
    def stream_url(self) -> str:
        """The URL of comet pages, with {id} in it, as zcomet-floodtest takes it."""
        return f"{self.http}/test/{{id}}"


class Cluster:
    """A broker and one web node, and their common costs."""

    def __init__(
        self,
        programs: Programs,
        *,
        workers: int | None = None,
        broker_options: Sequence[Argument] = (),
        node_options: Sequence[Argument] = (),
        keys: Keys | None = None,
        prefix: Sequence[str] = (),
        brokers: int = 1,
        replicas: int = 2,
    ) -> None:
        """`workers`: of the web node; default: one for each processor.

        With `keys` each program has one of its own. `prefix` is put before the commands of all. Of
        several `brokers`, `replicas` know each id; `broker` is the first of them.
        """
        self._programs = programs
        self.workers = workers or processors()
        self.brokers = [
            Broker(programs, *broker_options, keys=keys, prefix=prefix) for _ in range(brokers)
        ]
        self.broker = self.brokers[0]
        self._other_brokers: list[Argument] = []
        if brokers > 1:
            self._other_brokers = ["--replicas", replicas]
            for broker in self.brokers[1:]:
                self._other_brokers += ["--broker", broker.listen]
        options: list[Argument] = ["--workers", self.workers, *self._other_brokers, *node_options]
        self._sender_key: list[Argument] = []
        if keys:
            options += ["--key", keys.new("web", "node")]
            self._sender_key = ["--key", keys.new("sender", "sender")]
        self.node = WebNode(programs, self.broker.listen, *options, name="web", prefix=prefix)
        self.node.await_ready()
        self.url = self.node.stream_url

    def broker_pids(self) -> list[int]:
        return [pid for broker in self.brokers for pid in processes_of(broker.program.pid)]

    def node_pids(self) -> list[int]:
        return processes_of(self.node.program.pid)

    def cpu_s(self) -> float:
        """Processor time of all processes of the cluster so far, in seconds."""
        return cpu_s(self.broker_pids()) + cpu_s(self.node_pids())

    def memory_pss(self) -> tuple[int, int]:
        """PSS of the web node with its workers, and of all brokers, in bytes."""
        return memory(self.node_pids()).pss, memory(self.broker_pids()).pss

    def memory_rss(self) -> tuple[int, int]:
        """Resident memory of the same, in bytes."""
        return memory(self.node_pids()).rss, memory(self.broker_pids()).rss

    def ids(self) -> int:
        """How many logins the brokers know: an id counts once for each node that holds it.

        Of several brokers each counts those that it knows.
        """
        nodes = [node for broker in self.brokers for node in broker.ctl.json("nodes")]
        return sum(node["ids"] for node in nodes)

    def await_ids(self, count: int) -> None:
        """Waits until the brokers know exactly that many logins together."""
        await_true(
            lambda: f"the broker knows {count} logins (it knows {self.ids()})",
            lambda: self.ids() == count,
            LOGINS_TIMEOUT_S,
            PAUSE_S,
        )

    def begin_sending(
        self,
        *,
        count: int,
        per_s: int,
        ids: int,
        first_id: int = 1,
        message_bytes: int | None = MESSAGE_BYTES,
        log: pathlib.Path | None = None,
        generators: int | None = None,
    ) -> tuple[Program, int]:
        """Starts zcomet-msggen; returns it, and how many messages it will send.

        It sends `count` messages or a few more, `per_s` a second (0: flat out), to random ids out
        of the `ids` from `first_id` on. A few more, because each of its generators sends the same
        number. Without `message_bytes` the messages are as long as msggen makes them by default.
        `log` is written for zcomet_lab.message_logs. `generators`: how many there are; default: as
        shares() has it.
        """
        generators, of_each = shares(count, per_s, generators)
        size: list[Argument] = ["--size", message_bytes] if message_bytes else []
        some_log: list[Argument] = ["--log", log] if log else []
        program = self._programs.start(
            "zcomet-msggen",
            *("--broker", self.broker.listen, *self._other_brokers),
            *("--processes", generators, "--count", of_each),
            *("--interval", 1000 * generators / per_s if per_s else 0),
            *("--max", ids, "--first-id", first_id, "--stamp", "--json"),
            *self._sender_key,
            *size,
            *some_log,
        )
        return program, of_each * generators

    def finish_sending(
        self, program: Program, timeout_s: float = SENDING_TIMEOUT_S
    ) -> dict[str, Any]:
        """Waits until all is sent; returns msggen's summary.

        Raises ProgramError if the broker did not take all of it.
        """
        summary: dict[str, Any] = json.loads(program.finish(timeout_s).splitlines()[-1])
        if summary["unconfirmed"]:
            raise ProgramError(f"the broker did not confirm {summary['unconfirmed']} messages")
        return summary

    def send(
        self,
        *,
        count: int,
        per_s: int,
        ids: int,
        first_id: int = 1,
        message_bytes: int | None = MESSAGE_BYTES,
        generators: int | None = None,
    ) -> dict[str, Any]:
        """Sends exactly `count` messages as begin_sending() does; returns msggen's summary.

        `count` must be a multiple of the number of generators, so of 100 or 1.
        """
        program, will_send = self.begin_sending(
            count=count,
            per_s=per_s,
            ids=ids,
            first_id=first_id,
            message_bytes=message_bytes,
            generators=generators,
        )
        assert will_send == count
        expected_s = count / (per_s or FLAT_OUT_PER_S_MIN)
        return self.finish_sending(program, expected_s + SENDING_TIMEOUT_S)

    def end(self) -> None:
        self._programs.end(self.node.program)
        for broker in self.brokers:
            self._programs.end(broker.program)


def shares(count: int, per_s: int, generators: int | None = None) -> tuple[int, int]:
    """How many generators send `count` messages at `per_s` a second, and how many each sends.

    Unless their number is given: one for each ten messages a second, at most 100; a single one at
    full speed.
    """
    generators = generators or max(1, min(GENERATORS_MAX, per_s // 10))
    return generators, math.ceil(count / generators)
