"""What a benchmark of delivery sends, and the words for it."""

import dataclasses

FLAT_OUT = 0
"""As the rate: as fast as the sender can."""


@dataclasses.dataclass(frozen=True)
class Load:
    """Messages at a rate, and how often that is measured."""

    per_s: int
    count: int
    times: int
    """Of runs; where two sides are compared, of pairs."""


def rate_text(per_s: int) -> str:
    """The rate as rows name it."""
    return "flat out" if per_s == FLAT_OUT else f"{per_s:,}/s"
