"""The keys of tables in slos.toml: which cases of a kind they stand for. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from itertools import chain, product, repeat
from typing import Any, get_type_hints

from perf.cases.case import Case, key_pattern


def modes_of(case: type[Case]) -> tuple[str, ...]:
    """The modes of a kind: the words of its axes that name tables by themselves."""
    hints = get_type_hints(case)
    return tuple(mode for each in case.axis_list() if each.table for mode in _words(hints[each.name]))


def modes_within(case: type[Case], kind: str, key: str) -> tuple[str, ...] | None:
    """The modes of a kind that its key covers; None when it is no key of the kind."""
    modes = modes_of(case)
    if key == kind:
        return modes
    if key in modes:
        return (key,)
    match = key_pattern(case).fullmatch(key)
    return match and tuple(match[each.name] for each in case.axis_list() if each.table)


def examples(case: type[Case], like: str) -> Iterator[str]:
    """Keys of cases: with each word that an axis may have, and the numbers of *like* for the other axes."""
    hints, numbers = get_type_hints(case), chain(re.findall(r"[1-9]\d*", like), repeat("1"))
    axes = [each for each in case.axis_list() if each.usual is None]
    values = [_words(hints[each.name]) or (next(numbers),) for each in axes]
    for combination in product(*values):
        words = zip(axes, combination, strict=True)
        yield "-".join(axis.word.format(value) for axis, value in words)


def header(variant: str, key: str) -> str:
    """A table's header as one writes it, with the key of a case in quotes: ``[mocked."50MB-c1-burst"]``."""
    return f"[{variant}.{key}]" if re.fullmatch("[a-z-]+", key) else f'[{variant}."{key}"]'


def _words(values: Any) -> tuple[str, ...]:
    """The values of an axis, where they are words."""
    return tuple(map(str, values)) if isinstance(values, type) and issubclass(values, StrEnum) else ()
