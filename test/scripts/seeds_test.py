"""zcomet_lab.seeds: fresh ranges of seeds, and repeating one."""

import os
import random
import re
import subprocess
import sys
import unittest

from zcomet_lab.seeds import FROM_VARIABLE, SEEDS_MAX, Range, fresh


class Ranges(unittest.TestCase):
    def test_a_range_includes_both_ends(self) -> None:
        self.assertEqual(str(Range(1, 1000)), "1-1000")
        self.assertEqual(str(Range(7, 1)), "7-7")

    def test_a_drawn_range_is_whole_and_differs_from_the_next(self) -> None:
        source = random.Random(1)
        ranges = [fresh(1000, source=source) for _ in range(100)]
        self.assertEqual(len({each.first for each in ranges}), 100)
        for each in ranges:
            self.assertTrue(1 <= each.first and each.last < SEEDS_MAX)
            self.assertEqual(each.last - each.first, 999)

    def test_a_range_from_a_given_seed(self) -> None:
        self.assertEqual(str(fresh(10, first=5)), "5-14")


class Program(unittest.TestCase):
    """The program with echo instead of the simulation, which shows the command."""

    def run_it(self, *options: str, variable: str | None = None) -> tuple[int, str]:
        environment = {name: text for name, text in os.environ.items() if name != FROM_VARIABLE}
        if variable is not None:
            environment[FROM_VARIABLE] = variable
        command = [sys.executable, "-m", "zcomet_lab.seeds", *options, "/bin/echo"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    def test_it_prints_the_range_that_it_runs_and_how_to_repeat_it(self) -> None:
        status, output = self.run_it("--count", "10")
        self.assertEqual(status, 0)
        printed = re.match(r"seeds (\d+)-(\d+); .*--from (\d+)\n--seeds (\d+)-(\d+) --jobs", output)
        assert printed is not None, output
        first, last, again, ran_first, ran_last = map(int, printed.groups())
        self.assertEqual((first, last), (ran_first, ran_last))
        self.assertEqual((again, last - first), (first, 9))

    def test_two_runs_draw_different_ranges(self) -> None:
        self.assertNotEqual(self.run_it(), self.run_it())

    def test_the_first_seed_by_option_or_by_environment(self) -> None:
        by_option = self.run_it("--from", "5", "--count", "3")
        by_environment = self.run_it("--count", "3", variable="5")
        self.assertEqual(by_option, by_environment)
        self.assertIn("--seeds 5-7 ", by_option[1])

    def test_a_seed_that_is_none_is_refused(self) -> None:
        self.assertEqual(self.run_it("--from", "0")[0], 2)
        self.assertEqual(self.run_it(variable="x")[0], 2)


if __name__ == "__main__":
    unittest.main()
