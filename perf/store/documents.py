"""A case as a plain document, and back. Nothing is computed: what was measured is what is read again.

A document begins with what every report needs, whatever its kind: so it can be shown also where that kind is
not known. The rest are the fields of the kind's result, read back into the types that were written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from perf.cases.case import Case
from perf.judge.verdict import Verdict, VerdictKind
from perf.measure.cloud import instance_healthy_s
from perf.measure.estimates import Estimate, estimates
from perf.observe.seen import CloudState
from perf.store.legacy import upgraded
from perf.store.result import Phase, Result, StoredKind

#: Raised when a document of an earlier form is to be read otherwise; perf.store.legacy does that.
FORMAT = 3
#: Beside PASS, FAIL and INVALID: the suite or the deployment broke, and there is no verdict.
BROKEN = "BROKEN"


@dataclass(frozen=True)
class StoredCase:
    """A case as it was read back.

    Attributes:
        kind: the name of its kind.
        outcome: PASS, FAIL, INVALID or BROKEN.
        message: what is wrong, a line each.
        verdict: None where it is BROKEN.
        values: every metric by its name.
        headlines: those that stand first, with their units.
        parameters: label -> text, of what makes the case what it is.
        circumstances: the same of what differs from run to run.
        alike: the same of what must be alike for runs to be held against each other.
        estimates: the metrics by which they are; documents of earlier versions, of kinds that are not known,
            have none.
        machine: what it ran on.
        result: all there is, where the kind is known.
    """

    id: str
    kind: str
    variant: str
    title: str
    feature: str
    story: str
    outcome: str
    message: str
    verdict: Verdict | None = None
    values: Mapping[str, float | None] = field(default_factory=dict)
    headlines: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    circumstances: Mapping[str, str] = field(default_factory=dict)
    alike: Mapping[str, str] = field(default_factory=dict)
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    phases: tuple[Phase, ...] = ()
    machine: Mapping[str, Any] = field(default_factory=dict)
    result: Result | None = None


def document(kind: StoredKind, result: Result, machine: Mapping[str, Any]) -> dict[str, Any]:
    """Everything about a case, in what JSON can hold; *machine* is what it ran on."""
    head = _head(kind, result.case) | {
        "headlines": {name: kind.metrics[name].unit for name in kind.headlines},
        "circumstances": {**kind.circumstances(result), **_slot(result), **_cloud(result)},
        "alike": dict(kind.alike(result)),
        "estimates": _adapter(dict[str, Estimate]).dump_python(estimates_of(kind, result), mode="json"),
    }
    body: dict[str, Any] = _adapter(type(result)).dump_python(result, mode="json", by_alias=True)
    return head | body | {"machine": dict(machine)}


def _slot(result: Result) -> dict[str, str]:
    return {"slot": result.slot} if result.slot else {}


def _cloud(result: Result) -> dict[str, str]:
    """What of CloudWatch is there and what is not, for people."""
    if result.cloud is None:
        return {}
    series = result.cloud.series
    lacking = [f"{each.metric.part} {each.metric.name}: {each.state}" for each in series if not each.values]
    late = [f"{each.metric.part} {each.metric.name}: {each.state}" for each in series
            if each.values and each.state is not CloudState.THERE]  # fmt: skip
    there = f"{len(series) - len(lacking)} of {len(series)} metrics"
    said = {"CloudWatch": "; ".join((there, *lacking, *late))}
    if (healthy_s := instance_healthy_s(result.cloud)) is not None:
        said["API grew"] = f"an instance more was healthy {healthy_s:.0f} s after the case began, to a minute"
    return said


def estimates_of(kind: StoredKind, result: Result) -> dict[str, Estimate]:
    """The metrics by which runs of a case are held against each other."""
    return estimates(kind.metrics, result.summary.values(), result.intervals)


def broken_document(
    kind: StoredKind,
    case: Case,
    error: BaseException,
    phases: Sequence[Phase],
    machine: Mapping[str, Any],
) -> dict[str, Any]:
    """That a case came to no verdict, and why."""
    return _head(kind, case) | {
        "case": _adapter(type(case)).dump_python(case, mode="json"),
        "error": f"{type(error).__name__}: {error}",
        "phases": _adapter(tuple[Phase, ...]).dump_python(tuple(phases), mode="json"),
        "machine": dict(machine),
    }


def read_case(path: Path, kinds: Sequence[StoredKind]) -> StoredCase:
    """The case of a ``case_*.json`` or ``broken_*.json``, also of earlier versions.

    Raises:
        OSError, ValueError: the file cannot be read, or is none of these.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON, or cut short: {error}") from error
    if not isinstance(found, dict):
        raise ValueError("not a document of a case")
    try:
        return _stored(upgraded(found, path, FORMAT), {kind.name: kind for kind in kinds})
    except (KeyError, TypeError, AttributeError, ValidationError) as error:
        raise ValueError(f"not a document of this version: {_one_line(error)}") from error


def _stored(found: Mapping[str, Any], kinds: Mapping[str, StoredKind]) -> StoredCase:
    kind = kinds.get(found["kind"])
    result = _adapter(kind.result).validate_python(found) if kind and "error" not in found else None
    head = dict(found)
    if kind is not None and result is not None and "estimates" not in found:  # of an earlier version
        head = document(kind, result, found.get("machine") or {})
    elif kind is not None and "title" not in found:
        head = _head(kind, _adapter(kind.case).validate_python(found["case"])) | dict(found)
    verdict = None if "error" in found else _adapter(Verdict).validate_python(found["verdict"])
    if verdict is not None:
        _require_consistent(verdict)
    return StoredCase(
        **{name: head[name] for name in ("id", "kind", "variant", "title", "feature", "story")},
        outcome=str(verdict.kind) if verdict else BROKEN,
        message=verdict.message() if verdict else str(found["error"]),
        verdict=verdict,
        values=_adapter(dict[str, float | None]).validate_python(found.get("summary", {})),
        headlines=_adapter(dict[str, str]).validate_python(head.get("headlines", {})),
        parameters=_adapter(dict[str, str]).validate_python(head["parameters"]),
        circumstances=_adapter(dict[str, str]).validate_python(head.get("circumstances", {})),
        alike=_adapter(dict[str, str]).validate_python(head.get("alike", {})),
        estimates=_adapter(dict[str, Estimate]).validate_python(head.get("estimates", {})),
        phases=_adapter(tuple[Phase, ...]).validate_python(found.get("phases", ())),
        machine=found.get("machine") or {},
        result=result,
    )


def _require_consistent(verdict: Verdict) -> None:
    """See to it that what says PASS has nothing against it: a green report is not made of a damaged file."""
    broken = [str(result) for result in verdict.results if result.passed is not True]
    worse = verdict.against.worse if verdict.against else []
    if verdict.kind is VerdictKind.PASS and (broken or verdict.problems or worse):
        against = [*broken, *map(str, verdict.problems), *worse]
        raise ValueError(f"its verdict contradicts itself: PASS, and {against[0]}")


def _refuse(constant: str) -> None:
    """NaN and the infinities, which are no JSON and which nothing here writes."""
    raise ValueError(f"{constant} is no number")


def _head(kind: StoredKind, case: Case) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "kind": kind.name,
        "id": case.id,
        "variant": str(case.variant),
        "title": case.title,
        "feature": kind.feature,
        "story": case.cell or case.key,
        "parameters": case.parameters,
    }


_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)


def _one_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return repr(error)
