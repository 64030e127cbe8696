"""Lets a test say that it cannot be run here."""

SKIPPED = 77
"""The exit status that meson counts as skipped."""

PREFIX = "skipped: "


def skip(why: str) -> int:
    """Prints the reason for people and for test_summary. Returns the exit status to end with."""
    print(PREFIX + why)
    return SKIPPED
