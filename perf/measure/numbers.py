"""How a number is written, in one place: for tables, messages and titles. Files get the full number."""

from __future__ import annotations

DIGITS = 3


def number(value: float | None) -> str:
    """Three significant digits, never an exponent; whole numbers in full; ``-`` for what is absent."""
    if value is None:
        return "-"
    if abs(value) >= 100 or value == int(value):
        return f"{value:.0f}"
    rounded = float(f"{value:.{DIGITS}g}")
    if abs(rounded) >= 1:
        return f"{rounded:.{max(0, DIGITS - len(str(int(abs(rounded)))))}f}"
    significant = f"{rounded:.6f}".rstrip("0")
    return significant + "0" if significant.endswith(".") else significant


def counted(count: int, one: str, several: str = "") -> str:
    """``1 restart``, ``2 restarts``; *several* where that is not *one* with an s."""
    return f"{number(count)} {one if count == 1 else several or one + 's'}"
