"""A node holds a busy id and acknowledges one batch each 100 ms: how fast may a sender go?"""

import contextlib
import json
import threading
import time

import zmq

from zcomet_lab.attacks import peers
from zcomet_lab.attacks.protocol import wire
from zcomet_lab.attacks.scene import Figures, Scene
from zcomet_lab.flood import Flood
from zcomet_lab.suite import Lab

ID = b"9"
ACKNOWLEDGE_EACH_S = 0.1
NUMBER = slice(12, 20)
"""Where the number of a BATCH is."""
SECONDS, SHORT_SECONDS = 20, 10
STEP_S = 1


class SlowNode:
    """A node that reads its feed, and acknowledges a batch each 100 ms."""

    def __init__(self, stack: contextlib.ExitStack, scene: Scene) -> None:
        number = peers.incarnation()
        context = stack.enter_context(zmq.Context())
        self._feed = stack.enter_context(context.socket(zmq.SUB))
        self._feed.connect(scene.broker.feed)
        self._feed.subscribe(wire.u64(number))
        self._published = 0
        self._node, part = peers.join_node(scene.broker.listen, b"slow", number)
        stack.enter_context(self._node)
        self._feed_id = part.feed_incarnation
        peers.say(self._node, wire.login(1, ID))
        self._ending = threading.Event()
        threads = [threading.Thread(target=run) for run in (self._read, self._acknowledge)]
        for thread in threads:
            thread.start()
            stack.callback(thread.join)
        stack.callback(self._ending.set)

    def _read(self) -> None:
        self._node.settimeout(0)
        while not self._ending.is_set():
            if self._feed.poll(10):
                frame = self._feed.recv_multipart()[-1]
                self._published = max(self._published, int.from_bytes(frame[NUMBER], "big"))
            with contextlib.suppress(BlockingIOError):
                self._node.recv(1 << 20)

    def _acknowledge(self) -> None:
        number = 0
        while not self._ending.wait(ACKNOWLEDGE_EACH_S):
            number = min(number + 1, self._published)
            peers.say(self._node, wire.heartbeat(number, 1, 1, wire.digest(ID), (), self._feed_id))


def run(lab: Lab) -> Figures:
    figures: Figures = {}
    for name, has_others in (("alone", False), ("beside a web node", True)):
        figures[name] = one_run(lab, has_others)
    return figures


def one_run(lab: Lab, has_others: bool) -> Figures:
    """With and without another node that holds the id."""
    seconds = SHORT_SECONDS if lab.short else SECONDS
    scene = Scene(lab, seconds=seconds)
    with contextlib.ExitStack() as stack:
        if has_others:
            flood = Flood(lab.programs, scene.url, 1, first_id=int(ID))
            stack.callback(flood.stop)
        SlowNode(stack, scene)
        with scene.attack() as figures:
            sender = lab.programs.start(
                "zcomet-msggen",
                *("--broker", scene.broker.listen, "--processes", 1, "--count", 100_000_000),
                *("--interval", 0, "--first-id", int(ID), "--max", 1, "--json"),
            )
            per_s = []
            before = scene.counters()["messages_in"]
            for _ in range(seconds // STEP_S):
                time.sleep(STEP_S)
                after = scene.counters()["messages_in"]
                per_s.append(round((after - before) / STEP_S))
                before = after
            sender.ask_to_end()
            figures["sender"] = json.loads(sender.finish(30, None).splitlines()[-1]).get("per_s")
            figures["messages_in_per_s"] = per_s
    return figures
