"""mutate.py: the copies that it writes, and its errors for a list that does not fit the sources.

usage: mutate_test.py MUTATE
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

MUTATE = ""
SOURCE = """bool ready() {
    return count >
               limit && is_open;
}
int both = count > limit2;
"""


class Copies(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        (self.root / "core").mkdir()
        (self.root / "core/a.cpp").write_text(SOURCE)

    def mutate(self, mutants: str, *command: str) -> tuple[int, str]:
        """@return the status of the program, and its error text."""
        (self.root / "list").write_text(mutants)
        done = subprocess.run(
            [sys.executable, MUTATE, str(self.root / "list"), str(self.root), *command],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def copy(self, mutants: str) -> tuple[int, str]:
        """@return the same, or the copy if it was written."""
        output = self.root / "copy.cpp"
        status, text = self.mutate(mutants, "copy", "core/a.cpp", str(output))
        return status, text if status else output.read_text()

    def test_a_text_is_found_whatever_the_line_breaks_and_replaced(self) -> None:
        status, text = self.copy(
            "[m] what\ncore/a.cpp\n- count > limit\n+ count > limit || MUTANT\n"
        )
        self.assertEqual(status, 0, text)
        switch = "::zcomet::sim::mutant_is_active(1)"
        self.assertIn(f"return count > limit || {switch} && is_open;", text)
        self.assertIn("count > limit2;", text)

    def test_a_text_that_is_not_there_is_a_mistake_that_names_mutant_and_place(self) -> None:
        status, text = self.copy("[m] what\ncore/a.cpp\n- size > limit\n+ MUTANT\n")
        self.assertEqual(status, 1)
        self.assertIn("list:3: mutant m: this text stands 0 times in core/a.cpp", text)
        self.assertIn("size > limit", text)
        self.assertIn("Renew the lines", text)

    def test_a_text_that_is_there_twice_is_a_mistake(self) -> None:
        status, text = self.copy("[m] what\ncore/a.cpp\n- count >\n+ MUTANT >\n")
        self.assertEqual(status, 1)
        self.assertIn("stands 2 times", text)

    def test_two_mutants_of_one_text_are_a_mistake(self) -> None:
        one = "core/a.cpp\n- limit && is_open\n+ limit && MUTANT\n"
        other = "core/a.cpp\n- is_open\n+ MUTANT\n"
        status, text = self.copy(f"[one] what\n{one}[other] what\n{other}")
        self.assertEqual(status, 1)
        self.assertIn("mutants one and other replace the same text", text)

    def test_a_file_that_is_gone_is_a_mistake_when_the_build_is_set_up(self) -> None:
        status, text = self.mutate("[m] what\ncore/b.cpp\n- a\n+ MUTANT\n", "prepare", "headers")
        self.assertEqual(status, 1)
        self.assertIn("there is no file core/b.cpp", text)
        self.assertIn("in the mutants m.", text)

    def test_a_line_that_is_wrong_is_named(self) -> None:
        for mutants, line in {
            "[m] what\n- a\n": 2,
            "[m] what\na.cpp\n- a\n- b\n": 4,
            "[m] what\na.cpp\n- a\n+ b\n": 4,
            "[m] what\na.cpp\n- a\n+ MUTANT\n[m] what\n": 5,
            "something\n": 1,
        }.items():
            status, text = self.mutate(mutants, "table", "/dev/null")
            self.assertEqual(status, 1, mutants)
            self.assertIn(f"list:{line}: ", text)


if __name__ == "__main__":
    MUTATE = sys.argv.pop()
    unittest.main()
