"""The kinds of case that the suite has: a new one of its own is an entry here. And what each must hold to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from perf.cases.case import Case, Variant
from perf.cases.errors import UsageError
from perf.measure.figures import Figures
from perf.run.against import AGAINST
from perf.run.faults import FAULTS
from perf.run.kind import Kind
from perf.run.scale_out import SCALE_OUT
from perf.run.search import SEARCH
from perf.run.web import WEB
from perf.run.worker import WORKER
from perf.store.result import Result

KINDS: tuple[Kind[Any, Any], ...] = (WORKER, WEB, SEARCH, AGAINST, FAULTS, SCALE_OUT)

_MUST_HAVE = ("name", "parameter", "feature", "case", "result", "summary")
#: What no two kinds may have in common, since cases, options, rows and markers are told apart by it.
_OWN = ("name", "parameter", "consolidated")


def with_ours(others: Iterable[object]) -> tuple[Kind[Any, Any], ...]:
    """Our kinds, and those that the hook `pytest_perf_kinds` brought.

    Raises:
        UsageError: one of those could not run: what it lacks.
    """
    kinds = list(KINDS)
    for other in others:
        if not isinstance(other, Kind):
            raise UsageError(f"pytest_perf_kinds gave {other!r}: expected a list of objects of kinds (Kind)")
        for fault in _faults(other, kinds):
            raise UsageError(f"the kind of case {_called(other)}: {fault}")
        kinds.append(other)
    return tuple(kinds)


def _called(kind: Kind[Any, Any]) -> str:
    return f"{getattr(kind, 'name', '')!r} ({type(kind).__name__})"


def _faults(kind: Kind[Any, Any], others: Iterable[Kind[Any, Any]]) -> Iterator[str]:
    lacking = [name for name in _MUST_HAVE if not getattr(kind, name, None)]
    if lacking:
        yield f"has no {', '.join(lacking)}; see perf/run/kind.py"
    if kind.case.kind != kind.name:
        yield f"its cases call it {kind.case.kind!r}: give {kind.case.__name__}.kind and its name the same"
    bases: list[tuple[type, type]] = [(kind.case, Case), (kind.result, Result), (kind.summary, Figures)]
    for given, base in bases:
        if not issubclass(given, base):
            yield f"{given.__name__} does not derive from {base.__name__}"
    if unknown := [name for name in kind.headlines if name not in kind.metrics]:
        yield f"its headlines {', '.join(unknown)} are no metrics of {kind.summary.__name__}"
    if kind.marker and (not kind.marker.isidentifier() or kind.marker in (*Variant, "bench")):
        yield f"its marker {kind.marker!r} is no word of its own"
    for other in others:
        yield from _shared(kind, other)


def _shared(kind: Kind[Any, Any], other: Kind[Any, Any]) -> Iterator[str]:
    for name in _OWN:
        if getattr(kind, name) == getattr(other, name):
            yield f"its {name} {getattr(kind, name)!r} is that of the kind {other.name!r} too"
    if same := {option.name for option in kind.options} & {option.name for option in other.options}:
        yield f"its option --{min(same)} is one of the kind {other.name!r} too"
