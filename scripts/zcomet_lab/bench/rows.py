"""The rows that a benchmark returns: figures, and whether they meet their targets."""

import dataclasses

from zcomet_lab.figures import with_unit


@dataclasses.dataclass
class Row:
    """A figure, its target if it has one, and whether it meets the target (None: no target)."""

    what: str
    value: float
    unit: str
    target: str = ""
    holds: bool | None = None

    def cells(self) -> tuple[str, str, str, str]:
        """The figure's name, the figure, the target, and a word that says whether it is met."""
        verdict = {True: "ok", False: "MISSED", None: ""}[self.holds]
        return self.what, with_unit(self.value, self.unit), self.target, verdict


def at_most(what: str, value: float, unit: str, bound: float) -> Row:
    return Row(what, value, unit, f"≤ {bound:,g}", value <= bound)


def at_least(what: str, value: float, unit: str, bound: float) -> Row:
    return Row(what, value, unit, f"≥ {bound:,g}", value >= bound)
