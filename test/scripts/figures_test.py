"""zcomet_lab.figures: how figures and tables are written."""

import unittest

from zcomet_lab.figures import figure, markdown_table, text_table, whole, with_unit


class Figures(unittest.TestCase):
    def test_three_digits_or_whole_thousands(self) -> None:
        for value, text in (
            (0, "0"),
            (0.00123456, "0.00123"),
            (1.5, "1.5"),
            (99.94, "99.9"),
            (100, "100"),
            (1234567.8, "1,234,568"),
            (-1.599, "-1.6"),
            (-2345, "-2,345"),
        ):
            self.assertEqual(figure(value), text)

    def test_a_unit_may_be_empty(self) -> None:
        self.assertEqual(with_unit(2, "ms"), "2 ms")
        self.assertEqual(with_unit(2, ""), "2")
        self.assertEqual(whole(1000), "1,000")


class Tables(unittest.TestCase):
    def test_markdown(self) -> None:
        table = markdown_table(["what", ""], [["a", 1], ["b", "–"]], "lr")
        self.assertEqual(table, "| what |  |\n| --- | ---: |\n| a | 1 |\n| b | – |\n")

    def test_text_is_aligned_and_has_no_spaces_at_the_ends(self) -> None:
        table = text_table([("a", "100", ""), ("long", "2", "ok")], "lrl")
        self.assertEqual(table, "a     100\nlong    2  ok")


if __name__ == "__main__":
    unittest.main()
