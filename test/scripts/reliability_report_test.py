"""docs/RELIABILITY.md: its text from made-up results, and from those in docs/reliability."""

import contextlib
import io
import pathlib
import tempfile
import unittest
from typing import Any

from zcomet_lab.programs import ProgramError
from zcomet_lab.reliability.__main__ import SUITE, result_of
from zcomet_lab.reliability.report import (
    LEDGER,
    TOTALS,
    fifty,
    how_caught,
    ledger_cells,
    mutants,
    not_promised,
    note_of,
    overview,
    resuming,
    resync_row,
    section,
    simulation,
    verdict,
    write_page,
)
from zcomet_lab.results import Result, load_results
from zcomet_lab.suite import Outcome

ORIGIN = {"title": "a title", "date": "2026-01-02", "seconds": 1234, "machine": "a machine"}


def part(**content: Any) -> Result:
    return {**ORIGIN, "failures": [], **content}


def ledger(**changes: int) -> dict[str, dict[str, int]]:
    """A ledger of ones that balances, except for the given remainders."""
    return {
        name: dict.fromkeys([field for side in sides for field in side], 1)
        | {"remainder": changes.get(name, 0)}
        for name, sides in LEDGER.items()
    }


class Verdicts(unittest.TestCase):
    def test_of_a_part(self) -> None:
        self.assertEqual(verdict(part()), "passed")
        self.assertEqual(verdict(part(skipped=None)), "passed")
        self.assertEqual(verdict(part(skipped="no root")), "skipped")
        self.assertEqual(verdict(part(skipped="no root", failures=["it failed"])), "FAILED")

    def test_of_a_run(self) -> None:
        self.assertEqual(note_of({"skipped": None, "failures": []}), "ok")
        self.assertEqual(note_of({"skipped": None, "failures": ["x"]}), "**FAILED**")
        self.assertEqual(note_of({"skipped": "no nft", "failures": []}), "skipped: no nft")

    def test_of_a_mutant(self) -> None:
        self.assertEqual(how_caught({"crashed": True, "caught": True}), "crashed")
        self.assertEqual(how_caught({"crashed": False, "caught": True}), "caught")
        self.assertEqual(how_caught({"crashed": False, "caught": False}), "**NOT CAUGHT**")

    def test_a_part_that_ended_with_an_error(self) -> None:
        outcome = Outcome("faults", 1.0, None, ProgramError("it broke.\nits log"))
        with contextlib.redirect_stderr(io.StringIO()) as shown:
            result = result_of(outcome)
        self.assertEqual(shown.getvalue(), "it broke.\nits log\n")
        self.assertEqual(result["failures"], ["it broke."])
        self.assertTrue(result["unfinished"])


class Ledgers(unittest.TestCase):
    def test_a_ledger_that_balances(self) -> None:
        cells = ledger_cells(ledger())
        self.assertEqual(cells[0], "1 = 1 + 1")
        self.assertEqual(cells[1], "1 + 1 = 1 + 1 + 1")
        self.assertEqual(cells[-1], "0")
        self.assertEqual(len(cells), len(LEDGER) + 1)

    def test_remainders_stand_out(self) -> None:
        cells = ledger_cells(ledger(copies=-2, chunks=1000))
        self.assertEqual(cells[-1], "**copies -2, chunks 1,000**")


class Sections(unittest.TestCase):
    def test_failures_come_first(self) -> None:
        text = section("mutants", part(failures=["one thing"], mutants=[], command="run it"))
        self.assertTrue(text.startswith("## A title\n\n**FAILED**: one thing\n\n"))
        self.assertIn("`scripts/reliability mutants`, 2026-01-02, 1234 s, on a machine.", text)

    def test_a_part_that_is_unfinished_or_was_skipped_has_no_figures(self) -> None:
        states: list[dict[str, Any]] = [{"unfinished": True, "failures": ["x"]}, {"skipped": "no"}]
        for state in states:
            text = section("faults", part(**state))
            self.assertNotIn("survived", text)
        self.assertIn("Skipped: no root", section("faults", part(skipped="no root")))

    def test_the_range_of_seeds_stands_in_the_simulation(self) -> None:
        totals: dict[str, Any] = {**dict.fromkeys(TOTALS, 1000), "faults": {"cut": 3}}
        run = {"command": "simulation --seeds 7-1006", "totals": totals}
        text = simulation(part(drawn=run, kept={**run, "command": "simulation --kept"}))
        self.assertIn("*Drawn*: `simulation --seeds 7-1006`", text)
        self.assertIn("| schedules | 1,000 | 1,000 |", text)
        self.assertIn("| cut | 3 | 3 |", text)

    def test_a_simulation_that_did_not_end(self) -> None:
        run = {"command": "simulation", "totals": None}
        self.assertEqual(simulation(part(drawn=run, kept=run)), "")

    def test_mutants_are_counted(self) -> None:
        one = {"mutant": "a", "what": "b", "caught": True, "crashed": False, "schedules": 2000}
        text = mutants(part(command="run", mutants=[one, {**one, "caught": False}]))
        self.assertIn("1 of 2 caught", text)
        self.assertIn("| a: b | caught | 2,000 |", text)

    def test_the_seed_of_faults_in_a_row_with_and_without_their_count(self) -> None:
        happened = [{"fault": "kill-broker", "node": "web1", "whole_again_s": 0.2}]
        run = part(seed=7, happened=happened, figures=None)
        self.assertIn("`scripts/reliability fifty --random 1 --seed 7`: 1 faults", fifty(run))
        self.assertIn("--random 50 --seed 7`: 1 faults", fifty({**run, "count": 50}))
        self.assertIn("| 1 | kill-broker | web1 | 0.2 | – |", fifty(run))

    def test_streams_that_came_back_have_a_table(self) -> None:
        figures = {"came_back": 12, "untold": 0, "resuming": {"streams": 40, "received": 5000}}
        run = {"fault": "kill-worker", "figures": figures}
        text = resuming([("kill-worker", run), ("no figures", {"figures": None})])
        self.assertIn("| | came back | streams |".replace("| |", "|  |"), text)
        self.assertIn("| kill-worker | 12 | 40 | 5,000 | – | – | – | – | 0 |", text)
        self.assertNotIn("no figures", text)

    def test_runs_of_a_release_without_such_streams_have_no_table(self) -> None:
        self.assertEqual(resuming([("kill-worker", {"figures": {"sent": 7}})]), "")

    def test_times(self) -> None:
        row = resync_row({"what": "a", "seconds": [3, 1, 200]})
        self.assertEqual(row, ["a", 3, "1", "3", "200"])

    def test_the_overview_names_parts_that_did_not_run(self) -> None:
        text = overview({"faults": part()}, {"faults": "the faults", "fifty": "fifty"})
        self.assertIn("| the faults | **passed** | 2026-01-02 | 1,234 |", text)
        self.assertIn("| fifty | not run |  |  |", text)

    def test_weaknesses_are_those_of_the_protocol(self) -> None:
        protocol = "## 7. A\n\nno\n\n## 8. Known weaknesses\n\nyes\n\n## 9. B\n\nno\n"
        self.assertTrue(not_promised(protocol).endswith("\n\nyes\n"))


class KeptResults(unittest.TestCase):
    def test_every_kept_result_can_be_written(self) -> None:
        results = load_results(SUITE.results, SUITE.parts)
        files = {path.stem for path in SUITE.results.glob("*.json")}
        self.assertEqual(files, set(results))
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            write_page(page, SUITE.results, SUITE.parts)
            text = page.read_text(encoding="utf-8")
        for name in results:
            self.assertIn(f"`scripts/reliability {name}`", text)
        self.assertRegex(text, r"## What is not promised\n\nFrom .*:\n\n\S")


if __name__ == "__main__":
    unittest.main()
