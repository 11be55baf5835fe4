"""An option of the command line or of pytest.ini, and how its text becomes a value. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, TypeVar

from perf.cases.errors import UsageError

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


#: Of a value that is given and empty: taken for none, a build would be green that has compared nothing.
EMPTY = "empty, as of a variable of the shell that is not set; leave it out where nothing is meant"


@dataclass(frozen=True, slots=True)
class Option:
    """One option: ``--a-name`` on the command line goes before ``perf_a_name`` in pytest.ini.

    Attributes:
        name: ``a-name``.
        meaning: one line.
        read: makes a value of the flag, as messages call it, and a text; an empty text is "not given". Raises
            UsageError: one line that names the flag, the text and what would be right.
        short: a second flag.
    """

    name: str
    meaning: str
    read: Callable[[str, str], Any]
    short: str = ""

    @property
    def flag(self) -> str:
        """``--a-name``."""
        return f"--{self.name}"

    @property
    def key(self) -> str:
        """``perf_a_name``: the name in pytest.ini."""
        return f"perf_{self.name.replace('-', '_')}"

    def parse(self, text: str, flag: str = "") -> Any:
        """The value of a text; *flag* where it is called otherwise."""
        return self.read(flag or self.flag, text.strip())


def parsed(options: Iterable[Option], texts: Mapping[str, str]) -> dict[str, Any]:
    """The value of each option by its name; of those without a text, that of an empty one."""
    return {option.name: option.parse(texts.get(option.name, "")) for option in options}


def items(read: Callable[[str, str], T]) -> Callable[[str, str], tuple[T, ...]]:
    """A reader of values with commas between them, each once; none for an empty text."""

    def read_items(flag: str, text: str) -> tuple[T, ...]:
        if not text:
            return ()
        values = tuple(read(flag, item.strip()) for item in text.split(","))
        repeated = [value for value, times in Counter(values).items() if times > 1]
        if repeated:
            raise UsageError(
                f"{flag} {text}: {repeated[0]} is given more than once; each value makes its own case"
            )
        return values

    return read_items


def one_of(words: type[E], what: str) -> Callable[[str, str], E]:
    """A reader of one of these words; *what* each is, e.g. ``mode``."""
    known = [str(word) for word in words]

    def read(flag: str, text: str) -> E:
        if text not in known:
            raise UsageError(
                f"{flag} {text}: unknown {what}{nearest(text, known)}; expected some of {','.join(known)}"
            )
        return words(text)

    return read


#: More than this, or less than its inverse, is a slip of the hand wherever a number is asked for.
MOST = 1e6


def whole_number(
    expected: str, what: str = "whole number above 0", most: int = int(MOST)
) -> Callable[[str, str], int | None]:
    """A reader of a whole number above 0; None for an empty text.

    Args:
        expected: what would be right, e.g. ``tasks per case, e.g. 24``.
        what: what the text is not.
        most: more than that is refused.
    """

    def read(flag: str, text: str) -> int | None:
        if not text:
            return None
        if not re.fullmatch("[0-9]+", text) or not text.strip("0"):
            raise UsageError(f"{flag} {text}: not a {what}; expected {expected}")
        return int(_within(flag, text, 1, most, expected))

    return read


def number_above_0(
    expected: str, what: str = "number", *, least: float = 1 / MOST, most: float = MOST
) -> Callable[[str, str], float | None]:
    """The same of any number above 0, from *least* to *most*."""
    return _number(expected, f"{what} above 0", lambda value: value > 0, least, most)


def number_from_0(expected: str, what: str = "number") -> Callable[[str, str], float | None]:
    """The same of any number, 0 included."""
    return _number(expected, f"{what}, 0 or more", lambda value: value >= 0, 0, MOST)


def _number(
    expected: str, what: str, fits: Callable[[float], bool], least: float, most: float
) -> Callable[[str, str], float | None]:
    def read(flag: str, text: str) -> float | None:
        if not text:
            return None
        try:
            value = math.nan if "_" in text else float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and fits(value)):
            raise UsageError(f"{flag} {text}: not a {what}; expected {expected}")
        return _within(flag, text, least, most, expected)

    return read


def _within(flag: str, text: str, least: float, most: float, expected: str) -> float:
    value = float(text)
    if not least <= value <= most:
        bound = f"more than {most:.15g}" if value > most else f"less than {least:.15g}"
        raise UsageError(f"{flag} {text}: {bound}; expected {expected}")
    return value


_DURATION = re.compile(r"(?=.)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_seconds = number_above_0("e.g. 600, or 10m", "number of seconds", least=0.1)


def seconds(flag: str, text: str) -> float | None:
    """A reader of a duration: in seconds, or as Locust's options have it: 90s, 2m, 1h30m."""
    match = _DURATION.fullmatch(text)
    hours, minutes, rest = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    long_s = 3600 * hours + 60 * minutes + rest
    return _seconds(flag, str(long_s) if long_s else text)


def text(_: str, given: str) -> str:
    """A reader that takes the text as it is."""
    return given


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a message: ``; did you mean 'burst'?``, or nothing when no known name is near."""
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
