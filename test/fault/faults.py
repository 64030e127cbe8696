"""Faults that happen to a running cluster. Each is a function that injects one, waits for its effect, and
heals it; what it may cost is declared beside it, and nothing else is forgiven.

`node` is the web node that it happens to, if it happens to one. By default a fault costs nothing: every
message sent meanwhile comes, once and in order, to every stream, and every stream stays open.
"""

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import time
import typing

from cluster import (
    ADDRESSES,
    BROKER,
    IDS,
    LIBRARY_OF_CLOCKS,
    LIVENESS_S,
    STREAMS,
    WEB_NODES,
    WORKERS,
    await_event,
    check,
    children_of,
    is_running,
)
from zcomet_lab.namespaces import on_host

# Well within the liveness time, and well past it.
SHORT_S = LIVENESS_S / 2
LONG_S = LIVENESS_S + 2
SOME_PACKETS = "numgen random mod 100 < 5"
LOSS_S = 5
CLOCK_STEP_S = 3600
FURTHER_STREAMS = 50
FURTHER_MESSAGES = 100


@dataclasses.dataclass
class Fault:
    name: str
    happen: typing.Callable
    # The node's streams may miss what is sent while the broker has logged the node out.
    misses: bool
    # The node's streams are closed.
    closes: bool
    # What it cannot be done without; what it returns is why it is lacking.
    lacks: typing.Callable
    # Can happen to a cluster that was set up for nothing special.
    anywhere: bool


FAULTS = {}


def fault(*, misses=False, closes=False, lacks=lambda: None, anywhere=True):
    def add(function):
        name = function.__name__.replace("_", "-")
        FAULTS[name] = Fault(name, function, misses, closes, lacks, anywhere)
        return function

    return add


def await_logged_out(cluster, node):
    await_event(
        f"the workers of {node} are logged out",
        lambda: all(cluster.knows(f"{node}/{worker + 1}") is False for worker in range(WORKERS)),
    )


# Processes that are killed ---------------------------------------------------------------------------


@fault()
def kill_broker(cluster, _node):
    """The one that supervises it starts it again."""
    killed = cluster.broker_pid()
    os.kill(killed, signal.SIGKILL)
    await_event("the broker is started again", lambda: cluster.broker_pid() not in (None, killed))


@fault()
def kill_broker_supervisor(cluster, _node):
    child = cluster.broker_pid()
    os.kill(cluster.broker.pid, signal.SIGKILL)
    await_event("the broker has ended, too", lambda: not is_running(child))
    cluster.forget(cluster.broker)
    cluster.start_broker()


@fault(closes=True)
def kill_worker(cluster, node):
    killed = cluster.worker_pid(node)
    os.kill(killed, signal.SIGKILL)
    await_event("the worker is started again", lambda: cluster.worker_pid(node) not in (0, killed))


@fault(closes=True)
def kill_webnode(cluster, node):
    """All of its processes, as when the host loses power; it is started again at once."""
    program = cluster.web_nodes[node]
    workers = children_of(program.pid)
    os.killpg(program.pid, signal.SIGKILL)
    # On a busy machine they hold their port for a moment longer than their supervisor lives.
    await_event("the workers are gone", lambda: not any(map(is_running, workers)))
    cluster.forget(program)
    cluster.start_web_node(node)


@fault(closes=True)
def kill_webnode_until_logged_out(cluster, node):
    program = cluster.web_nodes[node]
    os.killpg(program.pid, signal.SIGKILL)
    cluster.forget(program)
    await_logged_out(cluster, node)
    cluster.start_web_node(node)


@fault(closes=True)
def kill_webnode_supervisor(cluster, node):
    program = cluster.web_nodes[node]
    workers = children_of(program.pid)
    os.kill(program.pid, signal.SIGKILL)
    await_event("the workers have drained", lambda: not any(map(is_running, workers)))
    cluster.forget(program)
    cluster.start_web_node(node)


@fault()
def kill_sender(cluster, _node):
    """One of two: what it had under way is its own loss, and nobody else's."""
    other = cluster.tool(
        "load",
        "zcomet-msggen",
        "--ack",
        "--count",
        1_000_000,
        "--interval",
        1,
        "--max",
        IDS,
        "--broker",
        BROKER,
    )
    await_event("both send", lambda: cluster.senders() == 2)
    os.kill(other.pid, signal.SIGKILL)
    cluster.forget(other)
    await_event("the broker has noticed", lambda: cluster.senders() == 1)


@fault()
def kill_browsers(cluster, node):
    """A further host of browsers."""
    before = cluster.streams(node)
    flood = cluster.open_streams(node, FURTHER_STREAMS, os.path.join(cluster.folder, "killed"))
    await_event("the streams are there", lambda: cluster.streams(node) == before + FURTHER_STREAMS)
    os.kill(flood.program.pid, signal.SIGKILL)
    cluster.forget(flood.program)
    await_event("its streams are closed", lambda: cluster.streams(node) == before)


# Processes that are stopped --------------------------------------------------------------------------


@contextlib.contextmanager
def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@fault()
def stop_broker(cluster, _node):
    with stopped(cluster.broker_pid()):
        time.sleep(LONG_S)


@fault()
def stop_broker_supervisor(cluster, _node):
    with stopped(cluster.broker.pid):
        time.sleep(LONG_S)


@fault()
def stop_worker_shortly(cluster, node):
    with stopped(cluster.worker_pid(node)):
        time.sleep(SHORT_S)


@fault(misses=True)
def stop_worker(cluster, node):
    with stopped(cluster.worker_pid(node)):
        await_event("the worker is logged out", lambda: cluster.knows(f"{node}/1") is False)


@fault()
def stop_webnode_supervisor(cluster, node):
    with stopped(cluster.web_nodes[node].pid):
        time.sleep(LONG_S)


@fault()
def stop_sender(cluster, _node):
    with stopped(cluster.generator.pid):
        await_event("the broker has noticed", lambda: cluster.senders() == 0)


@fault()
def stop_browsers(cluster, node):
    flood = next(flood for flood in reversed(cluster.floods) if flood.node == node)
    with stopped(flood.program.pid):
        time.sleep(LONG_S)


# Cables ----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def pulled(host):
    """At the switch, so that the host sees its link go down as when a cable is pulled."""
    port = f"port{list(ADDRESSES).index(host)}"
    subprocess.run(["ip", "link", "set", port, "down"], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "link", "set", port, "up"], check=True)


@fault()
def pull_webnode_shortly(_cluster, node):
    with pulled(node):
        time.sleep(SHORT_S)


@fault(misses=True)
def pull_webnode(cluster, node):
    with pulled(node):
        await_logged_out(cluster, node)


@fault()
def pull_broker_shortly(cluster, _node):
    with pulled(cluster.broker_host):
        time.sleep(SHORT_S)


@fault()
def pull_broker(cluster, _node):
    """The broker logs everybody out, and nobody hears it."""
    with pulled(cluster.broker_host):
        time.sleep(LONG_S)


@fault()
def pull_sender(cluster, _node):
    with pulled("load"):
        await_event("the broker has noticed", lambda: cluster.senders() == 0)


@fault()
def pull_browsers(_cluster, _node):
    with pulled("browsers"):
        time.sleep(LONG_S)


# Packets that are dropped ----------------------------------------------------------------------------


def why_no_nftables():
    if shutil.which("nft") is None:
        return "nft is not installed"
    tried = subprocess.run(
        ["nft", "--check", "-f", "-"],
        input=rules("input", SOME_PACKETS),
        capture_output=True,
        text=True,
    )
    return tried.stderr.strip() if tried.returncode != 0 else None


def rules(hook, which):
    """A rule set that drops packets: `hook` is input or output."""
    return f"""
table inet fault {{
    chain drops {{
        type filter hook {hook} priority 0;
        {which} drop
    }}
}}
"""


@contextlib.contextmanager
def dropping(host, hook, which):
    nft = [*on_host(host), "nft"]
    subprocess.run([*nft, "-f", "-"], input=rules(hook, which), text=True, check=True)
    try:
        yield
    finally:
        subprocess.run([*nft, "delete", "table", "inet", "fault"], check=True)


@fault(misses=True, lacks=why_no_nftables)
def drop_from_broker(cluster, node):
    """Acknowledgements of TCP are dropped with the rest: the node's kernel repeats what the broker's has
    long got, and sends nothing new, so that the broker does not hear the node any more, either."""
    with dropping(node, "input", f"ip saddr {ADDRESSES[cluster.broker_host]}"):
        await_logged_out(cluster, node)


@fault(misses=True, lacks=why_no_nftables)
def drop_to_broker(cluster, node):
    """The other way round: the broker takes the node for dead."""
    with dropping(node, "output", f"ip daddr {ADDRESSES[cluster.broker_host]}"):
        await_logged_out(cluster, node)


@fault(lacks=why_no_nftables)
def drop_feed(cluster, node):
    """Only the feed is cut off: the node and the broker hear each other."""
    with dropping(node, "input", f"ip saddr {ADDRESSES[cluster.broker_host]} tcp sport 5556"):
        time.sleep(LONG_S)


@fault(lacks=why_no_nftables)
def lose_packets(_cluster, _node):
    """A share of all packets, at each host."""
    with contextlib.ExitStack() as stack:
        for host in ADDRESSES:
            stack.enter_context(dropping(host, "input", SOME_PACKETS))
        time.sleep(LOSS_S)


# The broker goes and comes in order ------------------------------------------------------------------


@fault()
def restart_broker(cluster, _node):
    cluster.forget(cluster.broker)
    cluster.start_broker()


@fault()
def move_broker(cluster, _node):
    """Its host dies; it is started on another, with another address, to which its name is given."""
    os.killpg(cluster.broker.pid, signal.SIGKILL)
    cluster.forget(cluster.broker)
    cluster.name_broker("spare" if cluster.broker_host == "broker" else "broker")
    cluster.start_broker()


# Disks and clocks ------------------------------------------------------------------------------------


@fault()
def fill_disk(cluster, node):
    """No room for any log: those of the broker and the web nodes, and those of a further sender and
    further streams, which say so at their end and do their work all the same."""
    log = os.path.join(cluster.log_disk, f"{cluster.broker_host}.log")
    filler = cluster.fill_log_disk()
    before = cluster.streams(node)
    flood = cluster.open_streams(node, FURTHER_STREAMS, os.path.join(cluster.log_disk, "received"))
    sender = cluster.tool(
        "load",
        "zcomet-msggen",
        "--ack",
        "--count",
        FURTHER_MESSAGES,
        "--interval",
        1,
        "--max",
        IDS,
        "--json",
        "--log",
        os.path.join(cluster.log_disk, "sent"),
        "--broker",
        BROKER,
    )
    summary = json.loads(sender.finish(30, status=1).splitlines()[-1])
    check(
        summary["acknowledged"] == FURTHER_MESSAGES
        and summary["log_lines_lost"] == FURTHER_MESSAGES,
        f"the further sender did not do its work: {summary}",
    )
    flood.program.ask_to_end()
    flood.program.finish(30, status=1)
    await_event("the further streams are closed", lambda: cluster.streams(node) == before)
    os.remove(filler)
    size = os.path.getsize(log)
    await_event(
        "the broker's log goes on",
        lambda: cluster.ctl("send", "nobody", "hello") and os.path.getsize(log) > size,
    )


def why_no_clocks():
    return None if LIBRARY_OF_CLOCKS else "libfaketime is not installed"


@fault(lacks=why_no_clocks, anywhere=False)
def step_clocks(cluster, _node):
    """The clocks of the broker and the web nodes go an hour ahead, then an hour back, then home."""
    for ahead_s in (CLOCK_STEP_S, -CLOCK_STEP_S, 0):
        cluster.set_clocks(ahead_s)
        check(abs(cluster.shown_clock() - time.time() - ahead_s) < 60, "the clock was not stepped")
        cluster.await_load()
        check(all(cluster.streams(node) == STREAMS for node in WEB_NODES), "streams were closed")
