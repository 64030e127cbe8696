"""zcomet_lab.test_targets: what is built for some suites."""

import unittest

from zcomet_lab.test_targets import wanted_files

TARGETS = [
    {"id": "broker", "installed": True, "filename": ["/b/broker/zcomet-broker"]},
    {"id": "fast", "installed": False, "filename": ["/b/test/fast"]},
    {"id": "helper", "installed": False, "filename": ["/b/test/helper", "/b/test/helper.map"]},
    {"id": "slow", "installed": False, "filename": ["/b/test/slow"]},
]
TESTS = [
    {"suite": ["zcomet:unit", "zcomet:threads"], "depends": ["fast", "helper"]},
    {"suite": ["zcomet:cluster"], "depends": ["slow"]},
]


class WantedFiles(unittest.TestCase):
    def test_what_is_installed_and_what_tests_of_the_suites_depend_on(self) -> None:
        fast = ["/b/broker/zcomet-broker", "/b/test/fast", "/b/test/helper", "/b/test/helper.map"]
        self.assertEqual(wanted_files(TESTS, TARGETS, {"unit"}), fast)
        self.assertEqual(wanted_files(TESTS, TARGETS, {"threads"}), fast)
        self.assertEqual(wanted_files(TESTS, TARGETS, {"unit", "cluster"}), fast + ["/b/test/slow"])


if __name__ == "__main__":
    unittest.main()
