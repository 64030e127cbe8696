"""The verdict on a run: for each permitted damage, a case within it and one beyond it."""

import pathlib
import tempfile
import unittest
from collections.abc import Sequence

from cluster import Cluster
from faults import Fault, lacks_nothing
from verdict import LATE_NS, SECOND_NS, UNDER_WAY_NS, Finding, Happening, Logs, missed_beyond

BEGAN_NS, WHOLE_NS = 100 * SECOND_NS, 110 * SECOND_NS
UNTIL_NS = 200 * SECOND_NS
NODE, OTHER_NODE = "web1", "web2"
SENDER = "msggen/1"
# Often enough that no web node is without a message for long.
STEP_NS = LATE_NS // 2


def do_nothing(_cluster: Cluster, _node: str) -> None:
    pass


def happening(*, misses: bool = False, closes: bool = False, node: str = NODE) -> Happening:
    """A fault from BEGAN_NS to WHOLE_NS that may do this damage."""
    fault = Fault("a-fault", do_nothing, misses, closes, lacks_nothing, True)
    return Happening(fault, node, BEGAN_NS, WHOLE_NS)


class MayMiss(unittest.TestCase):
    def test_a_fault_that_declares_it_may_cost_messages_of_its_time(self) -> None:
        self.assertTrue(happening(misses=True).may_miss(NODE, BEGAN_NS + 1))

    def test_a_fault_that_does_not_declare_it_may_not(self) -> None:
        self.assertFalse(happening(closes=True).may_miss(NODE, BEGAN_NS + 1))

    def test_only_the_node_it_happened_to_may_miss_messages(self) -> None:
        self.assertFalse(happening(misses=True).may_miss(OTHER_NODE, BEGAN_NS + 1))

    def test_messages_that_were_under_way_when_it_began_are_forgiven(self) -> None:
        self.assertTrue(happening(misses=True).may_miss(NODE, BEGAN_NS - UNDER_WAY_NS))
        self.assertFalse(happening(misses=True).may_miss(NODE, BEGAN_NS - UNDER_WAY_NS - 1))

    def test_messages_sent_after_the_cluster_was_whole_are_not_forgiven(self) -> None:
        self.assertTrue(happening(misses=True).may_miss(NODE, WHOLE_NS))
        self.assertFalse(happening(misses=True).may_miss(NODE, WHOLE_NS + 1))


class MayClose(unittest.TestCase):
    def test_a_fault_that_declares_it_may_close_streams(self) -> None:
        self.assertTrue(happening(closes=True).may_close(NODE, BEGAN_NS + 1))

    def test_a_fault_that_does_not_declare_it_may_not(self) -> None:
        self.assertFalse(happening(misses=True).may_close(NODE, BEGAN_NS + 1))

    def test_only_streams_of_the_node_it_happened_to_may_be_closed(self) -> None:
        self.assertFalse(happening(closes=True).may_close(OTHER_NODE, BEGAN_NS + 1))

    def test_a_stream_closed_before_the_fault_is_not_forgiven(self) -> None:
        self.assertTrue(happening(closes=True).may_close(NODE, BEGAN_NS))
        self.assertFalse(happening(closes=True).may_close(NODE, BEGAN_NS - 1))

    def test_a_stream_closed_after_the_cluster_was_whole_is_not_forgiven(self) -> None:
        self.assertTrue(happening(closes=True).may_close(NODE, WHOLE_NS))
        self.assertFalse(happening(closes=True).may_close(NODE, WHOLE_NS + 1))


class Written:
    """Logs that are written line by line and then read."""

    # A second log of the first node, whose streams were opened anew.
    FURTHER = "further"
    NODE_OF_LOG = {NODE: NODE, OTHER_NODE: OTHER_NODE, FURTHER: NODE}

    def __init__(self) -> None:
        self._sent: list[str] = []
        self._received: dict[str, list[str]] = {log: [] for log in self.NODE_OF_LOG}
        self._paths: dict[str, str] = {}

    def send(self, number: int, sent_ns: int) -> None:
        """A line of msggen's log."""
        fields = ("sent", SENDER, number, "id", sent_ns, 100, 1)
        self._sent.append("\t".join(map(str, fields)))

    def event(self, log: str, what: str, at_ns: int) -> None:
        """A line of floodtest's log: a stream that opens or is closed."""
        self._received[log].append(f"{what}\t1\tid\t{at_ns}")

    def receive(self, log: str, number: int, at_ns: int) -> None:
        """A line of floodtest's log: a message that comes."""
        self._received[log].append(f"message\t1\tid\t{at_ns}\t1\t{SENDER}\t{number}")

    def steady(self, log: str, *, without: range = range(0)) -> None:
        """A message in each step from BEGAN_NS to UNTIL_NS, except at these times."""
        for number, at_ns in enumerate(range(BEGAN_NS, UNTIL_NS, STEP_NS), 1000):
            if at_ns not in without:
                self.receive(log, number, at_ns)

    def read(self) -> Logs:
        for number, at_ns in enumerate(range(BEGAN_NS, UNTIL_NS, STEP_NS), 1000):
            self.send(number, at_ns)
        with tempfile.TemporaryDirectory() as folder:
            sent = self._write(folder, "sent", self._sent)
            self._paths = {
                log: self._write(folder, log, lines) for log, lines in self._received.items()
            }
            return Logs(sent, {path: self.NODE_OF_LOG[log] for log, path in self._paths.items()})

    @staticmethod
    def _write(folder: str, name: str, lines: Sequence[str]) -> str:
        path = pathlib.Path(folder) / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return str(path)

    def missing(self, log: str, number: int) -> Finding:
        """Reconcile's finding for a message that a stream of this log missed; after read()."""
        path = self._paths[log]
        return {"kind": "missing", "log": path, "sender": SENDER, "number": number}


class ClosedBeyond(unittest.TestCase):
    def closed(self, closed_ns: int, *happenings: Happening, node: str = NODE) -> int:
        written = Written()
        written.event(node, "open", BEGAN_NS - SECOND_NS)
        written.event(node, "close", closed_ns)
        return written.read().closed_beyond(happenings, UNTIL_NS)

    def test_a_stream_that_no_fault_may_close_counts(self) -> None:
        self.assertEqual(self.closed(BEGAN_NS + 1), 1)
        self.assertEqual(self.closed(BEGAN_NS + 1, happening(misses=True)), 1)

    def test_one_of_several_faults_is_enough_to_forgive_it(self) -> None:
        faults = (happening(misses=True), happening(closes=True))
        self.assertEqual(self.closed(BEGAN_NS + 1, *faults), 0)
        self.assertEqual(self.closed(BEGAN_NS + 1, *faults, node=OTHER_NODE), 1)

    def test_the_end_of_the_run_closes_streams(self) -> None:
        self.assertEqual(self.closed(UNTIL_NS), 0)
        self.assertEqual(self.closed(UNTIL_NS - 1), 1)


class MissedBeyond(unittest.TestCase):
    def test_only_messages_that_no_fault_may_cost_are_left(self) -> None:
        written = Written()
        written.send(1, BEGAN_NS - UNDER_WAY_NS - 1)
        written.send(2, BEGAN_NS + 1)
        logs = written.read()
        early = written.missing(NODE, 1)
        forgiven = written.missing(NODE, 2)
        elsewhere = written.missing(OTHER_NODE, 2)
        lost = missed_beyond(
            logs, [early, forgiven, elsewhere], [happening(closes=True), happening(misses=True)]
        )
        self.assertEqual(lost, [early, elsewhere])
        self.assertEqual(missed_beyond(logs, [forgiven], []), [forgiven])


class FlowedAgain(unittest.TestCase):
    """When messages flowed again: the time of the last effect of a fault."""

    def setUp(self) -> None:
        self.written = Written()
        self.written.steady(OTHER_NODE)

    def seconds(self, missing: Sequence[tuple[str, int]] = ()) -> float:
        logs = self.written.read()
        findings = [self.written.missing(node, number) for node, number in missing]
        return logs.flowed_again_s(happening(), UNTIL_NS, findings)

    def test_a_fault_without_an_effect(self) -> None:
        self.written.steady(NODE)
        self.assertEqual(self.seconds(), 0)

    def test_the_last_message_that_came_late(self) -> None:
        self.written.steady(NODE)
        for number, took_ns in ((1, LATE_NS + 1), (2, LATE_NS)):
            arrives_ns = BEGAN_NS + number * 2 * SECOND_NS
            self.written.send(number, arrives_ns - took_ns)
            self.written.receive(NODE, number, arrives_ns)
        self.assertEqual(self.seconds(), 2)

    def test_a_message_that_was_late_before_the_fault_or_after_the_next_one(self) -> None:
        self.written.steady(NODE)
        for number, arrives_ns in ((1, BEGAN_NS - 1), (2, UNTIL_NS + 1)):
            self.written.send(number, arrives_ns - 2 * LATE_NS)
            self.written.receive(NODE, number, arrives_ns)
        self.assertEqual(self.seconds(), 0)

    def test_a_node_without_messages_for_a_while(self) -> None:
        silent = range(BEGAN_NS + SECOND_NS, BEGAN_NS + 4 * SECOND_NS)
        self.written.steady(NODE, without=silent)
        self.assertEqual(self.seconds(), 4)

    def test_a_node_without_messages_from_the_beginning(self) -> None:
        self.written.steady(NODE, without=range(BEGAN_NS, BEGAN_NS + 3 * SECOND_NS))
        self.assertEqual(self.seconds(), 3)

    def test_a_pause_that_is_just_short_enough(self) -> None:
        # One step is left out, so two steps pass: LATE_NS, and no more.
        at_ns = BEGAN_NS + 20 * STEP_NS
        self.written.steady(NODE, without=range(at_ns, at_ns + 1))
        self.assertEqual(self.seconds(), 0)

    def test_a_node_that_was_silent_before_the_fault(self) -> None:
        self.written.steady(NODE, without=range(BEGAN_NS, BEGAN_NS + 1))
        self.written.send(1, BEGAN_NS - 3 * LATE_NS)
        self.written.receive(NODE, 1, BEGAN_NS - 3 * LATE_NS)
        self.assertEqual(self.seconds(), 0)

    def test_the_first_message_to_streams_that_were_opened_anew(self) -> None:
        self.written.steady(NODE)
        self.written.event(Written.FURTHER, "open", BEGAN_NS)
        self.written.steady(Written.FURTHER, without=range(BEGAN_NS, BEGAN_NS + 5 * SECOND_NS))
        self.assertEqual(self.seconds(), 5)

    def test_streams_some_of_which_were_open_before(self) -> None:
        self.written.steady(NODE)
        self.written.event(Written.FURTHER, "open", BEGAN_NS - 1)
        self.written.event(Written.FURTHER, "open", BEGAN_NS + 1)
        self.written.steady(Written.FURTHER, without=range(BEGAN_NS, BEGAN_NS + 5 * SECOND_NS))
        self.assertEqual(self.seconds(), 0)

    def test_streams_that_were_opened_after_the_next_fault(self) -> None:
        self.written.steady(NODE)
        self.written.event(Written.FURTHER, "open", UNTIL_NS + 1)
        self.written.send(1, UNTIL_NS + 2)
        self.written.receive(Written.FURTHER, 1, UNTIL_NS + 2)
        self.assertEqual(self.seconds(), 0)

    def test_the_last_missing_message(self) -> None:
        self.written.steady(NODE)
        self.written.send(1, BEGAN_NS + 6 * SECOND_NS)
        self.written.send(2, BEGAN_NS - 1)
        self.written.send(3, UNTIL_NS + 1)
        self.assertEqual(self.seconds([(NODE, 2), (NODE, 3)]), 0)
        self.assertEqual(self.seconds([(NODE, 1), (NODE, 2), (NODE, 3)]), 6)


class Reading(unittest.TestCase):
    def test_messages_of_another_sender_are_passed_over(self) -> None:
        written = Written()
        written.steady(NODE)
        written.steady(OTHER_NODE)
        written.receive(NODE, 999_999, BEGAN_NS + SECOND_NS)  # never sent
        logs = written.read()
        self.assertEqual(logs.flowed_again_s(happening(), UNTIL_NS, []), 0)


if __name__ == "__main__":
    unittest.main()
