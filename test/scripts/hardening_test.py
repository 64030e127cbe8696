"""The programs have what ends them at a mistake in memory, as readelf(1) and objdump(1) see it.

Looked at: addresses that differ at each start (PIE), tables of functions that are read-only once
the program runs (RELRO, bound at the start), a stack that holds no code, guards behind arrays on
the stack, functions of libc that know the size of what they write to, and marks where an indirect
call may land.

usage: hardening_test.py PROGRAM...
"""

import platform
import re
import subprocess
import sys
import unittest

TIMEOUT_S = 60
# A small program may lack calls of libc that write to an array.
FORTIFIED = ("zcomet-broker", "zcomet-webnode")


def printed(*command: str) -> str:
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=TIMEOUT_S
    ).stdout


def segment_flags(segments: str, name: str) -> str:
    """The flags of a program header ("RW ", "R E"), from readelf -lW; "" if there is none."""
    found = re.search(
        rf"^\s+{name}\s+(?:0x\w+\s+){{5}}(?P<flags>[RWE ]{{3}})", segments, re.MULTILINE
    )
    return found["flags"] if found else ""


class Hardening(unittest.TestCase):
    programs: list[str] = []

    def test_programs_are_hardened(self) -> None:
        for program in self.programs:
            with self.subTest(program=program):
                self.check_segments(program)
                self.check_functions(program)

    def check_segments(self, program: str) -> None:
        self.assertRegex(printed("readelf", "-hW", program), r"Type:\s+DYN")
        dynamic = printed("readelf", "-dW", program)
        self.assertRegex(dynamic, r"\(FLAGS_1\).*\bNOW\b.*\bPIE\b")
        segments = printed("readelf", "-lW", program)
        self.assertEqual(segment_flags(segments, "GNU_RELRO").strip(), "R")
        self.assertEqual(segment_flags(segments, "GNU_STACK").strip(), "RW")
        self.assertNotIn("(TEXTREL)", dynamic)

    def check_functions(self, program: str) -> None:
        imported = printed("readelf", "--dyn-syms", "-W", program)
        self.assertIn("__stack_chk_fail@GLIBC", imported)
        self.assertIn("__glibcxx_assert_fail", imported)
        if program.endswith(FORTIFIED):
            self.assertRegex(imported, r"__\w+_chk@GLIBC")
        if platform.machine() == "x86_64":
            # Not the mark of the whole file: Debian 12's own start files lack theirs.
            main = printed("objdump", "-d", "--no-show-raw-insn", "--disassemble=main", program)
            self.assertIn("endbr64", main)


if __name__ == "__main__":
    Hardening.programs = sys.argv[1:]
    unittest.main(argv=sys.argv[:1])
