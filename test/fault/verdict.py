"""The verdict of the logs: when messages flowed again, and losses that no fault declares."""

import collections
import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from faults import Fault

SECOND_NS = 1_000_000_000
LATE_NS = SECOND_NS // 4
"""A message that takes longer, or a web node without any for longer, shows the effect of a fault.

At 200 messages a second the streams of each node get 400 a second together.
"""
UNDER_WAY_NS = SECOND_NS
"""A message sent so long before a node was cut off may still be under way, and lost with it."""


@dataclasses.dataclass
class Happening:
    """One fault that happened. Times are in nanoseconds since 1970."""

    fault: Fault
    node: str
    """The web node that it happened to, if it happens to one."""
    began_ns: int
    whole_ns: int = 0
    """When the cluster was seen to be whole again."""

    def may_miss(self, node: str, sent_ns: int) -> bool:
        """Whether a stream of this node may miss a message that was sent then."""
        return (
            self.fault.misses
            and node == self.node
            and self.began_ns - UNDER_WAY_NS <= sent_ns <= self.whole_ns
        )

    def may_close(self, node: str, closed_ns: int) -> bool:
        """Whether a stream of this node may be closed then."""
        return (
            self.fault.closes and node == self.node and self.began_ns <= closed_ns <= self.whole_ns
        )


Finding = Mapping[str, object]
"""Something that `zcomet-ctl reconcile` found wrong: a kind, the log, the sender, its number."""


@dataclasses.dataclass(frozen=True)
class Arrival:
    """A message that came to a stream."""

    at_ns: int
    took_ns: int


class Logs:
    """The logs of the sender and of the streams."""

    def __init__(self, sent_log: str, node_of_log: Mapping[str, str]) -> None:
        """Reads msggen's log and floodtest's; `node_of_log` says to which node its streams went."""
        self._node_of_log = dict(node_of_log)
        self._sent: dict[tuple[str, int], int] = {}
        """Times, by sender and number."""
        self._arrivals: dict[str, list[Arrival]] = collections.defaultdict(list)
        self._closes: list[tuple[str, int]] = []
        self._first_arrivals: list[tuple[int, int]] = []
        """For each log: when its streams opened, and when the first message came."""
        self._read_sent(sent_log)
        for log, node in self._node_of_log.items():
            self._arrivals[node] += self._read_received(log, node)
        for arrivals in self._arrivals.values():
            arrivals.sort(key=lambda arrival: arrival.at_ns)

    def _read_sent(self, log: str) -> None:
        with open(log, encoding="utf-8") as lines:
            for line in lines:
                _, sender, number, _, time_ns, _, _ = line.rstrip("\n").split("\t")
                self._sent[sender, int(number)] = int(time_ns)

    def _read_received(self, log: str, node: str) -> list[Arrival]:
        opened = first = 0
        arrivals = []
        with open(log, encoding="utf-8") as lines:
            for line in lines:
                what, _, _, time, *message = line.rstrip("\n").split("\t")
                time_ns = int(time)
                if what == "open":
                    opened = opened or time_ns
                elif what == "close":
                    self._closes.append((node, time_ns))
                elif what == "gap":
                    continue  # a stream was told that it missed messages; reconcile says which
                elif (sent_ns := self._sent.get((message[1], int(message[2])))) is not None:
                    first = first or time_ns
                    arrivals.append(Arrival(time_ns, time_ns - sent_ns))
        if first:
            self._first_arrivals.append((opened, first))
        return arrivals

    def flowed_again_s(
        self, happening: Happening, until_ns: int, missing: Sequence[Finding]
    ) -> float:
        """Seconds from the beginning of a fault until all messages came at once everywhere.

        `until_ns` is when the next fault began, or the run ended. `missing` are all messages that
        streams missed.
        """
        began_ns = happening.began_ns
        effects = [began_ns]
        for arrivals in self._arrivals.values():
            within = [each for each in arrivals if began_ns <= each.at_ns <= until_ns]
            effects += [each.at_ns for each in within if each.took_ns > LATE_NS]
            times_ns = [began_ns, *(each.at_ns for each in within)]
            pairs = zip(times_ns, times_ns[1:])
            effects += [after for before, after in pairs if after - before > LATE_NS]
        effects += [
            first for opened, first in self._first_arrivals if began_ns <= opened <= until_ns
        ]
        effects += [sent for _, sent in self.times_of(missing) if began_ns <= sent <= until_ns]
        return round((max(effects) - began_ns) / SECOND_NS, 2)

    def times_of(self, findings: Iterable[Finding]) -> list[tuple[str, int]]:
        """The web node of each finding, and when its message was sent."""
        return [
            (
                self._node_of_log[str(finding["log"])],
                self._sent[str(finding["sender"]), int(str(finding["number"]))],
            )
            for finding in findings
        ]

    def closed_beyond(self, happenings: Sequence[Happening], ended_ns: int) -> int:
        """How many streams were closed before the end without a fault that may close them."""
        return sum(
            closed_ns < ended_ns and not any(each.may_close(node, closed_ns) for each in happenings)
            for node, closed_ns in self._closes
        )


def missed_beyond(
    logs: Logs, missing: Sequence[Finding], happenings: Sequence[Happening]
) -> list[Finding]:
    """The missing messages that no fault may have lost."""
    return [
        finding
        for finding, (node, sent_ns) in zip(missing, logs.times_of(missing))
        if not any(each.may_miss(node, sent_ns) for each in happenings)
    ]
