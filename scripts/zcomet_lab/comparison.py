"""Compares what was sent to each id with what each stream received, as a table in colours."""

import os
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence

COLOURS = (36, 33, 35, 32, 34, 31, 96, 93, 95, 92)
BOLD, DIM, RED, GREEN = 1, 2, 31, 32
# After everything has arrived: long enough for a surplus message to show.
LINGER_S = 0.2


def coloured(text: str, colour: int) -> str:
    """`text` in an ANSI colour, if the output is a terminal and NO_COLOR is not set."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"


def bold(text: str) -> str:
    return coloured(text, BOLD)


def dim(text: str) -> str:
    return coloured(text, DIM)


class Viewer:
    """One stream as the table shows it: its node, its id, and the numbers that it received."""

    def __init__(self, node: str, user_id: str, colour: int) -> None:
        self.node = node
        self.user_id = user_id
        self.colour = colour
        self.numbers: list[int] = []

    def verdict(self, wanted: int) -> str:
        """ "all" if exactly the numbers from 1 to `wanted` came, in order; else what is wrong."""
        received = len(self.numbers)
        if received < wanted:
            return f"{wanted - received} missing"
        if received > wanted:
            return f"{received - wanted} too many"
        return "all" if self.numbers == list(range(1, wanted + 1)) else "out of order"


class Comparison:
    """Collects what the streams receive, prints it as it arrives, and judges it at the end."""

    def __init__(self, placed: Iterable[tuple[str, str]]) -> None:
        """`placed` lists a (node, id) for each stream."""
        self.viewers = [
            Viewer(node, user_id, COLOURS[index % len(COLOURS)])
            for index, (node, user_id) in enumerate(placed)
        ]
        self._changed = threading.Condition()

    def received(self, index: int, number: int, text: str) -> None:
        """Notes and prints a message of the stream with this index. Any thread may call it."""
        viewer = self.viewers[index]
        with self._changed:
            viewer.numbers.append(number)
            label = f"{viewer.node:>7}  /test/{viewer.user_id}"
            line = coloured(f"{label}   Recvd msg #{number}: '{text}'", viewer.colour)
            print("  " + line, flush=True)
            self._changed.notify_all()

    def await_all(self, sent: Mapping[str, int], timeout_s: float) -> None:
        """Waits until each stream has as many messages as were sent to its id, or for the time.

        Then it waits a moment longer, in which a surplus message would show.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._all_arrived(sent), timeout_s)
        time.sleep(LINGER_S)

    def _all_arrived(self, sent: Mapping[str, int]) -> bool:
        return all(len(viewer.numbers) >= sent.get(viewer.user_id, 0) for viewer in self.viewers)

    def print_table(self, sent: Mapping[str, int]) -> bool:
        """Prints the table and the verdict. Returns whether every stream received everything."""
        with self._changed:
            viewers = sorted(self.viewers, key=lambda viewer: (viewer.user_id, viewer.node))
            print("\n" + bold("  id    sent   stream               received"))
            for line in table_lines(viewers, sent):
                print(line)
            right = all(viewer.verdict(sent.get(viewer.user_id, 0)) == "all" for viewer in viewers)
            self._print_verdict(sent, right)
            return right

    def _print_verdict(self, sent: Mapping[str, int], right: bool) -> None:
        received = sum(len(viewer.numbers) for viewer in self.viewers)
        text = (
            f"{sum(sent.values())} messages sent, "
            f"{received} received on {len(self.viewers)} streams: "
        )
        if right:
            print("\n" + coloured(text + "everything arrived, once and in order.", GREEN))
        else:
            print("\n" + coloured(text + "not everything arrived.", RED))
        watched = {viewer.user_id for viewer in self.viewers}
        unseen = sum(count for user_id, count in sent.items() if user_id not in watched)
        if unseen:
            print(dim(f"{unseen} went to ids that no stream was logged in as."))


def table_lines(viewers: Sequence[Viewer], sent: Mapping[str, int]) -> Iterable[str]:
    """A line for each of the streams; the first of an id has the id and its count in front."""
    previous = None
    for viewer in viewers:
        wanted = sent.get(viewer.user_id, 0)
        first = viewer.user_id != previous
        previous = viewer.user_id
        left = f"{viewer.user_id:>4}   {wanted:>5}" if first else " " * 12
        stream = coloured(f"{viewer.node + ' /test/' + viewer.user_id:<18}", viewer.colour)
        verdict = viewer.verdict(wanted)
        mark = coloured(verdict, GREEN if verdict == "all" else RED)
        yield f"{left}   {stream}   {len(viewer.numbers):>8}   {mark}"


def read_sent(path: str | os.PathLike[str]) -> dict[str, int]:
    """How many messages were sent to each id, as `zcomet-msggen --sent FILE` has written it."""
    with open(path, encoding="ascii") as lines:
        return {user_id: int(count) for user_id, count in (line.split("\t") for line in lines)}
