"""How figures are written."""


def figure(value):
    """A number for people: three digits, or whole thousands."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def verdict(holds):
    """`holds` is a Row's."""
    return {True: "ok", False: "MISSED", None: ""}[holds]
