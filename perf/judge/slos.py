"""The service-level objectives of slos.toml: parsed and checked whole, before any load.

A table for each variant and mode, and one for each case that differs::

    [mocked.burst]
    slos = ["efficiency >= 0.5", "lost == 0"]

    [mocked."50MB-c1-burst"]
    slos = ["efficiency >= 0.6"]

The grammar of one SLO, as in k6's thresholds::

    slo    = metric op number [unit]
    metric = a name in perf.measure.summary.METRICS, of a web case in perf.measure.web_summary.WEB_METRICS
    op     = ">=" | "<=" | ">" | "<" | "=="
    number = ["-"] digits ["." digits]
    unit   = the metric's own ("s", "per_min", "per_s"), as a reminder; nothing is converted

The cases of the web tier have one table each, such as [mocked.web-smoke].

A case's SLOs are those of its variant and mode, and those of its own table; its own replace the general
ones that bound the same metric on the same side (``==`` bounds it on both).
"""

from __future__ import annotations

import operator
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perf.errors import UsageError
from perf.judge.lines import line_of
from perf.matrix import Axes, Case, Mode, Variant, cases, nearest
from perf.measure.summary import METRICS, Metric
from perf.measure.web_summary import WEB_METRICS
from perf.web_matrix import WebCase, WebMode

OPERATORS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq}
_SLIPS = {"=>": ">=", "=<": "<=", "=": "==", "===": "==", "≥": ">=", "≤": "<="}
_SIDES = {">=": {"low"}, ">": {"low"}, "<=": {"high"}, "<": {"high"}, "==": {"low", "high"}}
_SLO = re.compile(r"\s*(\w+)\s*([^\w\s.+-]+)\s*(-?\d+(?:\.\d+)?)\s*(\S*)\s*")
_CASE_KEY = re.compile(r"[1-9]\d*MB-c[1-9]\d*-(\w+)")


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


@dataclass(frozen=True, slots=True)
class SloBook:
    """All SLOs of a file, by variant and by mode (``burst``) or case (``50MB-c1-burst``)."""

    source: str
    tables: Mapping[tuple[Variant, str], tuple[Slo, ...]]

    def for_case(self, case: Case | WebCase) -> tuple[Slo, ...]:
        """The SLOs of a case, at least one.

        Raises:
            UsageError: there is none.
        """
        general = self.tables.get((case.variant, str(case.mode)), ())
        own = self.tables.get((case.variant, case.key), ())
        kept = tuple(slo for slo in general if not any(each.replaces(slo) for each in own))
        if not kept + own:
            raise UsageError(
                f"{self.source}: no SLO for {case.id}, and a case without any can only pass; "
                f'add [{case.variant}.{case.mode}] or [{case.variant}."{case.key}"]'
            )
        return kept + own


def load_slos(path: Path) -> SloBook:
    """Read and check a whole file.

    Raises:
        UsageError: one line with the file, the line in it, what is wrong and the nearest right name.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot read the SLOs: {error}") from error
    return parse_slos(text, str(path))


def parse_slos(text: str, source: str) -> SloBook:
    """The same from the text; *source* is what messages call it.

    Raises:
        UsageError: as load_slos.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line (\d+)", str(error))
        line = int(place[1]) if place else len(text.splitlines())
        raise UsageError(f"{source}:{line}: not TOML: {error}") from error
    return SloBook(source, dict(_tables(_File(text, source), document)))


@dataclass(frozen=True, slots=True)
class _File:
    text: str
    source: str

    def place(self, table: tuple[str, ...], needle: str = "") -> str:
        return f"{self.source}:{line_of(self.text, table, needle)}"


def _tables(
    file: _File, document: Mapping[str, Any]
) -> Iterator[tuple[tuple[Variant, str], tuple[Slo, ...]]]:
    known = [str(variant) for variant in Variant]
    for variant, tables in document.items():
        if variant not in known:
            place = file.place((variant,), variant)
            raise UsageError(f"{place}: unknown variant {variant!r}{nearest(variant, known)}")
        for key, table in _table(file, (variant,), tables, "[variant.mode]").items():
            mode = _mode_of(file, variant, key)
            yield (Variant(variant), key), _slos(file, (variant, key), table, mode)


def _mode_of(file: _File, variant: str, key: str) -> Mode | WebMode:
    """The mode of a table's key: a mode itself, or a case's name within its variant."""
    if key in list(WebMode):
        return WebMode(key)
    modes = [str(mode) for mode in Mode]
    match = _CASE_KEY.fullmatch(key)
    word = match[1] if match else key
    if word in modes:
        return Mode(word)
    known = [*modes, *map(str, WebMode), *(case.key for case in cases(Variant(variant), Axes()))]
    raise UsageError(
        f"{file.place((variant, key), key)}: unknown mode or case {key!r}{nearest(key, known)}; "
        f"expected {', '.join([*modes, *WebMode])}, or a case such as 50MB-c1-burst"
    )


def _table(file: _File, path: tuple[str, ...], value: Any, expected: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{file.place(path, path[-1])}: {path[-1]!r} is not a table; expected {expected}")
    return value


def _slos(file: _File, path: tuple[str, str], value: Any, mode: Mode | WebMode) -> tuple[Slo, ...]:
    table = _table(file, path, value, 'a table with slos = ["metric >= number", ...]')
    for key in table:
        if key != "slos":
            raise UsageError(f"{file.place(path, key)}: unknown key {key!r}{nearest(key, ['slos'])}")
    texts = table.get("slos")
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise UsageError(f'{file.place(path, "slos")}: expected slos = ["metric >= number", ...], not empty')
    slos: list[Slo] = []
    for text in texts:
        slo = parse_slo(text, mode, file.place(path, text))
        if any(slo.replaces(earlier) for earlier in slos):
            raise UsageError(f"{slo.source}: {text!r}: {slo.metric} is bounded on this side already")
        slos.append(slo)
    return tuple(slos)


def parse_slo(text: str, mode: Mode | WebMode, source: str) -> Slo:
    """One SLO of a table for *mode*.

    Raises:
        UsageError: one line that begins with *source*.
    """

    def wrong(why: str) -> UsageError:
        return UsageError(f"{source}: {text!r}: {why}")

    match = _SLO.fullmatch(text)
    if match is None:
        raise wrong("expected metric op number, e.g. response_p95_s <= 30")
    name, op, limit, unit = match[1], match[2], float(match[3]), match[4]
    known = WEB_METRICS if isinstance(mode, WebMode) else METRICS
    metric = known.get(name)
    if metric is None:
        raise wrong(f"unknown metric {name!r}{nearest(name, known)}")
    if op not in OPERATORS:
        hint = f"; did you mean {_SLIPS[op]!r}?" if op in _SLIPS else ""
        raise wrong(f"unknown operator {op!r}{hint}; expected one of {' '.join(OPERATORS)}")
    if unit and unit != metric.unit:
        measure = (
            f"in {metric.unit}"
            if metric.unit in ("s", "per_min", "per_s")
            else f"a {metric.unit} without a unit"
        )
        raise wrong(f"{name} is {measure}, not in {unit!r}; convert the limit")
    if mode not in metric.modes:
        raise wrong(f"{name} does not exist for {mode} cases, only for {', '.join(sorted(metric.modes))}")
    if (why := _senseless(metric, op, limit)) is not None:
        raise wrong(why)
    return Slo(name, op, limit, source)


def _senseless(metric: Metric, op: str, limit: float) -> str | None:
    """Why an SLO could never pass or never fail; None when it can do both."""
    if op == "==" and metric.unit != "count":
        return f"{metric.name} is measured and never exactly equal to a limit; use <= or >="
    if op == "==" and limit != int(limit):
        return "a count is never a fraction, so this can never pass"
    if metric.signed:
        return None
    if limit < 0 or (limit == 0 and op in ("<", ">=")):
        return f"{metric.name} is never below 0, so this can never {'fail' if op in ('>', '>=') else 'pass'}"
    return None
