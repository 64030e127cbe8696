"""zcomet_lab.programs and the modules on top of it: starting, waiting, asking.

usage: programs_test.py BUILD [ABSENT]...      (the build directory; programs that it does not have)
"""

import contextlib
import io
import os
import sys
import time
import unittest

from zcomet_lab.cluster import shares
from zcomet_lab.ctl import Ctl
from zcomet_lab.flood import sources
from zcomet_lab.processes import children_of, is_running, processes_of
from zcomet_lab.programs import FOLDERS, Program, ProgramError, Programs, path_in_build
from zcomet_lab.stats import read_stats
from zcomet_lab.waiting import NotInTime, await_true

BUILD, *ABSENT = sys.argv[1:]


class Places(unittest.TestCase):
    def test_every_program_is_where_the_table_says(self) -> None:
        programs = Programs(BUILD)
        for name in set(FOLDERS) - set(ABSENT):
            with self.subTest(name):
                self.assertTrue(os.access(programs.path(name), os.X_OK))

    def test_a_path_stays_as_it_is(self) -> None:
        self.assertEqual(Programs(BUILD).path("/bin/sh"), "/bin/sh")

    def test_an_unknown_program(self) -> None:
        with self.assertRaisesRegex(ProgramError, "there is no program nonsense"):
            path_in_build("nonsense")


class Running(unittest.TestCase):
    def start(self, script: str, *, takes_orders: bool = False) -> Program:
        """A shell that runs a script."""
        programs = Programs()
        self.addCleanup(programs.__exit__)
        command = ("-c", script)
        return programs.start("/bin/sh", *command, name="a shell", takes_orders=takes_orders)

    def test_the_ready_line(self) -> None:
        program = self.start("echo before; echo 'PROGRAM ready a=1 b=x=y'")
        self.assertEqual(program.await_ready(), {"a": "1", "b": "x=y"})

    def test_a_program_that_ends_before_it_is_ready_is_shown_with_its_log(self) -> None:
        program = self.start("echo 'no such port' >&2")
        with self.assertRaisesRegex(ProgramError, "a shell did not print 'ready'.\nno such port"):
            program.await_ready()

    def test_a_line_that_does_not_come(self) -> None:
        program = self.start("printf unfinished; read _", takes_orders=True)
        with self.assertRaises(ProgramError):
            program.await_line("never", timeout_s=0.01)

    def test_orders_and_further_lines(self) -> None:
        program = self.start("while read line; do echo got $line; done", takes_orders=True)
        program.order("one")
        self.assertEqual(program.await_line("got"), "got one\n")
        program.order("two")
        self.assertEqual(next(program.lines()), "got two")

    def test_the_end_of_a_program(self) -> None:
        self.assertEqual(self.start("echo done").finish(10), "done\n")
        self.assertEqual(self.start("exit 3").finish(10, status=3), "")
        program = self.start("exit 4")
        program.finish(10, status=None)
        self.assertEqual(program.status, 4)

    def test_a_program_that_fails(self) -> None:
        with self.assertRaisesRegex(ProgramError, "a shell ended with status 5.\nwhy"):
            self.start("echo why >&2; exit 5").finish(10)

    def test_a_program_that_does_not_finish(self) -> None:
        with self.assertRaisesRegex(ProgramError, "did not finish in 0.01 s"):
            self.start("exec sleep 60").finish(0.01)

    def test_a_program_is_ended_with_its_children(self) -> None:
        with Programs() as programs:
            shell = programs.start("/bin/sh", "-c", "sleep 60 & echo started; wait")
            shell.await_line("started")
            [child] = children_of(shell.pid)
            self.assertEqual(processes_of(shell.pid), [shell.pid, child])
        self.assertFalse(is_running(shell.pid))
        await_true("the child has ended", lambda: not is_running(child))


class Waiting(unittest.TestCase):
    def test_the_answer_is_returned(self) -> None:
        answers = iter([None, 0, "", "yes", "no"])
        self.assertEqual(await_true("it says yes", lambda: next(answers), pause_s=0), "yes")

    def test_it_asks_at_least_once(self) -> None:
        self.assertTrue(await_true("it holds", lambda: True, timeout_s=-1))

    def test_what_did_not_happen_is_said(self) -> None:
        with self.assertRaisesRegex(NotInTime, "not within 0 s: it holds"):
            await_true("it holds", lambda: False, timeout_s=0)
        with self.assertRaisesRegex(NotInTime, "not within 0.01 s: computed then"):
            await_true(lambda: "computed then", lambda: False, timeout_s=0.01, pause_s=0.001)


class Asking(unittest.TestCase):
    """Ctl, with a shell in place of zcomet-ctl."""

    @staticmethod
    def ctl(script: str) -> Ctl:
        return Ctl("/bin/sh", "-c", script, "zcomet-ctl")

    def test_an_answer_and_its_arguments(self) -> None:
        ctl = self.ctl("""printf '["%s", "%s"]' "$1" "$2" """)
        self.assertEqual(ctl.json("who"), ["--json", "who"])

    def test_no_answer(self) -> None:
        with self.assertRaisesRegex(ProgramError, "^no broker$"):
            self.ctl("echo no broker >&2; exit 1").json("who", 1)
        with self.assertRaisesRegex(ProgramError, "^no broker$"):
            self.ctl("echo no broker >&2; exit 1").send("1", "hello")

    def test_an_answer_that_takes_too_long(self) -> None:
        with self.assertRaisesRegex(ProgramError, "timed out"):
            self.ctl("exec sleep 60").run("ping", timeout_s=0.01)

    def test_logins_are_awaited_by_their_number(self) -> None:
        ctl = self.ctl("""[ "$3" = 1 ] && echo '{"nodes": [1, 2]}' || echo '{"nodes": [1]}'""")
        begin = time.monotonic()
        ctl.await_logins(["1", "2", "1"])
        self.assertLess(time.monotonic() - begin, 10)

    def test_a_ledger_is_printed_whether_it_balances_or_not(self) -> None:
        for status in (0, 1):
            with contextlib.redirect_stdout(io.StringIO()) as output:
                balances = self.ctl(f"echo $1; exit {status}").print_ledger()
            self.assertEqual((balances, output.getvalue()), (status == 0, "ledger\n"))

    def test_a_program_that_does_not_answer_has_no_stats(self) -> None:
        self.assertIsNone(read_stats("127.0.0.1:1"))


class Load(unittest.TestCase):
    def test_generators_share_the_messages(self) -> None:
        for count, per_s, expected in (
            (1, 1, (1, 1)),
            (20_000, 1_000, (100, 200)),
            (300_000, 20_000, (100, 3_000)),
            (2_000_000, 0, (1, 2_000_000)),
            (101, 50, (5, 21)),
        ):
            self.assertEqual(shares(count, per_s), expected)

    def test_streams_are_spread_over_source_addresses(self) -> None:
        self.assertEqual(sources(1), "127.1.0.1-127.1.0.1")
        self.assertEqual(sources(4_000), "127.1.0.1-127.1.0.1")
        self.assertEqual(sources(4_001), "127.1.0.1-127.1.0.2")
        self.assertEqual(sources(1_100_000), "127.1.0.1-127.1.1.19")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
