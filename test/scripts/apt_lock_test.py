"""scripts/lib/setup.sh: its apt-get waits while another program holds one of apt's locks.

Method: the real apt-get, with folders of its own; nothing is installed, and this host's apt is left
alone.
The test holds each lock as apt does, by fcntl, until the script says that it waits for it.
"""

import fcntl
import pathlib
import subprocess
import tempfile
import unittest

SETUP = pathlib.Path(__file__).parents[2] / "scripts" / "lib" / "setup.sh"
TIMEOUT_S = 50

CONFIG = """
Dir::State "{0}/state";
Dir::State::status "{0}/state/status";
Dir::State::lists "{0}/lists";
Dir::Cache "{0}/cache";
Dir::Etc "{0}/etc";
"""
UPDATE = ["update", "-qq"]
INSTALL = ["install", "-y", "-qq"]  # of no packages: apt takes the same locks


class AptIsBusy(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for name in ["state", "lists/partial", "cache/archives/partial", "etc/apt.conf.d"]:
            (self.root / name).mkdir(parents=True)
        (self.root / "state" / "status").touch()
        (self.root / "etc" / "sources.list").touch()
        self.config = self.root / "apt.conf"
        self.config.write_text(CONFIG.format(self.root), encoding="utf-8")

    def start(self, arguments: list[str], minutes: int = 10) -> subprocess.Popen[str]:
        """apt_get of setup.sh, as if by root: the locks are this test's own."""
        script = '. "$1"; as_root() { "$@"; }; apt_wait_minutes=$2; apt_get "${@:3}"'
        process = subprocess.Popen(
            ["bash", "-euc", script, "bash", str(SETUP), str(minutes), *arguments],
            env={"APT_CONFIG": str(self.config), "PATH": "/usr/bin:/bin", "LANG": "de_DE.UTF-8"},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.kill)
        return process

    def waits(self, lock: str, arguments: list[str]) -> None:
        path = self.root / lock
        with path.open("w", encoding="utf-8") as held:
            fcntl.lockf(held, fcntl.LOCK_EX)
            process = self.start(arguments)
            assert process.stderr is not None
            line = process.stderr.readline()
            self.assertIn("Waiting until apt is free, 10 minutes at most: ", line)
            self.assertIn(f"Could not get lock {path}", line)
        _, more = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(more, "", "it says so once")

    def test_update_waits_for_the_lists(self) -> None:
        self.waits("lists/lock", UPDATE)

    def test_install_waits_for_dpkg(self) -> None:
        self.waits("state/lock-frontend", INSTALL)

    def test_install_waits_for_the_downloads(self) -> None:
        self.waits("cache/archives/lock", INSTALL)

    def test_it_gives_up_in_the_end(self) -> None:
        path = self.root / "lists" / "lock"
        with path.open("w", encoding="utf-8") as held:
            fcntl.lockf(held, fcntl.LOCK_EX)
            process = self.start(UPDATE, minutes=0)
            _, errors = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, 1)
        self.assertIn(f"E: Could not get lock {path}", errors)

    def test_another_failure_is_shown_at_once(self) -> None:
        process = self.start(["install", "-y", "-qq", "no-such-package"])
        _, errors = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, 1)
        self.assertIn("Unable to locate package no-such-package", errors)
        self.assertNotIn("Waiting", errors)

    def test_apt_that_is_free_says_nothing(self) -> None:
        process = self.start(UPDATE)
        _, errors = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual((process.returncode, errors), (0, ""))


if __name__ == "__main__":
    unittest.main()
