"""zcomet_lab.changed_sources: by which sources clang-tidy sees what changed."""

import unittest

from zcomet_lab.changed_sources import includers, sources_that_show

TEXTS = {
    "broker/a.cpp": '#include "broker/a.hpp"\n',
    "broker/a.hpp": "",
    "test/user.cpp": '#include "webnode/other.hpp"\n',
    "webnode/alone.hpp": "",
    "webnode/options.hpp": "",
    "webnode/other.hpp": "",
    "webnode/worker.cpp": '#include "webnode/worker.hpp"\n',
    "webnode/worker.hpp": '#include <map>\n#include "webnode/options.hpp"\n'
    '#include "webnode/other.hpp"\n',
    "written/unbuilt.cpp": '#include "broker/a.hpp"\n',
}
BUILT = {"broker/a.cpp", "test/user.cpp", "webnode/worker.cpp"}


def shown_by(*changed: str) -> list[str]:
    return sources_that_show(changed, BUILT, includers(TEXTS))


class SourcesThatShow(unittest.TestCase):
    def test_a_source_shows_itself_and_its_header(self) -> None:
        self.assertEqual(shown_by("broker/a.cpp", "broker/a.hpp"), ["broker/a.cpp"])

    def test_a_header_that_only_headers_include(self) -> None:
        self.assertEqual(shown_by("webnode/options.hpp"), ["webnode/worker.cpp"])

    def test_a_source_that_includes_it_is_nearer_than_a_header(self) -> None:
        self.assertEqual(shown_by("webnode/other.hpp"), ["test/user.cpp"])

    def test_what_no_built_source_shows_is_left_out(self) -> None:
        self.assertEqual(shown_by("webnode/alone.hpp", "written/unbuilt.cpp", "gone.hpp"), [])

    def test_tests_come_last(self) -> None:
        changed = ("test/user.cpp", "webnode/worker.cpp", "broker/a.cpp")
        self.assertEqual(
            shown_by(*changed), ["broker/a.cpp", "webnode/worker.cpp", "test/user.cpp"]
        )


if __name__ == "__main__":
    unittest.main()
