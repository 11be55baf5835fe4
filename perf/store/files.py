"""How a file of results is written: whole or not at all, and without secrets."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perf.store.result import Table
from perf.store.secrets import without_secrets


def replace(path: Path, text: str) -> None:
    """Write a file whole or not at all: a reader or a crash never sees half of it. No secret gets into it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            file.write(without_secrets(text))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a document; a number that JSON cannot hold is a defect and raises ValueError."""
    replace(path, json.dumps(document, indent=1, allow_nan=False, default=str) + "\n")


def csv_text(rows: Table) -> str:
    """The rows as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def merge_row(path: Path, values: Mapping[str, object]) -> None:
    """Add a row to a table whose rows are told apart by their column ``case``, in the place of an earlier.

    A column that only earlier rows have stays.
    """
    row = {column: "" if value is None else str(value) for column, value in values.items()}
    rows = [earlier for earlier in _rows(path) if earlier.get("case") != row["case"]] + [row]
    columns = list(dict.fromkeys(column for each in (row, *rows) for column in each))
    replace(path, csv_text([columns, *([each.get(column, "") for column in columns] for each in rows)]))


def numbers(path: Path) -> list[dict[str, float]]:
    """The rows of a CSV file, what is not a number left out; none where there is no such file."""
    return [{key: float(text) for key, text in row.items() if _is_number(text)} for row in _rows(path)]


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except (TypeError, ValueError):
        return False
    return True
