"""A case as a plain document, and back. Nothing is computed: what was measured is what is read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from perf.judge.slos import Slo
from perf.judge.verdict import Kind, SloResult, Verdict
from perf.matrix import Case, Mode, Variant
from perf.measure.ideal import Ideal
from perf.measure.intervals import Interval
from perf.measure.ledger import Ledger, TaskRecord
from perf.measure.machine import MachineUse
from perf.measure.metrics import Summary
from perf.measure.validity import Problem
from perf.run import CaseResult

#: Raised when a document of an earlier form can no longer be read.
FORMAT = 2


def case_document(result: CaseResult, machine: Mapping[str, Any]) -> dict[str, Any]:
    """Everything about a case, in what JSON can hold; *machine* is what it ran on."""
    return {
        "format": FORMAT,
        "id": result.case.id,
        "case": asdict(result.case),
        "verdict": asdict(result.verdict),
        "summary": asdict(result.summary),
        "ideal": asdict(result.ideal) if result.ideal else None,
        "intervals": {name: asdict(interval) for name, interval in result.intervals.items()},
        "machine_use": asdict(result.machine) if result.machine else None,
        "facts": dict(result.facts),
        "machine": dict(machine),
        "records": [_plain(record) for record in result.ledger.to_records()],
    }


def case_result(document: Mapping[str, Any]) -> CaseResult:
    """The case again.

    Raises:
        KeyError, TypeError, ValueError: the document is not one of this form.
    """
    if document["format"] != FORMAT:
        raise ValueError(f"format {document['format']}, expected {FORMAT}")
    return CaseResult(
        case=_case(document["case"]),
        ledger=Ledger.of(TaskRecord(**record) for record in document["records"]),
        summary=Summary(**document["summary"]),
        verdict=read_verdict(document["verdict"]),
        ideal=_ideal(document["ideal"]),
        intervals={name: Interval(**each) for name, each in document["intervals"].items()},
        machine=MachineUse(**document["machine_use"]) if document["machine_use"] else None,
        facts=document["facts"],
    )


def _plain(record: TaskRecord) -> dict[str, Any]:
    """As asdict, which would copy each value deeply: a million records take a while as it is."""
    return {each.name: getattr(record, each.name) for each in fields(record)}


def _case(plain: Mapping[str, Any]) -> Case:
    return Case(**{**plain, "variant": Variant(plain["variant"]), "mode": Mode(plain["mode"])})


def _ideal(plain: Mapping[str, Any] | None) -> Ideal | None:
    return None if plain is None else Ideal(**{**plain, "service_s": tuple(plain["service_s"])})


def read_verdict(plain: Mapping[str, Any]) -> Verdict:
    """A verdict as it was written."""
    return Verdict(
        kind=Kind(plain["kind"]),
        results=tuple(map(_slo_result, plain["results"])),
        problems=tuple(Problem(**each) for each in plain["problems"]),
    )


def _slo_result(plain: Mapping[str, Any]) -> SloResult:
    interval = Interval(**plain["interval"]) if plain["interval"] else None
    return SloResult(**{**plain, "slo": Slo(**plain["slo"]), "interval": interval})
