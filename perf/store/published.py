"""Reads a table of runs that somebody published, for the audit.

Cells are separated by commas, semicolons or tabs: by whichever makes columns that are known. Lines before the
header, such as a title, are skipped. With semicolons or tabs, decimals may have a comma. What is ambiguous is
refused, with the line of the file that it stands in.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perf.cases.errors import UsageError
from perf.cases.worker import Mode
from perf.judge.audit import Row

#: Our names for a column, and others for it; of several that are there the last one counts.
COLUMNS = {
    "mode": ("mode",),
    "total": ("total",),
    "done": ("done",),
    "failed": ("failed",),
    "uploaded": ("uploaded",),
    "processing": ("processing",),
    "throughput_per_min": ("x_videos_per_min", "x_per_min", "throughput_per_min"),
    "response_mean_s": ("s_mean_s", "response_mean_s"),
    "rate_per_min": ("rate_per_min", "rate"),
    "size": ("size_mb", "size"),
    "concurrency": ("concurrency", "c"),
    "nodes": ("nodes",),
    "run": ("run", "case"),
    "kind": ("kind",),
}
_OPTIONAL = {"uploaded", "processing", "rate_per_min", "size", "concurrency", "nodes", "run", "kind"}
_WORDS = {"mode", "size", "run", "kind"}
_KNOWN = {name for names in COLUMNS.values() for name in names}
_DELIMITERS = (",", ";", "\t")
#: The header is among so many lines.
_LOOKED_AT = 5
#: "52" or "52.0", as a table is exported whose column has gaps; "1.000" may be a thousand.
_WHOLE = re.compile(r"\d+(\.0{0,2})?")


@dataclass(frozen=True, slots=True)
class Table:
    """What a file holds.

    Attributes:
        rows: a run each.
        columns: our names of the columns that it has -> its own.
    """

    rows: tuple[Row, ...]
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that is not blank: where it begins in the file, and its cells."""

    place: int
    cells: tuple[str, ...]

    def known(self) -> int:
        """How many of its cells are names of columns."""
        return sum(cell.lower() in _KNOWN for cell in self.cells)


@dataclass(frozen=True, slots=True)
class _Split:
    """The lines of a file, as a delimiter makes them.

    Attributes:
        delimiter: what is between the cells.
        lines: up to the error, if there is one.
        error: why the rest could not be read, after where; empty where all was.
    """

    delimiter: str
    lines: tuple[_Line, ...]
    error: str

    def header(self) -> int:
        """Which of the lines has the names; the first where none has."""
        known = [line.known() for line in self.lines[:_LOOKED_AT]]
        return known.index(max(known)) if known else 0

    def known(self) -> int:
        """How many columns are known."""
        return self.lines[self.header()].known() if self.lines else 0


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of a row by our names for the columns.

    Attributes:
        place: file and line.
        names: ours -> the file's.
        values: ours -> what stands there; empty: nothing.
        comma: decimals have one.
    """

    place: str
    names: Mapping[str, str]
    values: Mapping[str, str]
    comma: bool

    def text(self, ours: str) -> str:
        """As it stands there."""
        return self.values.get(ours, "")

    def value(self, ours: str, expected: str = "a number, 0 or more") -> float | None:
        """A number; None where there is none."""
        plain = self._plain(ours)
        try:
            found = float(plain) if plain else None
        except ValueError:
            found = math.nan
        if found is not None and not (math.isfinite(found) and found >= 0):
            raise UsageError(f"{self.place}: {self.names[ours]} is {self.text(ours)!r}; expected {expected}")
        return found

    def count(self, ours: str) -> int | None:
        """A whole number; None where there is none, and 0 where there is no such column."""
        expected = "a whole number, 0 or more"
        found, plain = self.value(ours, expected), self._plain(ours)
        if plain and not _WHOLE.fullmatch(plain):
            raise UsageError(f"{self.place}: {self.names[ours]} is {self.text(ours)!r}; expected {expected}")
        if found is None:
            return None if ours in self.names else 0
        return int(found)

    def _plain(self, ours: str) -> str:
        return self.text(ours).replace(",", ".") if self.comma else self.text(ours)


def read_table(path: Path) -> Table:
    """The rows of a CSV with a header; see COLUMNS.

    Raises:
        UsageError: the file cannot be read, lacks a column, or has a cell too many, too few or one that is no
            number (its line is named).
    """
    split = _best_split(path)
    at = split.header()
    if len(split.lines) <= at + 1:
        raise UsageError(f"{path}: there is no row in it; expected a header and a row for each run")
    header, lines = split.lines[at], split.lines[at + 1 :]
    places = _columns(path, header)
    names = {ours: header.cells[place] for ours, place in places.items()}
    for line in lines:
        more = len(line.cells) - len(header.cells)
        # A row that leaves cells off is as sure a sign of decimal commas as one that has too many.
        if more > 0 or (more < 0 and split.delimiter == ","):
            raise UsageError(_other_count(path, line, header, split.delimiter))
    found = [
        {ours: line.cells[place] for ours, place in places.items() if place < len(line.cells)}
        for line in lines
    ]
    numbered = [f"{path}:{line.place}" for line in lines]
    comma = split.delimiter != "," and _has_decimal_commas(numbered, found)
    cells = [_Cells(place, names, values, comma) for place, values in zip(numbered, found, strict=True)]
    return Table(tuple(_row(position, each) for position, each in enumerate(cells, 1)), names)


def _best_split(path: Path) -> _Split:
    try:
        content = path.read_bytes()
        wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot read the table: {error}") from error
    best = max((_split(text, delimiter) for delimiter in _DELIMITERS), key=_Split.known)
    if best.error:
        raise UsageError(f"{path}:{best.error}")
    return best


def _split(text: str, delimiter: str) -> _Split:
    """By the rules of CSV; a line's place is where it begins, since a quoted cell may hold newlines."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines, begins, why = [], 1, ""
    try:
        for cells in reader:
            line = _Line(begins, tuple(cell.strip() for cell in cells))
            lines += [line] if any(line.cells) else []
            begins = reader.line_num + 1
    except csv.Error as error:
        why = f"{begins}: cannot read the table: {error}"
    return _Split(delimiter, tuple(lines), why)


def _columns(path: Path, header: _Line) -> dict[str, int]:
    """Which column of the file holds what."""
    cells = [cell.lower() for cell in header.cells]
    place = f"{path}:{header.place}"
    found = {ours: cells.index(name) for ours, names in COLUMNS.items() for name in names if name in cells}
    lacking = [names[0] for ours, names in COLUMNS.items() if ours not in found and ours not in _OPTIONAL]
    if lacking:
        raise UsageError(
            f"{place}: no column {', '.join(lacking)}; the columns are {', '.join(header.cells)}"
        )
    twice = sorted({name for name in cells if name in _KNOWN and cells.count(name) > 1})
    if twice:
        raise UsageError(f"{place}: there is more than one column {', '.join(twice)}")
    return found


def _other_count(path: Path, line: _Line, header: _Line, delimiter: str) -> str:
    said = f"{path}:{line.place}: {len(line.cells)} cells, but the header has {len(header.cells)}"
    if delimiter != ",":
        return said
    return f"{said}; decimal commas need semicolons between the cells, an unknown number an empty cell"


def _has_decimal_commas(places: Sequence[str], lines: Sequence[Mapping[str, str]]) -> bool:
    """Whether numbers have a comma; both kinds of mark in one table may be thousands, and are refused."""
    seen: dict[str, str] = {}
    for place, values in zip(places, lines, strict=True):
        for text in (text for ours, text in values.items() if ours not in _WORDS):
            seen |= {mark: text for mark in ",." if mark in text and mark not in seen}
            if len(seen) == 2:
                both = " and ".join(repr(each) for each in seen.values())
                raise UsageError(f"{place}: decimals with a comma and with a point in one table: {both}")
    return "," in seen


def _row(position: int, cells: _Cells) -> Row:
    mode = cells.text("mode").lower()
    if mode not in list(Mode):
        raise UsageError(f"{cells.place}: mode is {cells.text('mode')!r}; expected {' or '.join(Mode)}")
    uploaded, processing = cells.count("uploaded"), cells.count("processing")
    return Row(
        name=cells.text("run") or str(position),
        mode=Mode(mode),
        total=cells.count("total"),
        done=cells.count("done"),
        failed=cells.count("failed"),
        waiting=None if uploaded is None or processing is None else uploaded + processing,
        throughput_per_min=cells.value("throughput_per_min"),
        response_mean_s=cells.value("response_mean_s"),
        rate_per_min=cells.value("rate_per_min"),
        servers=_servers(cells),
    )


def _servers(cells: _Cells) -> int | None:
    """Worker processes over all nodes; a table without nodes means all of them by its concurrency."""
    concurrency = cells.count("concurrency")
    return concurrency * (cells.count("nodes") or 1) if concurrency else None
