"""Columns of text, and lines, that fit a terminal. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

_GAP = "  "


def aligned(rows: Sequence[Sequence[str]], left: Sequence[int], width: int | None = None) -> list[str]:
    """Columns as wide as their widest text; those in *left* begin at the left, the rest end at the right.

    What is wider than *width* goes on below, under the first column again; None = as wide as it is.
    """
    widths = [max(len(text) for text in column) for column in zip(*rows, strict=True)]
    return [
        _GAP.join(
            row[place].ljust(widths[place]) if place in left else row[place].rjust(widths[place])
            for place in places
        ).rstrip()
        for places in _blocks(widths, width)
        for row in rows
    ]


def _blocks(widths: Sequence[int], width: int | None) -> Iterator[list[int]]:
    """Which columns stand beside each other: the first in each block, so that every row has its name."""
    block, used = [0], widths[0]
    for place, wide in enumerate(widths[1:], 1):
        if width is not None and used + len(_GAP) + wide > width and len(block) > 1:
            yield block
            block, used = [0], widths[0]
        block.append(place)
        used += len(_GAP) + wide
    yield block


def folded(lines: Sequence[str], width: int | None, indent: str = _GAP) -> list[str]:
    """Lines broken between words where the terminal ends, what goes on below indented; None = as they are."""
    if width is None:
        return list(lines)
    fold = textwrap.TextWrapper(
        width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ).wrap
    return [part for line in lines for part in ([line] if len(line) <= width else fold(line))]
