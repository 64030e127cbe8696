"""zcomet_lab.lint_commands: which of meson's commands clang-tidy gets."""

import pathlib
import unittest

from zcomet_lab.lint_commands import first_commands

ROOT = pathlib.Path("/somewhere/zcomet")
BUILD = ROOT / "build"


def command(file: str, output: str = "x.o", build: pathlib.Path = BUILD) -> dict[str, str]:
    return {"directory": str(build), "file": file, "output": output, "command": "c++ …"}


class FirstCommands(unittest.TestCase):
    def test_a_source_of_two_programs_stands_once_as_in_the_first(self) -> None:
        commands = [command("../broker/a.cpp", "1.o"), command("../broker/a.cpp", "2.o")]
        first = first_commands(commands, ROOT, BUILD)
        self.assertEqual(list(first), ["broker/a.cpp"])
        self.assertEqual(first["broker/a.cpp"]["output"], "1.o")

    def test_sources_that_the_build_writes_are_left_out(self) -> None:
        commands = [command("test/simulation/mutant.cpp"), command("/usr/src/other.cpp")]
        self.assertEqual(first_commands(commands, ROOT, BUILD), {})

    def test_the_build_may_be_outside_the_tree(self) -> None:
        build = pathlib.Path("/elsewhere/build")
        files = ["../../somewhere/zcomet/broker/a.cpp", "written.cpp"]
        first = first_commands([command(file, build=build) for file in files], ROOT, build)
        self.assertEqual(list(first), ["broker/a.cpp"])


if __name__ == "__main__":
    unittest.main()
