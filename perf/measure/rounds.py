"""Several bursts of one case as one ledger. Pure.

A burst that was too small to decide is repeated and not lengthened, since its response times depend on its
size. Here each repetition is moved to the end of the one before it: so the time between them, in which
nothing was to be done, is in no rate, and every duration stays what it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from perf.measure.ledger import Ledger
from perf.observe.seen import TaskRecord

_INSTANTS = ("scheduled_s", "sent_s", "uploaded_s", "started_s", "finished_s", "updated_s")


def joined(ledgers: Sequence[Ledger]) -> Ledger:
    """At least one ledger, each begun where the last of its predecessors' tasks had finished."""
    if len(ledgers) == 1:
        return ledgers[0]
    records: list[TaskRecord] = ledgers[0].to_records()
    end_s = _end_s(ledgers[0])
    for ledger in ledgers[1:]:
        by_s = end_s - float(ledger.scheduled_s.min())
        records += [_moved(record, by_s) for record in ledger.to_records()]
        end_s = _end_s(ledger) + by_s
    return Ledger.of(records)


def _end_s(ledger: Ledger) -> float:
    return float(np.nanmax(np.append(ledger.finished_s, ledger.scheduled_s)))


def _moved(record: TaskRecord, by_s: float) -> TaskRecord:
    moved: dict[str, Any] = {}
    for name in _INSTANTS:
        at_s = getattr(record, name)
        moved[name] = None if at_s is None else at_s + by_s
    return replace(record, **moved)
