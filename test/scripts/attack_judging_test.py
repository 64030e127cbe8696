"""The verdict on attacks, from made-up records, and their section of docs/RELIABILITY.md."""

import copy
import importlib
import pathlib
import unittest
from typing import Any

from zcomet_lab.attacks import runs
from zcomet_lab.attacks.judging import failures_of
from zcomet_lab.attacks.laggard import rates
from zcomet_lab.attacks.runs import ATTACKS, described
from zcomet_lab.attacks.scene import Attack, events, growth
from zcomet_lab.reliability.report import attack

MIB = 2**20
ATTACK = Attack("somebody floods", "it fell over", broker_counts=("refused",))


def memory(before: int, peak: int, after: int) -> dict[str, int]:
    return {"before": before * MIB, "peak": peak * MIB, "after": after * MIB}


def record() -> dict[str, Any]:
    """One with which nothing is wrong."""
    return {
        **described("flood", ATTACK),
        "honest": {
            "sent": 2000,
            "arrived": 2000,
            "closed": 0,
            "latency_ms": {"p50": 0.4, "p99": 99.9, "max": 300.0},
        },
        "memory": {
            "broker": memory(15, 79, 16),
            "worker": memory(13, 13, 13),
            "kernel": {"before": MIB, "peak": 3 * MIB},
        },
        "bounds": {"broker": 64 * MIB, "worker": 64 * MIB},
        "counted": {"broker": {"refused": 1000}, "node": {}},
        "events": {"broker": {"shed": 2}, "node": {"shed": 1}},
        "figures": {"frames a second": 7},
        "failures": [],
    }


def judged(short: bool = False, **changes: dict[str, Any]) -> list[str]:
    """The verdict if some members of members of the record are others."""
    changed = copy.deepcopy(record())
    for name, members in changes.items():
        changed[name].update(members)
    return failures_of(changed, ATTACK, short=short)


class Verdicts(unittest.TestCase):
    def test_all_is_well(self) -> None:
        self.assertEqual(judged(), [])

    def test_losses_count_in_short_runs_too(self) -> None:
        for short in (False, True):
            self.assertEqual(
                judged(short, honest={"arrived": 1999, "closed": 1}),
                [
                    "1,999 of the bystander's 2,000 messages arrived",
                    "the bystander's stream was closed",
                ],
            )

    def test_a_message_that_arrives_twice_is_wrong(self) -> None:
        self.assertEqual(len(judged(honest={"arrived": 2001})), 1)

    def test_delays_do_not_count_in_short_runs(self) -> None:
        slow = {"latency_ms": {"p50": 1, "p99": 100.0, "max": 100}}
        self.assertEqual(judged(honest=slow), ["the bystander's p99 is 100 ms"])
        self.assertEqual(judged(True, honest=slow), [])

    def test_growth_past_a_bound(self) -> None:
        as_far_as_it_may = 64 * 9 // 8 + 32  # the last is freed memory that it keeps
        self.assertEqual(judged(True, memory={"worker": memory(13, 13 + as_far_as_it_may, 13)}), [])
        grown = {"worker": memory(13, 13 + as_far_as_it_may + 1, 13)}
        self.assertEqual(
            judged(True, memory=grown), ["worker: grew by 105.0 MiB, and its bound is 64.0 MiB"]
        )

    def test_what_is_left_a_minute_later(self) -> None:
        self.assertEqual(
            judged(memory={"broker": memory(10, 20, 12)}),
            ["broker: 10.0 MiB before, 12.0 MiB a minute after the attack"],
        )
        self.assertEqual(judged(True, memory={"broker": memory(10, 20, 12)}), [])

    def test_a_process_that_has_died(self) -> None:
        self.assertEqual(len(judged(memory={"broker": memory(10, 10, 0)})), 1)

    def test_a_counter_that_stands_still(self) -> None:
        self.assertEqual(
            judged(counted={"broker": {}}), ["broker: refused does not tell of the attack"]
        )


class Readings(unittest.TestCase):
    def test_growth_leaves_out_times_and_what_stands_still(self) -> None:
        before = {"broker": {"a": 1, "b": 2, "up_ms": 3}}
        after = {"broker": {"a": 1, "b": 5, "c": 4, "up_ms": 9}}
        self.assertEqual(growth(before, after), {"broker": {"b": 3, "c": 4}})

    def test_events_of_a_log(self) -> None:
        self.assertEqual(events("x event=a b=1\nevent=a\nno\ny event=b"), {"a": 2, "b": 1})

    def test_rates_of_the_laggard(self) -> None:
        self.assertEqual(rates([(1, 100), (3, 300), (6, 400), (8, 2400)]), (100, 1000))


class Modules(unittest.TestCase):
    def test_each_module_with_an_attack_has_a_row(self) -> None:
        package = pathlib.Path(runs.__file__).parent
        modules = {path.stem for path in package.glob("*.py") if path.stem.strip("_") == path.stem}
        attacking = {
            name
            for name in modules
            if hasattr(importlib.import_module(f"zcomet_lab.attacks.{name}"), "ATTACK")
        }
        self.assertEqual(attacking, set(ATTACKS))


class Section(unittest.TestCase):
    def test_a_row(self) -> None:
        text = attack({"attacks": [record()]})
        self.assertIn("1 of 1 passed", text)
        self.assertIn(
            "| somebody floods | passed | it fell over | 2,000 of 2,000 | 0.4 / 99.9 / 300 "
            "| 15 / 79 / 16 | 13 / 13 / 13 | 2 | broker 64, worker 64 "
            "| refused 1,000; frames a second: 7; `event=shed` 3 |",
            text,
        )
        self.assertNotIn("Known weaknesses", text)

    def test_failures_and_known_weaknesses(self) -> None:
        failed = {**record(), "failures": ["one thing", "another"]}
        text = attack({"attacks": [failed, {**failed, "known": "libzmq does it"}]})
        self.assertIn("0 of 2 passed", text)
        self.assertIn("| **FAILED** |", text)
        self.assertIn("| **known weakness** |", text)
        self.assertIn("* *somebody floods*: libzmq does it. one thing. another.", text)

    def test_an_attack_without_figures(self) -> None:
        unfinished = {**described("flood", ATTACK), "failures": ["it died"], "unfinished": True}
        self.assertIn(
            "| somebody floods | **FAILED** | it fell over | – |", attack({"attacks": [unfinished]})
        )


if __name__ == "__main__":
    unittest.main()
