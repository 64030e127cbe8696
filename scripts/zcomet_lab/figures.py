"""Formats figures for people."""

from collections.abc import Iterable, Sequence


def figure(value: float) -> str:
    """Three digits, or whole thousands with commas."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def with_unit(value: float, unit: str) -> str:
    """A figure and its unit, which may be empty."""
    return f"{figure(value)} {unit}".strip()


def whole(number: int) -> str:
    """A count, with commas."""
    return f"{number:,}"


def markdown_table(
    heads: Sequence[object], rows: Iterable[Sequence[object]], alignment: str
) -> str:
    """A table in Markdown. `alignment` has a letter for each column: l for text, r for figures."""
    rule = [{"l": "---", "r": "---:"}[letter] for letter in alignment]
    lines = [heads, rule, *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def text_table(rows: Sequence[Sequence[str]], alignment: str) -> str:
    """The rows as aligned text, two spaces between columns; letters as in markdown_table()."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(alignment))]
    pad = {"l": str.ljust, "r": str.rjust}
    return "\n".join(
        "  ".join(
            pad[letter](cell, width) for letter, cell, width in zip(alignment, row, widths)
        ).rstrip()
        for row in rows
    )
