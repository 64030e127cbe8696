"""Faults that happen to a running cluster.

Each is a function that injects a fault, waits for its effect, and heals it. Its permitted damage is
declared beside it, and no other damage is forgiven. By default a fault does none: every message
that is sent meanwhile comes to every stream, once and in order, and every stream stays open.
Whatever the fault, streams of ids with a history that come back with their cursors miss nothing
that they are not told of.

`node` is the web node that the fault hits, if it hits one.
As a program this prints the names of the faults.
"""

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

from zcomet_lab.namespaces import on_host
from zcomet_lab.processes import children_of, is_running
from zcomet_lab.waiting import await_true

from cluster import (
    ADDRESSES,
    BROKER,
    IDS,
    LIBRARY_OF_CLOCKS,
    LIVENESS_S,
    WEB_NODES,
    WORKERS,
    Cluster,
    check,
    port_of,
)

# Well within the liveness time, and well past it.
SHORT_S = LIVENESS_S / 2
LONG_S = LIVENESS_S + 2
SOME_PACKETS = "numgen random mod 100 < 5"
LOSS_S = 5
CLOCK_STEP_S = 3600
CLOCK_ERROR_MAX_S = 60
FURTHER_STREAMS = 50
FURTHER_MESSAGES = 100
FURTHER_TIMEOUT_S = 30

Happen = Callable[[Cluster, str], None]
Lacks = Callable[[], str | None]


def lacks_nothing() -> str | None:
    return None


@dataclasses.dataclass(frozen=True)
class Fault:
    """A fault, and the damage that it may do."""

    name: str
    happen: Happen
    """Injects and heals it; the second argument is the web node."""
    misses: bool
    """The node's streams may miss what is sent while the broker has logged the node out."""
    closes: bool
    """The node's streams are closed."""
    lacks: Lacks
    """Says why it cannot be done here, or returns None."""
    anywhere: bool
    """It can happen to a cluster that was set up without its own clocks."""


FAULTS: dict[str, Fault] = {}


def fault(
    *,
    misses: bool = False,
    closes: bool = False,
    lacks: Lacks = lacks_nothing,
    anywhere: bool = True,
) -> Callable[[Happen], Happen]:
    """Enters a function into FAULTS, under its name with hyphens."""

    def add(function: Happen) -> Happen:
        name = function.__name__.replace("_", "-")
        FAULTS[name] = Fault(name, function, misses, closes, lacks, anywhere)
        return function

    return add


def await_logged_out(cluster: Cluster, node: str) -> None:
    names = [f"{node}/{worker + 1}" for worker in range(WORKERS)]
    await_true(
        f"the workers of {node} are logged out",
        lambda: all(cluster.knows(name) is False for name in names),
    )


# Processes that are killed ------------------------------------------------------------------------


@fault()
def kill_broker(cluster: Cluster, _node: str) -> None:
    """The process that supervises it starts it again."""
    killed = cluster.running_broker()
    os.kill(killed, signal.SIGKILL)
    await_true("the broker is started again", lambda: cluster.broker_pid() not in (None, killed))


@fault()
def kill_broker_supervisor(cluster: Cluster, _node: str) -> None:
    """The broker ends with it."""
    children = children_of(cluster.broker.pid)
    os.kill(cluster.broker.pid, signal.SIGKILL)
    await_true("the broker has ended, too", lambda: not any(map(is_running, children)))
    cluster.forget(cluster.broker)
    cluster.start_broker()


@fault(closes=True)
def kill_worker(cluster: Cluster, node: str) -> None:
    """Its supervisor starts it again."""
    killed = cluster.running_worker(node)
    os.kill(killed, signal.SIGKILL)
    await_true(
        "the worker is started again", lambda: cluster.worker_pid(node) not in (None, killed)
    )


@fault(closes=True)
def kill_webnode(cluster: Cluster, node: str) -> None:
    """All of its processes, as when the host loses power; it is started again at once."""
    program = cluster.web_nodes[node]
    workers = children_of(program.pid)
    os.killpg(program.pid, signal.SIGKILL)
    # On a busy machine they hold their port a moment longer than their supervisor lives.
    await_true("the workers are gone", lambda: not any(map(is_running, workers)))
    cluster.forget(program)
    cluster.start_web_node(node)


@fault(closes=True)
def kill_webnode_until_logged_out(cluster: Cluster, node: str) -> None:
    """It is started again after the broker has noticed."""
    program = cluster.web_nodes[node]
    os.killpg(program.pid, signal.SIGKILL)
    cluster.forget(program)
    await_logged_out(cluster, node)
    cluster.start_web_node(node)


@fault(closes=True)
def kill_webnode_supervisor(cluster: Cluster, node: str) -> None:
    """Its workers drain and end."""
    program = cluster.web_nodes[node]
    workers = children_of(program.pid)
    os.kill(program.pid, signal.SIGKILL)
    await_true("the workers have drained", lambda: not any(map(is_running, workers)))
    cluster.forget(program)
    cluster.start_web_node(node)


@fault()
def kill_sender(cluster: Cluster, _node: str) -> None:
    """One of two senders: the messages that it had under way are lost, and no others."""
    other = cluster.tool(
        "load",
        "zcomet-msggen",
        *("--ack", "--count", 1_000_000, "--interval", 1, "--max", IDS, "--broker", BROKER),
    )
    await_true("both send", lambda: cluster.senders() == 2)
    os.kill(other.pid, signal.SIGKILL)
    cluster.forget(other)
    await_true("the broker has noticed", lambda: cluster.senders() == 1)


@fault()
def kill_browsers(cluster: Cluster, node: str) -> None:
    """A further process full of browsers."""
    before = cluster.streams(node)
    log = os.path.join(cluster.folder, "killed")
    flood = cluster.open_streams(node, FURTHER_STREAMS, log)
    await_true("the streams are there", lambda: cluster.streams(node) == before + FURTHER_STREAMS)
    os.kill(flood.program.pid, signal.SIGKILL)
    cluster.forget(flood.program)
    await_true("its streams are closed", lambda: cluster.streams(node) == before)


# Processes that are stopped -----------------------------------------------------------------------


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stops a process for the time of the `with`."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@fault()
def stop_broker(cluster: Cluster, _node: str) -> None:
    with stopped(cluster.running_broker()):
        time.sleep(LONG_S)


@fault()
def stop_broker_supervisor(cluster: Cluster, _node: str) -> None:
    with stopped(cluster.broker.pid):
        time.sleep(LONG_S)


@fault()
def stop_worker_shortly(cluster: Cluster, node: str) -> None:
    with stopped(cluster.running_worker(node)):
        time.sleep(SHORT_S)


@fault(misses=True)
def stop_worker(cluster: Cluster, node: str) -> None:
    with stopped(cluster.running_worker(node)):
        await_true("the worker is logged out", lambda: cluster.knows(f"{node}/1") is False)


@fault()
def stop_webnode_supervisor(cluster: Cluster, node: str) -> None:
    with stopped(cluster.web_nodes[node].pid):
        time.sleep(LONG_S)


@fault()
def stop_sender(cluster: Cluster, _node: str) -> None:
    with stopped(cluster.generator.pid):
        await_true("the broker has noticed", lambda: cluster.senders() == 0)


@fault()
def stop_browsers(cluster: Cluster, node: str) -> None:
    flood = next(flood for flood in reversed(cluster.floods) if flood.node == node)
    with stopped(flood.program.pid):
        time.sleep(LONG_S)


# Cables -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def pulled(host: str) -> Iterator[None]:
    """Pulls a host's cable for the time of the `with`.

    At the switch, so that the host sees its link go down.
    """
    port = port_of(host)
    subprocess.run(["ip", "link", "set", port, "down"], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "link", "set", port, "up"], check=True)


@fault()
def pull_webnode_shortly(_cluster: Cluster, node: str) -> None:
    with pulled(node):
        time.sleep(SHORT_S)


@fault(misses=True)
def pull_webnode(cluster: Cluster, node: str) -> None:
    with pulled(node):
        await_logged_out(cluster, node)


@fault()
def pull_broker_shortly(cluster: Cluster, _node: str) -> None:
    with pulled(cluster.broker_host):
        time.sleep(SHORT_S)


@fault()
def pull_broker(cluster: Cluster, _node: str) -> None:
    """The broker logs all nodes out, and none of them hears it."""
    with pulled(cluster.broker_host):
        time.sleep(LONG_S)


@fault()
def pull_sender(cluster: Cluster, _node: str) -> None:
    with pulled("load"):
        await_true("the broker has noticed", lambda: cluster.senders() == 0)


@fault()
def pull_browsers(_cluster: Cluster, _node: str) -> None:
    with pulled("browsers"), pulled("readers"):
        time.sleep(LONG_S)


# Packets that are dropped -------------------------------------------------------------------------


def why_no_nftables() -> str | None:
    """Why packets cannot be dropped here, or None."""
    if shutil.which("nft") is None:
        return "nft is not installed"
    command = ["nft", "--check", "-f", "-"]
    tried = subprocess.run(
        command, input=rules("input", SOME_PACKETS), capture_output=True, text=True, check=False
    )
    return tried.stderr.strip() if tried.returncode != 0 else None


def rules(hook: str, which: str) -> str:
    """A rule set that drops the packets that match `which`; `hook` is input or output."""
    return f"""
table inet fault {{
    chain drops {{
        type filter hook {hook} priority 0;
        {which} drop
    }}
}}
"""


@contextlib.contextmanager
def dropping(host: str, hook: str, which: str) -> Iterator[None]:
    """Lets a host drop packets for the time of the `with`; see rules()."""
    nft = [*on_host(host), "nft"]
    subprocess.run([*nft, "-f", "-"], input=rules(hook, which), text=True, check=True)
    try:
        yield
    finally:
        subprocess.run([*nft, "delete", "table", "inet", "fault"], check=True)


@fault(misses=True, lacks=why_no_nftables)
def drop_from_broker(cluster: Cluster, node: str) -> None:
    """The node does not hear the broker.

    Acknowledgements of TCP are dropped with the rest. So the node's kernel repeats data that the
    broker's kernel has long had, and sends nothing new. The broker does not hear the node any more.
    """
    with dropping(node, "input", f"ip saddr {ADDRESSES[cluster.broker_host]}"):
        await_logged_out(cluster, node)


@fault(misses=True, lacks=why_no_nftables)
def drop_to_broker(cluster: Cluster, node: str) -> None:
    """The broker does not hear the node, and believes it dead."""
    with dropping(node, "output", f"ip daddr {ADDRESSES[cluster.broker_host]}"):
        await_logged_out(cluster, node)


@fault(lacks=why_no_nftables)
def drop_feed(cluster: Cluster, node: str) -> None:
    """Only the feed is cut off: the node and the broker hear each other."""
    which = f"ip saddr {ADDRESSES[cluster.broker_host]} tcp sport 5556"
    with dropping(node, "input", which):
        time.sleep(LONG_S)


@fault(lacks=why_no_nftables)
def lose_packets(_cluster: Cluster, _node: str) -> None:
    """A share of all packets, at each host."""
    with contextlib.ExitStack() as stack:
        for host in ADDRESSES:
            stack.enter_context(dropping(host, "input", SOME_PACKETS))
        time.sleep(LOSS_S)


# The broker goes and comes in order ---------------------------------------------------------------


@fault()
def restart_broker(cluster: Cluster, _node: str) -> None:
    cluster.forget(cluster.broker)
    cluster.start_broker()


@fault()
def move_broker(cluster: Cluster, _node: str) -> None:
    """Its host dies. It is started on another one, whose address gets its name."""
    os.killpg(cluster.broker.pid, signal.SIGKILL)
    cluster.forget(cluster.broker)
    cluster.name_broker("spare" if cluster.broker_host == "broker" else "broker")
    cluster.start_broker()


# Disks and clocks ---------------------------------------------------------------------------------


@fault()
def fill_disk(cluster: Cluster, node: str) -> None:
    """No room for any log: those of the broker and the web nodes, of a further sender and streams.

    The sender and the streams report that at their end, and still do their work.
    """
    broker_log = os.path.join(cluster.log_disk, f"{cluster.broker_host}.log")
    filler = cluster.fill_log_disk()
    before = cluster.streams(node)
    received = os.path.join(cluster.log_disk, "received")
    flood = cluster.open_streams(node, FURTHER_STREAMS, received)
    sender = cluster.tool(
        "load",
        "zcomet-msggen",
        *("--ack", "--count", FURTHER_MESSAGES, "--interval", 1, "--max", IDS, "--json"),
        *("--log", os.path.join(cluster.log_disk, "sent"), "--broker", BROKER),
    )
    summary = json.loads(sender.finish(FURTHER_TIMEOUT_S, status=1).splitlines()[-1])
    check(
        summary["acknowledged"] == FURTHER_MESSAGES
        and summary["log_lines_lost"] == FURTHER_MESSAGES,
        f"the further sender did not do its work: {summary}",
    )
    flood.program.ask_to_end()
    flood.program.finish(FURTHER_TIMEOUT_S, status=1)
    await_true("the further streams are closed", lambda: cluster.streams(node) == before)
    os.remove(filler)
    size = os.path.getsize(broker_log)

    def log_goes_on() -> bool:
        """A message to an id without streams is logged."""
        answered = cluster.ctl("send", "nobody", "hello") is not None
        return answered and os.path.getsize(broker_log) > size

    await_true("the broker's log goes on", log_goes_on)


def why_no_clocks() -> str | None:
    return None if LIBRARY_OF_CLOCKS else "libfaketime is not installed"


@fault(lacks=why_no_clocks, anywhere=False)
def step_clocks(cluster: Cluster, _node: str) -> None:
    """The clocks of the broker and the web nodes go an hour ahead, then an hour back, then home."""
    before = [cluster.streams(node) for node in WEB_NODES]
    for ahead_s in (CLOCK_STEP_S, -CLOCK_STEP_S, 0):
        cluster.set_clocks(ahead_s)
        error_s = abs(cluster.shown_clock() - time.time() - ahead_s)
        check(error_s < CLOCK_ERROR_MAX_S, "the clock was not stepped")
        cluster.await_load()
        streams = [cluster.streams(node) for node in WEB_NODES]
        check(streams == before, f"streams were closed: {before} before, {streams} now")


if __name__ == "__main__":
    print("\n".join(FAULTS))
