"""Where something stands in a TOML file: tomllib does not say. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any


def line_of(text: str, table: tuple[str, ...], needle: str) -> int:
    """The line (from 1) of the last *needle* in a table, or else of the table's header, or else 1.

    Args:
        text: a file that tomllib accepts.
        table: the table's keys, outermost first.
        needle: what to find on a line of it, as a whole word; comments do not count.
    """
    wanted = re.compile(rf"(?<!\w){re.escape(needle)}(?!\w)")
    at_header = at_needle = anywhere = 0
    for number, line, header in _lines(text):
        inside = header[: len(table)] == table
        at_header = at_header or (number if inside else 0)
        if wanted.search(line):
            anywhere = number
            at_needle = number if inside else at_needle
    return at_needle or at_header or anywhere or 1


def line_of_table(text: str, table: tuple[str, ...]) -> int:
    """The line (from 1) of a table's header, or of the first within it; or else of its key."""
    inside = (number for number, _, header in _lines(text) if header[: len(table)] == table)
    return next(inside, 0) or line_of(text, table[:-1], table[-1])


def _lines(text: str) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Each line that is no comment: its number, itself, and the header that it stands under."""
    header: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        header = _header(line) or header
        if not line.lstrip().startswith("#"):
            yield number, line, header


def _header(line: str) -> tuple[str, ...]:
    """The keys of a line such as ``[mocked."50MB-c1-burst"]``; none for any other line."""
    if not line.lstrip().startswith("["):
        return ()
    try:
        keys, inner = [], tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return ()
    while inner:
        key, value = next(iter(inner.items()))
        keys.append(key)
        inner = _first(value)
    return tuple(keys)


def _first(value: Any) -> dict[str, Any]:
    """What is within a table, or within the first of an array of tables."""
    return value if isinstance(value, dict) else value[0]
