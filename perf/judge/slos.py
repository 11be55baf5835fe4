"""The service-level objectives of slos.toml: parsed and checked whole, before any load.

A table is [variant.key]. Its variant is ``mocked``, ``local``, ``aws`` or ``all`` of them; its key is a kind
of case, a mode, or a case as it is called within its variant::

    [all.worker]
    slos = ["failed == 0", "lost == 0"]

    [mocked.burst]
    slos = ["efficiency >= 0.5"]

    [mocked."50MB-c1-burst"]
    slos = ["efficiency >= 0.6"]

The grammar of one SLO, as in k6's thresholds::

    slo    = metric op number [unit]
    metric = a name among the metrics of the kind, such as those of perf.measure.summary
    op     = ">=" | "<=" | ">" | "<" | "=="
    number = ["-"] digits ["." digits]
    unit   = the metric's own ("s", "per_min", "per_s"), as a reminder; nothing is converted

Tables inherit. For a case those of its kind, its mode and its own key hold, each first of ``all`` and then of
its variant; a later one replaces the objectives that bound the same metric on the same side (``==`` bounds it
on both). So, from the weakest to the strongest::

    [all.worker]            [mocked.worker]
    [all.burst]             [mocked.burst]
    [all."50MB-c1-burst"]   [mocked."50MB-c1-burst"]

The key goes before the variant, since it says what an objective is of, and the variant only where that is
measured: what stands there for one case in all variants is an exception made on purpose, and the table of a
variant, whose author had no case in mind, must not undo it. The other way round every exception would have
to be written once for each variant.

What a table bounds must exist for all the modes that it covers: a case without it could never be decided.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Protocol

from perf.cases.case import EVERY_VARIANT, Case, Variant
from perf.cases.errors import UsageError
from perf.cases.options import nearest
from perf.judge.keys import examples, header, modes_of, modes_within
from perf.judge.lines import line_of, line_of_table
from perf.judge.sense import OPERATORS, misfit
from perf.measure.figures import Metric

_SIDES = {">=": {"low"}, ">": {"low"}, "<=": {"high"}, "<": {"high"}, "==": {"low", "high"}}
_SLO = re.compile(r"\s*(\w+)\s*([^\w\s.+-]+)\s*(-?\d+(?:\.\d+)?)\s*(\S*)\s*")
_VARIANTS = (EVERY_VARIANT, *map(str, Variant))


class Judged(Protocol):
    """What must be known of a kind to read its SLOs."""

    @property
    def name(self) -> str:
        """What the tables for all its cases are called; `Case.kind` of its cases."""

    @property
    def case(self) -> type[Case]:
        """What its cases are."""

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Every metric by its name."""


@dataclass(frozen=True, slots=True)
class Slo:
    """One objective: ``metric op limit``, the limit in the metric's unit; source is ``file:line``."""

    metric: str
    op: str
    limit: float
    source: str = ""

    def __str__(self) -> str:
        return f"{self.metric} {self.op} {self.limit:.15g}"

    def holds(self, measured: float) -> bool:
        """Whether a measured value keeps it."""
        return bool(OPERATORS[self.op](measured, self.limit))

    def replaces(self, other: Slo) -> bool:
        """Whether both bound the same metric on the same side."""
        return self.metric == other.metric and bool(_SIDES[self.op] & _SIDES[other.op])


def contradiction(slos: Sequence[Slo]) -> str:
    """Which two of a case's SLOs no value can keep; nothing when there are none."""
    floors = [each for each in slos if each.op in (">", ">=")]
    roofs = [each for each in slos if each.op in ("<", "<=")]
    for low, high in product(floors, roofs):
        closed = low.op == ">=" and high.op == "<="
        if low.metric == high.metric and (low.limit > high.limit or (low.limit == high.limit and not closed)):
            return (
                f"{low} ({low.source}) and {high} ({high.source}) contradict each other: no value keeps both"
            )
    return ""


@dataclass(frozen=True, slots=True)
class SloBook:
    """All SLOs of a file, by variant (or ``all``) and key."""

    source: str
    tables: Mapping[tuple[str, str], tuple[Slo, ...]]

    def for_case(self, case: Case) -> tuple[Slo, ...]:
        """The SLOs of a case, at least one.

        Raises:
            UsageError: there is none.
        """
        found = self.found_for(case)
        if not found:
            headers = " or ".join(header(case.variant, key) for key in case.tables)
            raise UsageError(
                f"{self.source}: no SLO for {case.id}, and there must be one to judge it by; add {headers}"
            )
        return found

    def found_for(self, case: Case) -> tuple[Slo, ...]:
        """The same, and nothing where there is none: for a case that is judged by more than the file."""
        slos: tuple[Slo, ...] = ()
        for key, variant in product(case.tables, (EVERY_VARIANT, case.variant)):
            stronger = self.tables.get((variant, key), ())
            slos = (*(slo for slo in slos if not any(each.replaces(slo) for each in stronger)), *stronger)
        return slos


def load_slos(path: Path, kinds: Sequence[Judged]) -> SloBook:
    """Read and check a whole file, for these kinds of cases.

    Raises:
        UsageError: one line with the file, the line in it, what is wrong and the nearest right name.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot read the SLOs: {error}") from error
    return parse_slos(text, str(path), kinds)


def parse_slos(text: str, source: str, kinds: Sequence[Judged]) -> SloBook:
    """The same from the text; *source* is what messages call it.

    Raises:
        UsageError: as load_slos.
    """
    try:
        document = tomllib.loads(text)
    except RecursionError:
        raise UsageError(f"{source}: not TOML that could be read: its values are nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line (\d+)", str(error))
        line = int(place[1]) if place else len(text.splitlines())
        raise UsageError(f"{source}:{line}: not TOML: {error}") from error
    return SloBook(source, dict(_tables(_File(text, source), document, kinds)))


def parse_slo(text: str, metrics: Mapping[str, Metric], modes: Collection[str], source: str) -> Slo:
    """One SLO of a table that covers these modes of a kind with these metrics.

    Raises:
        UsageError: one line that begins with *source*.
    """
    match = _SLO.fullmatch(text)
    if match is None:
        raise UsageError(f"{source}: {text!r}: expected metric op number, e.g. response_p95_s <= 30")
    name, op, limit, unit = match[1], match[2], float(match[3]), match[4]
    metric = metrics.get(name)
    if metric is None:
        raise UsageError(f"{source}: {text!r}: unknown metric {name!r}{nearest(name, metrics)}")
    if why := misfit(metric, op, limit, unit, modes):
        raise UsageError(f"{source}: {text!r}: {why}")
    return Slo(name, op, limit, source)


@dataclass(frozen=True, slots=True)
class _File:
    text: str
    source: str

    def place(self, table: tuple[str, ...]) -> str:
        return f"{self.source}:{line_of_table(self.text, table)}"

    def place_in(self, table: tuple[str, ...], needle: str) -> str:
        return f"{self.source}:{line_of(self.text, table, needle)}"


@dataclass(frozen=True, slots=True)
class _Scope:
    """What a key stands for: cases of this kind, in these modes of it."""

    kind: Judged
    modes: tuple[str, ...]


def _tables(
    file: _File, document: Mapping[str, Any], kinds: Sequence[Judged]
) -> Iterator[tuple[tuple[str, str], tuple[Slo, ...]]]:
    for variant, tables in document.items():
        if variant not in _VARIANTS:
            raise UsageError(
                f"{file.place((variant,))}: unknown variant {variant!r}{nearest(variant, _VARIANTS)}"
            )
        for key, table in _table(file, (variant,), tables, "[variant.key]").items():
            path = (variant, key)
            yield path, _slos(file, path, table, _scope(file, path, kinds))


def _table(file: _File, path: tuple[str, ...], value: Any, expected: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{file.place(path)}: {path[-1]!r} is not a table; expected {expected}")
    return value


def _slos(file: _File, path: tuple[str, str], value: Any, scope: _Scope) -> tuple[Slo, ...]:
    slos: list[Slo] = []
    for text in _texts(file, path, value):
        slo = parse_slo(text, scope.kind.metrics, scope.modes, file.place_in(path, text))
        if scope.kind.metrics[slo.metric].here and path[0] in (EVERY_VARIANT, Variant.AWS):
            raise UsageError(
                f"{slo.source}: {text!r}: {slo.metric} needs bare runs beside the workers, and those of aws "
                f"are elsewhere; say "
                f"{header(Variant.MOCKED, path[1])} or {header(Variant.LOCAL, path[1])}"
            )
        if any(slo.replaces(earlier) for earlier in slos):
            raise UsageError(f"{slo.source}: {text!r}: {slo.metric} is bounded on this side already")
        slos.append(slo)
    return tuple(slos)


def _texts(file: _File, path: tuple[str, str], value: Any) -> list[str]:
    table = _table(file, path, value, 'a table with slos = ["metric >= number", ...]')
    for key in table:
        if key != "slos":
            raise UsageError(f"{file.place_in(path, key)}: unknown key {key!r}{nearest(key, ['slos'])}")
    texts = table.get("slos")
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise UsageError(
            f'{file.place_in(path, "slos")}: expected slos = ["metric >= number", ...], not empty'
        )
    return texts


def _scope(file: _File, path: tuple[str, str], kinds: Sequence[Judged]) -> _Scope:
    """What the key of a table stands for, which must be one thing."""
    variant, key = path
    covered = ((kind, modes_within(kind.case, kind.name, key)) for kind in kinds)
    scopes = [_Scope(kind, modes) for kind, modes in covered if modes is not None]
    if not scopes:
        raise UsageError(f"{file.place(path)}: unknown kind, mode or case {key!r}{_right(key, kinds)}")
    if len(scopes) > 1:
        names = [scope.kind.name for scope in scopes]
        raise UsageError(
            f"{file.place(path)}: {key!r} could be of {' or '.join(names)} cases; say which, by the "
            f"table {header(variant, names[0])} or one of a case, or give the modes names of their own"
        )
    return scopes[0]


def _right(key: str, kinds: Sequence[Judged]) -> str:
    """The hint for an unknown key: the nearest right one, and what there is."""
    known = list(dict.fromkeys(word for kind in kinds for word in (kind.name, *modes_of(kind.case))))
    cases = [example for kind in kinds for example in examples(kind.case, like=key)]
    return f"{nearest(key, known + cases)}; expected {', '.join(known)}, or a case such as {cases[0]}"
