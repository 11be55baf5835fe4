"""The runs of a results folder, read back from their artifacts alone."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perf.errors import UsageError
from perf.report.view import CaseView, case_view

#: `broken_` is what a case leaves that came to no verdict.
_KINDS = ("case_", "broken_")
_Place = tuple[str, int, int, str]


@dataclass(frozen=True)
class Run:
    """A run as it is shown.

    Attributes:
        folder: its results.
        cases: in the order of the matrix.
        unread: files that could not be read, and why.
    """

    folder: Path
    cases: tuple[CaseView, ...]
    unread: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The folder's name: when the run began."""
        return self.folder.name

    @property
    def machine(self) -> Mapping[str, Any]:
        """What it ran on."""
        return next((case.machine for case in self.cases if case.machine), {})

    def count(self, kind: str) -> int:
        """How many cases ended so."""
        return sum(case.kind == kind for case in self.cases)


def find_run(path: Path) -> Path:
    """The run that *path* names: itself, or the latest of the runs in it.

    Raises:
        UsageError: there is none.
    """
    if _is_run(path):
        return path
    runs = runs_in(path)
    if not runs:
        raise UsageError(
            f"{path}: no results in it, no case_*.json; give the folder of a run, "
            "such as results/2026-11-23T10-00-00Z"
        )
    return runs[-1]


def runs_in(path: Path) -> list[Path]:
    """The runs of a results folder, the oldest first: their names are when they began."""
    return sorted(child for child in path.glob("*") if child.is_dir() and _is_run(child))


def read_run(folder: Path) -> Run:
    """All that is in the folder of a run. A file that cannot be read is told and not passed over."""
    cases: list[tuple[_Place, CaseView]] = []
    unread: list[str] = []
    for path in documents(folder):
        try:
            cases.append((_order(path), read_case_view(path)))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            unread.append(f"{path.name}: not of this version: {error!r}")
    return Run(folder, tuple(view for _, view in sorted(cases, key=lambda each: each[0])), tuple(unread))


def read_case_view(path: Path) -> CaseView:
    """The view of one case's file.

    Raises:
        OSError, KeyError, TypeError, ValueError, AttributeError: it is not one of this version.
    """
    return case_view(json.loads(path.read_text(encoding="utf-8")), lambda: _seconds(path))


def documents(folder: Path) -> list[Path]:
    """The files of a run that hold a case each."""
    return [path for kind in _KINDS for path in sorted(folder.glob(f"{kind}*.json"))]


def files_of(folder: Path, case_id: str) -> list[Path]:
    """What a case left, for whoever wants to look closer."""
    names = ("metrics_{}.csv", "case_{}.json", "worker_tasks_{}.log", "seconds_{}.csv", "knee_{}.csv",
             "broken_{}.json", "{}_report.html", "{}_stats.csv")  # fmt: skip
    return [path for name in names if (path := folder / name.format(case_id)).exists()]


def _is_run(path: Path) -> bool:
    return any(next(path.glob(f"{kind}*.json"), None) for kind in _KINDS)


def _order(path: Path) -> _Place:
    case = json.loads(path.read_text(encoding="utf-8"))["case"]
    return str(case["variant"]), int(case["size_mb"]), int(case.get("concurrency", 0)), str(case["mode"])


def _seconds(document: Path) -> list[dict[str, float]]:
    """The rows of the case's seconds, what is empty left out; its users, where Locust counted them."""
    name = document.stem.removeprefix("case_")
    rows = _numbers(document.with_name(f"seconds_{name}.csv"))
    users = _numbers(document.with_name(f"{name}_stats_history.csv"))
    for row, counted in zip(rows, users, strict=False):
        row["users"] = counted.get("User Count", 0.0)
    return rows


def _numbers(path: Path) -> list[dict[str, float]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {key: float(text) for key, text in row.items() if _is_number(text)}
            for row in csv.DictReader(file)
        ]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except (TypeError, ValueError):
        return False
    return True
