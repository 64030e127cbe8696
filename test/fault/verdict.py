"""What the logs say of a run: when messages flowed again, and whether anything was lost that may not be."""

import collections
import dataclasses

from cluster import WEB_NODES

SECOND_NS = 1_000_000_000
# An arrival later than this, or a web node without any for so long, is the fault's effect: at 200
# messages a second each node's streams together get 400 a second.
LATE_NS = SECOND_NS // 4
# A message sent so long before a node was cut off may still have been unacknowledged, and lost with it.
UNDER_WAY_NS = SECOND_NS


@dataclasses.dataclass
class Happening:
    """One fault that happened."""

    fault: object
    node: str
    began_ns: int
    whole_ns: int = 0  # when the cluster was seen to be whole again

    def may_miss(self, node, sent_ns):
        return (
            self.fault.misses
            and node == self.node
            and self.began_ns - UNDER_WAY_NS <= sent_ns <= self.whole_ns
        )

    def may_close(self, node, closed_ns):
        return (
            self.fault.closes and node == self.node and self.began_ns <= closed_ns <= self.whole_ns
        )


class Logs:
    def __init__(self, sent_log, floods):
        self._node_of_log = {flood.log: flood.node for flood in floods}
        self._sent = {}  # times, by sender and number
        self.fates = collections.Counter()
        self._arrivals = {node: [] for node in WEB_NODES}  # times of arrival, and how long it took
        self._closes = []
        self._first_arrivals = (
            []
        )  # of each log: when its streams opened, and when the first message came
        self._read_sent(sent_log)
        for log, node in self._node_of_log.items():
            self._read_received(log, node)
        for arrivals in self._arrivals.values():
            arrivals.sort()

    def _read_sent(self, log):
        with open(log, encoding="utf-8") as lines:
            for line in lines:
                _, sender, number, _, time_ns, _, fate = line.rstrip("\n").split("\t")
                self._sent[sender, int(number)] = int(time_ns)
                self.fates[fate if fate in ("void", "unconfirmed") else "held"] += 1

    def _read_received(self, log, node):
        opened = first = None
        with open(log, encoding="utf-8") as lines:
            for line in lines:
                what, _, _, time_ns, *message = line.rstrip("\n").split("\t")
                time_ns = int(time_ns)
                if what == "open":
                    opened = opened or time_ns
                elif what == "close":
                    self._closes.append((node, time_ns))
                elif (sent_ns := self._sent.get((message[1], int(message[2])))) is not None:
                    first = first or time_ns
                    self._arrivals[node].append((time_ns, time_ns - sent_ns))
        self._first_arrivals.append((opened, first))

    def flowed_again_s(self, happening, until_ns, missing):
        """Seconds from the beginning of a fault until all messages came at once everywhere."""
        began_ns = happening.began_ns
        effects = [began_ns]
        for arrivals in self._arrivals.values():
            within = [(began_ns, 0)] + [
                arrival for arrival in arrivals if began_ns <= arrival[0] <= until_ns
            ]
            effects += [at for at, took in within if took > LATE_NS]
            effects += [
                at for (before, _), (at, _) in zip(within, within[1:]) if at - before > LATE_NS
            ]
        effects += [
            first
            for opened, first in self._first_arrivals
            if first and began_ns <= opened <= until_ns
        ]
        effects += [
            sent_ns for _, sent_ns in self.times_of(missing) if began_ns <= sent_ns <= until_ns
        ]
        return round((max(effects) - began_ns) / SECOND_NS, 2)

    def times_of(self, findings):
        """The web node of each finding, and when its message was sent."""
        return [
            (self._node_of_log[finding["log"]], self._sent[finding["sender"], finding["number"]])
            for finding in findings
        ]

    def closed_beyond(self, happenings, ended_ns):
        """How many streams were closed that should have stayed open."""
        return sum(
            closed_ns < ended_ns and not any(each.may_close(node, closed_ns) for each in happenings)
            for node, closed_ns in self._closes
        )


def missed_beyond(logs, missing, happenings):
    """Those messages that no fault may have cost."""
    return [
        finding
        for finding, (node, sent_ns) in zip(missing, logs.times_of(missing))
        if not any(each.may_miss(node, sent_ns) for each in happenings)
    ]
