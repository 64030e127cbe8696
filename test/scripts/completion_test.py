"""scripts/completion/zcomet.bash: what bash offers after the beginning of a word.

usage: completion_test.py ZCOMET-CTL ZCOMET-MSGGEN
"""

import pathlib
import subprocess
import sys
import unittest

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts" / "completion" / "zcomet.bash"
TIMEOUT_S = 50
ASK = r"""
. "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_zcomet "$1" "${COMP_WORDS[COMP_CWORD]}"
printf '%s\n' "${COMPREPLY[@]}"
"""
PROGRAMS: dict[str, str] = {}


def offers(program: str, *words: str) -> list[str]:
    """What bash offers for the last word of a command."""
    run = subprocess.run(
        ["bash", "-euc", ASK, "bash", str(SCRIPT), PROGRAMS[program], *words],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    assert run.stderr == "", run.stderr
    return sorted(run.stdout.split())


class Completion(unittest.TestCase):
    def test_options(self) -> None:
        self.assertEqual(offers("msggen", "--co"), ["--config", "--count"])
        self.assertIn("--help", offers("msggen", "--"))

    def test_commands(self) -> None:
        self.assertEqual(offers("ctl", "s"), ["send", "stats"])
        self.assertIn("nodes", offers("ctl", "--json", ""))

    def test_options_of_a_command(self) -> None:
        self.assertEqual(offers("ctl", "send", "--a"), ["--ack"])
        self.assertEqual(offers("ctl", "send", "--js"), ["--json"])
        self.assertEqual(offers("ctl", "nodes", "--a"), [])

    def test_nothing_where_a_file_or_an_id_is_wanted(self) -> None:
        self.assertEqual(offers("ctl", "send", ""), [])
        self.assertEqual(offers("msggen", "--config", "x"), [])


if __name__ == "__main__":
    PROGRAMS["ctl"], PROGRAMS["msggen"] = sys.argv[1:]
    unittest.main(argv=sys.argv[:1])
