"""What was sent to each id, beside what each stream received, as a table in colours."""

import os
import sys
import threading
import time

COLOURS = (36, 33, 35, 32, 34, 31, 96, 93, 95, 92)


def coloured(text, colour):
    """`text` in an ANSI colour, where that is welcome: on a terminal, unless NO_COLOR is set."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"


def bold(text):
    return coloured(text, 1)


def dim(text):
    return coloured(text, 2)


class Viewer:
    """One stream as the table sees it: where it is, what it is logged in as, what it received."""

    def __init__(self, node, user_id, colour):
        self.node = node
        self.user_id = user_id
        self.colour = colour
        self.numbers = []

    def in_sequence(self):
        return self.numbers == list(range(1, len(self.numbers) + 1))


class Comparison:
    """Collects what the streams receive, prints it as it arrives, and judges it in the end."""

    def __init__(self, placed):
        """`placed` lists a (node, id) for each stream."""
        self.viewers = [
            Viewer(node, user_id, COLOURS[index % len(COLOURS)])
            for index, (node, user_id) in enumerate(placed)
        ]
        self._changed = threading.Condition()

    def received(self, index, number, text):
        viewer = self.viewers[index]
        with self._changed:
            viewer.numbers.append(number)
            label = f"{viewer.node:>7}  /test/{viewer.user_id}"
            print(
                "  " + coloured(f"{label}   Recvd msg #{number}: '{text}'", viewer.colour),
                flush=True,
            )
            self._changed.notify_all()

    def await_all(self, sent, timeout_s):
        """Waits until each stream has as many messages as were sent to its id, then a moment more,
        in which a message too many would show."""
        with self._changed:
            self._changed.wait_for(lambda: self._all_arrived(sent), timeout_s)
        time.sleep(0.2)

    def _all_arrived(self, sent):
        return all(len(viewer.numbers) >= sent.get(viewer.user_id, 0) for viewer in self.viewers)

    def print_table(self, sent):
        """Prints the table and the verdict. Returns whether every stream received everything."""
        with self._changed:
            return self._print_table(sent)

    def _print_table(self, sent):
        print("\n" + bold("  id    sent   stream               received"))
        right, previous = True, None
        for viewer in sorted(self.viewers, key=lambda each: (each.user_id, each.node)):
            wanted = sent.get(viewer.user_id, 0)
            verdict = judge(viewer, wanted)
            right = right and verdict == "all"
            first = viewer.user_id != previous
            previous = viewer.user_id
            left = f"{viewer.user_id:>4}   {wanted:>5}" if first else " " * 12
            stream = coloured(f"{viewer.node + ' /test/' + viewer.user_id:<18}", viewer.colour)
            mark = coloured(verdict, 32 if verdict == "all" else 31)
            print(f"{left}   {stream}   {len(viewer.numbers):>8}   {mark}")
        unseen = sum(
            count
            for user_id, count in sent.items()
            if user_id not in {viewer.user_id for viewer in self.viewers}
        )
        self._print_verdict(sum(sent.values()), unseen, right)
        return right

    def _print_verdict(self, sent_total, unseen, right):
        received = sum(len(viewer.numbers) for viewer in self.viewers)
        text = f"{sent_total} messages sent, {received} received on {len(self.viewers)} streams: "
        if right:
            print("\n" + coloured(text + "everything arrived, once and in order.", 32))
        else:
            print("\n" + coloured(text + "not everything arrived.", 31))
        if unseen:
            print(dim(f"{unseen} went to ids that no stream was logged in as."))


def judge(viewer, wanted):
    received = len(viewer.numbers)
    if received < wanted:
        return f"{wanted - received} missing"
    if received > wanted:
        return f"{received - wanted} too many"
    return "all" if viewer.in_sequence() else "out of order"


def read_sent(path):
    """What `zcomet-msggen --sent FILE` wrote: a dict of id to count."""
    with open(path, encoding="ascii") as lines:
        return {user_id: int(count) for user_id, count in (line.split("\t") for line in lines)}
