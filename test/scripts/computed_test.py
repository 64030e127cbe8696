"""What other modules of zcomet_lab compute: comparisons, growths, points of a plot, and more."""

import contextlib
import io
import json
import pathlib
import tempfile
import unittest
from typing import Any

from zcomet_lab.bench.comeback import p99_ms, publish_missed
from zcomet_lab.bench.day import growth_percent
from zcomet_lab.bench.delivery import Delivery, rows_of
from zcomet_lab.bench.publish import Load as PublishLoad
from zcomet_lab.bench.publish import Publishing, rows_beside
from zcomet_lab.bench.rows import Row
from zcomet_lab.bench.servers import OTHER_FILES, workers_for
from zcomet_lab.comparison import Comparison, Viewer
from zcomet_lab.message_logs import Arrival, read_arrivals
from zcomet_lab.namespaces import common_network, free_address
from zcomet_lab.plot_memory import Point, commands_for, points_of, title_of
from zcomet_lab.publishing import Backend
from zcomet_lab.soak import STREAMS, Load, checks, growth
from zcomet_lab.streams import take_messages
from zcomet_lab.test_summary import summary


class Streams(unittest.TestCase):
    def test_messages_are_taken_when_they_are_whole(self) -> None:
        whole = b"Recvd msg #1: 'a &lt;b&gt;'<br/>\nRecvd msg #2: 'two\nlines'<br/>\n"
        messages = [(1, "a <b>"), (2, "two\nlines")]
        self.assertEqual(take_messages(whole), (messages, b""))
        rest = b"Recvd msg #3: 'un"
        self.assertEqual(take_messages(whole + rest), (messages, rest))

    def test_a_quote_in_a_message_does_not_end_it(self) -> None:
        self.assertEqual(take_messages(b"Recvd msg #1: 'it's'<br/>\n"), ([(1, "it's")], b""))


class Comparing(unittest.TestCase):
    def test_the_verdict_on_a_stream(self) -> None:
        viewer = Viewer("a", "1", 36)
        for numbers, verdict in (
            ([1, 2, 3], "all"),
            ([1, 3, 2], "out of order"),
            ([1, 1, 2], "out of order"),
            ([1, 2], "1 missing"),
            ([1, 2, 3, 4, 5], "2 too many"),
        ):
            viewer.numbers = numbers
            self.assertEqual(viewer.verdict(3), verdict)

    def table(self, *arrivals: tuple[int, int]) -> tuple[bool, list[str]]:
        """The verdict and the lines for streams of id 3 on two nodes and of id 1 on one."""
        comparison = Comparison([("b", "3"), ("a", "3"), ("a", "1")])
        with contextlib.redirect_stdout(io.StringIO()) as output:
            for index, number in arrivals:
                comparison.received(index, number, "text")
            output.seek(0)
            output.truncate()
            right = comparison.print_table({"3": 1, "1": 1, "5": 4})
        return right, output.getvalue().splitlines()

    def test_everything_arrived(self) -> None:
        right, lines = self.table((0, 1), (1, 1), (2, 1))
        self.assertTrue(right)
        self.assertEqual(
            lines,
            [
                "",
                "  id    sent   stream               received",
                "   1       1   a /test/1                   1   all",
                "   3       1   a /test/3                   1   all",
                "               b /test/3                   1   all",
                "",
                "6 messages sent, 3 received on 3 streams: everything arrived, once and in order.",
                "4 went to ids that no stream was logged in as.",
            ],
        )

    def test_something_is_missing(self) -> None:
        right, lines = self.table((0, 1), (2, 1))
        self.assertFalse(right)
        self.assertIn("   3       1   a /test/3                   0   1 missing", lines)
        self.assertIn("6 messages sent, 2 received on 3 streams: not everything arrived.", lines)


class Addresses(unittest.TestCase):
    def test_the_smallest_common_network(self) -> None:
        for addresses, network in (
            (["10.7.0.1", "10.7.0.254"], "10.7.0.0/24"),
            (["10.7.0.1", "10.7.3.1"], "10.7.0.0/22"),
            (["fd00::1", "fd00::ff"], "fd00::/120"),
        ):
            self.assertEqual(str(common_network(addresses)), network)

    def test_a_free_address(self) -> None:
        self.assertEqual(free_address(["10.7.0.1", "10.7.0.3"]), "10.7.0.2")


class Workers(unittest.TestCase):
    def test_one_worker_as_long_as_the_streams_fit(self) -> None:
        files = 32 * 1000 + OTHER_FILES
        self.assertEqual(workers_for(31_000, files), 1)
        self.assertGreater(workers_for(31_001, files), 1)

    def test_there_is_room_for_an_uneven_spread(self) -> None:
        self.assertEqual(workers_for(1_000_000, 20_000), 55)
        files = 32 * 1000 + OTHER_FILES
        # Two workers with 31,000 files would hold them only if they were spread evenly.
        self.assertEqual(workers_for(62_000, files), 3)


class Delivering(unittest.TestCase):
    def test_figures_are_medians_and_ratios_are_of_pairs(self) -> None:
        latency = {"p50": 0.2, "p99": 1.0, "p99_9": 2.0}
        runs = [Delivery(cpu, 100.0, latency) for cpu in (20, 30, 90)]
        rows = {row.what: row for row in rows_of(20_000, [10, 30, 30], runs)}
        self.assertEqual(rows["20,000/s: floor, CPU a million"].value, 30)
        self.assertEqual(rows["20,000/s: CPU a million"].value, 30)
        self.assertEqual(rows["20,000/s: ratio to the floor"].value, 2)
        self.assertTrue(rows["20,000/s: ratio to the floor"].holds)

    def test_each_rate_has_its_own_rows(self) -> None:
        runs = [Delivery(1, 60_000, {"p50": 0.2, "p99": 1.0, "p99_9": 2.0})]
        self.assertIn("1,000/s: latency p99.9", [row.what for row in rows_of(1_000, [1], runs)])
        self.assertIn("flat out: delivered", [row.what for row in rows_of(0, [1], runs)])


class Publishings(unittest.TestCase):
    OURS = [Publishing(cpu, per_s, 1) for cpu, per_s in ((10, 40), (20, 60), (90, 50))]
    ONE_WORKER = [Publishing(40, 40, 1)] * 3
    TWO_WORKERS = [Publishing(60, 50, 1)] * 3

    def ratio(self, load: PublishLoad, what: str) -> Row:
        rows = rows_beside(load, self.OURS, {1: self.ONE_WORKER, 2: self.TWO_WORKERS})
        return next(row for row in rows if row.what == f"{load.name}: {what}")

    def test_the_other_is_taken_at_its_best_in_each_respect(self) -> None:
        load = PublishLoad(0, 1, 3)
        self.assertEqual(self.ratio(load, "ratio of the CPU").value, 0.5)
        self.assertEqual(self.ratio(load, "ratio delivered").value, 1)
        self.assertFalse(self.ratio(load, "ratio delivered").holds)

    def test_the_cheaper_one_is_asked_for_from_ten_thousand_a_second_on(self) -> None:
        self.assertTrue(self.ratio(PublishLoad(10_000, 1, 3), "ratio of the CPU").holds)
        self.assertIsNone(self.ratio(PublishLoad(1_000, 1, 3), "ratio of the CPU").holds)


class BusyBackend(Backend):
    """Refuses every seventh message."""

    def __init__(self) -> None:
        self.sent: dict[str, int] = {}
        self._asked = 0

    def post(self, path: str, body: str, **headers: str) -> tuple[int, str]:
        nodes: dict[str, int | None] = {}
        for one in json.loads(body)["ids"]:
            self._asked += 1
            nodes[one] = None if self._asked % 7 == 0 else 0
            if nodes[one] is not None:
                self.sent[one] = self.sent.get(one, 0) + 1
        return 200, json.dumps({"line": 1, "nodes": nodes})


class Comebacks(unittest.TestCase):
    def test_each_stream_misses_ten_messages_though_some_are_refused(self) -> None:
        backend = BusyBackend()
        publish_missed(backend, 230)
        self.assertEqual(backend.sent, {f"crowd-{number}": 10 for number in range(1, 231)})

    def test_the_99th_percentile(self) -> None:
        arrivals = [Arrival(0, number * 1_000_000) for number in range(200, 0, -1)]
        self.assertEqual(p99_ms(arrivals), 198)
        self.assertEqual(p99_ms(arrivals[-1:]), 1)

    def test_arrivals_in_two_logs(self) -> None:
        sent = "sent\tg\t1\t7\t100\t0\t1\nsent\tg\t2\t7\t200\t0\tvoid\n"
        received = (
            "open\t0\t7\t50\ngot\t0\t7\t130\t1\tg\t1\n"
            "got\t0\t7\t140\t2\t-\t0\nclose\t0\t7\t300\n"
        )
        with tempfile.TemporaryDirectory() as folder:
            logs = pathlib.Path(folder, "sent"), pathlib.Path(folder, "received")
            for log, text in zip(logs, (sent, received)):
                log.write_text(text, encoding="utf-8")
            arrivals = read_arrivals(*logs)
        self.assertEqual(arrivals, [Arrival(100, 130)])
        self.assertEqual(arrivals[0].latency_ns, 30)


class Growths(unittest.TestCase):
    def test_a_day_leaves_out_the_first_samples(self) -> None:
        values = [1.0] * 5 + [100.0] * 45 + [110.0] * 50
        self.assertAlmostEqual(growth_percent(values), 10)

    def test_a_soak_is_measured_after_its_first_minute(self) -> None:
        samples = [(at, 50 if at < 160 else 100 if at < 400 else 102) for at in range(100, 500)]
        self.assertAlmostEqual(growth(samples, 100, 450) or 0, 0.02)

    def test_a_soak_that_is_too_short(self) -> None:
        samples = [(at, 100) for at in range(100, 180)]
        self.assertIsNone(growth(samples, 100, 178.5))
        self.assertEqual(growth(samples, 100, 179), 0)


class Soak(unittest.TestCase):
    LATENCY = {"p50": 1e5, "p90": 2e5, "p99": 4.99e6, "p99_9": 6e6, "max": 7e6}
    SENT = {"sent": 1000, "per_s": 999.6}
    RECEIVED = {
        "connected": STREAMS,
        "closed": 0,
        "failed": {"total": 0},
        "chunks": 1000,
        "latency_ns": LATENCY,
    }

    def failed(self, growths: dict[str, float | None] | None = None, **changes: Any) -> list[str]:
        """The first word of each check that does not hold."""
        load = Load(self.SENT, {**self.RECEIVED, **changes}, 0, 0)
        return [text.split()[0] for text, holds in checks(load, growths or {}) if not holds]

    def test_all_holds(self) -> None:
        self.assertEqual(self.failed({"broker": 0.02, "web node": None}), [])

    def test_each_check_can_fail(self) -> None:
        self.assertEqual(self.failed(closed=1), ["all"])
        self.assertEqual(self.failed(connected=STREAMS - 1), ["all"])
        self.assertEqual(self.failed(failed={"total": 1}), ["all"])
        self.assertEqual(self.failed(chunks=999), ["1000"])
        self.assertEqual(self.failed(latency_ns={**self.LATENCY, "p99": 5e6}), ["latency"])
        self.assertEqual(self.failed({"broker": 0.021}), ["memory"])


class Plot(unittest.TestCase):
    def test_points_of_a_log(self) -> None:
        lines = [
            "d\t100\t1000\t5\t900",
            "event=x",
            "d\tlater\t1\t2",
            "d\t160\t1100\t5\t",
            "d\t190\t7",
        ]
        self.assertEqual(
            points_of(lines),
            [Point(0, 1000, 900, 5), Point(1, 1100, None, 5), Point(1.5, 7, None, None)],
        )

    def test_a_long_log_is_thinned_out(self) -> None:
        lines = [f"d\t{at}\t{at}\t5\t" for at in range(501)]
        self.assertEqual(len(points_of(lines)), 51)
        self.assertEqual(len(points_of(lines[:500])), 500)
        self.assertEqual([point.rss_kb for point in points_of(lines, every=250)], [0, 250, 500])

    def test_the_title_says_what_was_run(self) -> None:
        self.assertEqual(
            title_of(points_of(["d\t1\t2\t900\t", "d\t2\t2\t12000\t", "d\t3\t2\t5"])),
            "Memory, with up to 12,000 connections",
        )
        self.assertEqual(title_of(points_of(["d\t1\t2"])), "Memory")

    def test_no_quote_in_a_title_ends_the_command(self) -> None:
        commands = commands_for([Point(0, 1, None, None)], "it's")
        self.assertIn("set title 'it''s' noenhanced", commands)
        self.assertIn("\n0 1 NaN\n", commands)


class Summary(unittest.TestCase):
    def of(self, *tests: tuple[str, str, str]) -> tuple[list[str], bool]:
        """The summary of tests with these names, results and outputs."""
        return summary(
            json.dumps({"name": name, "result": result, "stdout": output})
            for name, result, output in tests
        )

    def test_all_is_well(self) -> None:
        self.assertEqual(
            self.of(("a", "OK", ""), ("b", "EXPECTEDFAIL", "")),
            (["2 passed, 0 failed, 0 skipped"], True),
        )

    def test_a_skipped_test_says_why(self) -> None:
        lines, is_well = self.of(("a", "SKIP", "x\nskipped: no root\n"), ("b", "SKIP", ""))
        self.assertEqual(lines[0], "skipped  a: no root")
        self.assertEqual(lines[1], "skipped  b: it does not say why")
        self.assertTrue(is_well)

    def test_any_other_result_is_a_failure(self) -> None:
        for result in ("FAIL", "TIMEOUT", "ERROR", "UNEXPECTEDPASS"):
            lines, is_well = self.of(("a", "OK", ""), ("b", result, ""))
            self.assertEqual(lines, [f"failed   b ({result})", "1 passed, 1 failed, 0 skipped"])
            self.assertFalse(is_well)

    def test_nothing_ran(self) -> None:
        self.assertEqual(self.of(), (["0 passed, 0 failed, 0 skipped"], False))


if __name__ == "__main__":
    unittest.main()
