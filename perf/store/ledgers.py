"""A ledger as documents hold it: the records of its tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, PlainValidator

from perf.measure.ledger import Ledger
from perf.observe.seen import TaskRecord


def write_ledger(ledger: Ledger) -> list[dict[str, Any]]:
    """The records as documents hold them."""
    names = TaskRecord.__slots__
    return [{name: getattr(record, name) for name in names} for record in ledger.to_records()]


def read_ledger(records: Sequence[Mapping[str, Any]]) -> Ledger:
    """The same read back."""
    return Ledger.of(TaskRecord(**record) for record in records)


#: A ledger as a field of a result; in documents it is its records.
StoredLedger = Annotated[
    Ledger, PlainValidator(read_ledger), PlainSerializer(write_ledger), Field(alias="records")
]
