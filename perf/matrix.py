"""The axes of the test matrix and the cases they span. Data only: the first stage of the path."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from itertools import product
from typing import TypeVar

from perf.errors import UsageError

T = TypeVar("T")


class Variant(StrEnum):
    """Where a case runs; a pytest marker each."""

    MOCKED = "mocked"
    LOCAL = "local"
    AWS = "aws"


class Mode(StrEnum):
    """How the tasks arrive. The order counts: a burst measures the capacity that a sustained case needs."""

    BURST = "burst"
    SUSTAINED = "sustained"


#: Tasks per case unless told otherwise.
DEFAULT_COUNT = {Variant.MOCKED: 16, Variant.LOCAL: 12, Variant.AWS: 30}
DEFAULT_UTILISATION = 0.7


@dataclass(frozen=True, slots=True)
class Case:
    """One combination of the matrix.

    Attributes:
        variant: where it runs.
        size_mb: size of each video, in MB (2**20 bytes).
        concurrency: worker processes over the whole deployment.
        mode: how the tasks arrive.
        count: number of tasks.
        rate_per_min: tasks per minute of a sustained case; None = a share of the measured capacity.
        utilisation: that share (rho), unless a rate is given.
    """

    variant: Variant
    size_mb: int
    concurrency: int
    mode: Mode
    count: int
    rate_per_min: float | None = None
    utilisation: float = DEFAULT_UTILISATION

    @property
    def cell(self) -> str:
        """What a burst and a sustained case have in common, such as ``50MB-c1``."""
        return f"{self.size_mb}MB-c{self.concurrency}"

    @property
    def key(self) -> str:
        """The case's name within its variant, as slos.toml spells it: ``50MB-c1-burst``."""
        return f"{self.cell}-{self.mode}"

    @property
    def id(self) -> str:
        """The stable id, such as ``mocked-50MB-c1-burst``."""
        return f"{self.variant}-{self.key}"


@dataclass(frozen=True, slots=True)
class Axes:
    """What spans the matrix; ``count`` None means the variant's default."""

    sizes_mb: tuple[int, ...] = (50, 100)
    concurrency: tuple[int, ...] = (1, 2, 4)
    modes: tuple[Mode, ...] = (Mode.BURST, Mode.SUSTAINED)
    count: int | None = None
    rate_per_min: float | None = None
    utilisation: float = DEFAULT_UTILISATION

    @classmethod
    def parse(
        cls,
        sizes: str = "50,100",
        concurrency: str = "1,2,4",
        modes: str = "burst,sustained",
        count: str = "",
        rate: str = "",
        utilisation: str = "",
    ) -> Axes:
        """The axes from the strings of a command line or an ini file; empty ones are the defaults.

        Raises:
            UsageError: one line that names the option, the text and what would be right.
        """
        default = cls()
        axes = cls(
            sizes_mb=_items("--sizes", sizes, _size_mb) or default.sizes_mb,
            concurrency=_items("--concurrency", concurrency, _processes) or default.concurrency,
            modes=_items("--modes", modes, _mode) or default.modes,
            count=whole_number("--count", count, "tasks per case, e.g. 24"),
            rate_per_min=positive_number("--rate", rate, "tasks per minute, e.g. 30"),
            utilisation=positive_number("--utilisation", utilisation, "a share of the capacity, e.g. 0.7")
            or default.utilisation,
        )
        if axes.count == 1 and Mode.SUSTAINED in axes.modes:
            raise UsageError("--count 1: a sustained case needs at least 2 tasks; give more or --modes burst")
        return axes


def cases(variant: Variant, axes: Axes) -> tuple[Case, ...]:
    """The variant's cases in the order they run.

    Concurrency is outermost, since the worker pool is started once for each, then the size; within a
    cell the burst comes first, since it measures the capacity that the sustained case is a share of.
    """
    count = DEFAULT_COUNT[variant] if axes.count is None else axes.count
    modes = [mode for mode in Mode if mode in axes.modes]
    return tuple(
        Case(
            variant,
            size_mb,
            concurrency,
            mode,
            count,
            axes.rate_per_min if mode is Mode.SUSTAINED else None,
            axes.utilisation,
        )
        for concurrency, size_mb, mode in product(axes.concurrency, axes.sizes_mb, modes)
    )


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a message: ``; did you mean 'burst'?``, or nothing when no known name is near."""
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _items(option: str, text: str, read: Callable[[str, str], T]) -> tuple[T, ...]:
    """The comma-separated values of an option, each once; none for an empty text."""
    if not text.strip():
        return ()
    values = tuple(read(option, item.strip()) for item in text.split(","))
    repeated = [value for value, times in Counter(values).items() if times > 1]
    if repeated:
        raise UsageError(
            f"{option} {text}: {repeated[0]} is given more than once; each value makes its own case"
        )
    return values


def _size_mb(option: str, item: str) -> int:
    match = re.fullmatch(r"([0-9]+)\s*(MB)?", item, re.IGNORECASE)
    if match is None or int(match[1]) == 0:
        raise UsageError(f"{option} {item}: not a size; expected whole MB, e.g. 50,100")
    return int(match[1])


def _processes(option: str, item: str) -> int:
    if not re.fullmatch("[0-9]+", item) or int(item) == 0:
        raise UsageError(
            f"{option} {item}: not a number of worker processes; expected whole numbers, e.g. 1,2,4"
        )
    return int(item)


def _mode(option: str, item: str) -> Mode:
    known = [str(mode) for mode in Mode]
    if item not in known:
        raise UsageError(
            f"{option} {item}: unknown mode{nearest(item, known)}; expected some of {','.join(known)}"
        )
    return Mode(item)


def whole_number(option: str, text: str, expected: str) -> int | None:
    """The number an option gives; None for an empty text.

    Raises:
        UsageError: it is not a whole number above 0.
    """
    text = text.strip()
    if not text:
        return None
    if not re.fullmatch("[0-9]+", text) or int(text) == 0:
        raise UsageError(f"{option} {text}: not a whole number above 0; expected {expected}")
    return int(text)


def positive_number(option: str, text: str, expected: str, what: str = "number") -> float | None:
    """The number an option gives; None for an empty text.

    Raises:
        UsageError: it is not a number above 0.
    """
    text = text.strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise UsageError(f"{option} {text}: not a {what} above 0; expected {expected}")
    return value
