"""The ledger: one record for each task that was due, and the same as columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perf.observe.seen import TaskRecord

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Objects = NDArray[Any]


_INSTANTS = ("scheduled_s", "sent_s", "uploaded_s", "started_s", "finished_s", "updated_s")
_COUNTS = ("attempts", "deliveries")
_TEXTS = ("task_id", "status", "worker", "error")
_ORDER = attrgetter(*TaskRecord.__slots__)


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """The records as columns of one length n; instants are NaN where a record has None."""

    task_id: Objects
    scheduled_s: Floats
    sent_s: Floats
    uploaded_s: Floats
    started_s: Floats
    finished_s: Floats
    updated_s: Floats
    status: Objects
    attempts: Ints
    deliveries: Ints
    worker: Objects
    error: Objects

    @classmethod
    def of(cls, records: Iterable[TaskRecord]) -> Ledger:
        """The ledger of these records, in their order."""
        rows = list(records)
        columns: dict[str, Any] = {name: _column(rows, name, np.float64) for name in _INSTANTS}
        columns |= {name: _column(rows, name, np.int64) for name in _COUNTS}
        columns |= {name: _column(rows, name, np.object_) for name in _TEXTS}
        return cls(**columns)

    def __len__(self) -> int:
        return len(self.task_id)

    def is_in(self, *states: str) -> Bools:
        """A mask of the tasks in any of these states."""
        mask = np.zeros(len(self), dtype=np.bool_)
        for state in states:
            mask |= self.status == str(state)
        return mask

    def where(self, mask: Bools) -> Ledger:
        """The tasks that the mask (n booleans) selects."""
        return Ledger(*(column[mask] for column in _ORDER(self)))

    def select(self, *states: str) -> Ledger:
        """The tasks in any of these states."""
        return self.where(self.is_in(*states))

    def to_records(self) -> list[TaskRecord]:
        """The records again, equal to those it was made of."""
        columns = [
            _present(column) if column.dtype == np.float64 else column.tolist() for column in _ORDER(self)
        ]
        return [TaskRecord(*values) for values in zip(*columns, strict=True)]


def _column(rows: list[TaskRecord], name: str, dtype: type[np.generic]) -> NDArray[Any]:
    """One column; numpy reads None as NaN where the type is float64."""
    return np.array([getattr(row, name) for row in rows], dtype=dtype)


def _present(instants: Floats) -> list[float | None]:
    return [None if value != value else value for value in instants.tolist()]  # noqa: PLR0124 - NaN alone differs
