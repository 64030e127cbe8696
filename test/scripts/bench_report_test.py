"""docs/BENCHMARKS.md: its text from made-up results, and from those in docs/bench."""

import json
import pathlib
import tempfile
import unittest

from zcomet_lab import ROOT
from zcomet_lab.bench.__main__ import SUITE, table
from zcomet_lab.bench.report import Peer, comparisons, load_peers, page_text, section, write_page
from zcomet_lab.bench.rows import Row, at_least, at_most
from zcomet_lab.results import Result, load_results

PEERS = [Peer("Other, in two lines", 1000, 10, None), Peer("Third", None, 20, 30)]


def result(title: str, *rows: Row) -> Result:
    return {
        "title": title,
        "date": "2026-01-02",
        "seconds": 3,
        "machine": "a machine",
        "rows": [vars(row) for row in rows],
    }


DELIVERY = result(
    "delivery",
    Row("1,000/s: floor, CPU a million", 5, "s"),
    at_most("1,000/s: CPU a million", 50, "s", 60),
    Row("20,000/s: CPU a million", 40, "s"),
)
MEMORY = result(
    "memory",
    at_most("web node, bytes a stream, idle", 60, "B", 50),
    Row("broker, bytes a stream, idle", 40, "B"),
)


class Rows(unittest.TestCase):
    def test_a_bound_is_met_at_the_bound_itself(self) -> None:
        self.assertTrue(at_most("a", 5, "s", 5).holds)
        self.assertFalse(at_most("a", 5.1, "s", 5).holds)
        self.assertTrue(at_least("a", 5, "s", 5).holds)
        self.assertFalse(at_least("a", 4.9, "s", 5).holds)

    def test_cells(self) -> None:
        self.assertEqual(at_most("a", 1, "s", 20_000).cells(), ("a", "1 s", "≤ 20,000", "ok"))
        self.assertEqual(at_least("a", 1, "s", 2).cells(), ("a", "1 s", "≥ 2", "MISSED"))
        self.assertEqual(Row("a", 1, "").cells(), ("a", "1", "", ""))

    def test_the_table_at_the_terminal_is_indented(self) -> None:
        self.assertEqual(table([at_most("a", 1, "s", 2)]), "  a  1 s  ≤ 2  ok")


class Comparisons(unittest.TestCase):
    def test_zcomet_comes_first_and_unknown_figures_are_left_out(self) -> None:
        plots = comparisons({"delivery": DELIVERY, "memory": MEMORY}, PEERS)
        self.assertEqual(
            plots["bytes-per-stream"], [("Zcomet", 100), ("Other, in two lines", 1000)]
        )
        self.assertEqual(
            plots["cpu-1000"],
            [("bare send()", 5), ("Zcomet", 50), ("Other, in two lines", 10), ("Third", 20)],
        )
        self.assertEqual(plots["cpu-20000"], [("Zcomet", 40), ("Third", 30)])

    def test_there_is_no_plot_without_a_figure_of_zcomet(self) -> None:
        self.assertEqual(list(comparisons({"memory": MEMORY}, PEERS)), ["bytes-per-stream"])
        only_the_node = result("memory", Row("web node, bytes a stream, idle", 60, "B"))
        self.assertEqual(comparisons({"memory": only_the_node}, PEERS), {})
        self.assertEqual(comparisons({}, PEERS), {})


class Page(unittest.TestCase):
    def test_a_section(self) -> None:
        self.assertEqual(
            section("memory", MEMORY),
            "## Memory\n\n`scripts/bench memory`, 2026-01-02, 3 s, on a machine.\n\n"
            "| what | measured | target |  |\n| --- | ---: | ---: | --- |\n"
            "| web node, bytes a stream, idle | 60 B | ≤ 50 | MISSED |\n"
            "| broker, bytes a stream, idle | 40 B |  |  |\n",
        )

    def test_sections_come_in_order_with_their_plots_and_notes_at_the_end(self) -> None:
        results = {"delivery": DELIVERY, "memory": MEMORY}
        order = ["memory", "never-run", "delivery"]
        page = page_text(results, order, ["cpu-1000", "delivery"], "The notes.\n")
        parts = [
            "# Benchmarks",
            "## Beside others",
            "![cpu-1000](bench/cpu-1000.png)",
            "## Memory",
            "## Delivery",
            "![delivery](bench/delivery.png)",
            "The notes.",
        ]
        places = [page.index(part) for part in parts]
        self.assertEqual(places, sorted(places))
        self.assertNotIn("never-run", page)
        self.assertNotIn("bytes-per-stream.png", page)

    def test_without_comparing_plots_there_is_no_section_for_them(self) -> None:
        self.assertNotIn("Beside others", page_text({}, ["memory"], ["memory"], ""))


class KeptResults(unittest.TestCase):
    FOLDER = ROOT / "docs" / "bench"

    def test_every_kept_result_can_be_written(self) -> None:
        results = load_results(self.FOLDER, SUITE.parts)
        others = {path.stem for path in self.FOLDER.glob("*.json")} - set(results)
        self.assertEqual(others, {"peers"})
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            write_page(page, self.FOLDER, SUITE.parts)
            text = page.read_text(encoding="utf-8")
        for name in results:
            self.assertIn(f"`scripts/bench {name}`", text)

    def test_peers_say_where_and_when_they_were_measured(self) -> None:
        self.assertTrue(load_peers(self.FOLDER / "peers.json"))
        content = json.loads((self.FOLDER / "peers.json").read_text(encoding="utf-8"))
        self.assertTrue(content["machine"] and content["date"])


if __name__ == "__main__":
    unittest.main()
