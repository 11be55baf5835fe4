"""The runs of a results folder, read back from their artifacts alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perf.cases.errors import UsageError
from perf.store.documents import StoredCase, read_case
from perf.store.result import StoredKind

#: `broken_` is what a case leaves that has come to no verdict; of one that has, for a moment beside it.
_PREFIXES = ("case_", "broken_")


@dataclass(frozen=True)
class Run:
    """A run as it was read back.

    Attributes:
        folder: its results.
        cases: in the order of the kinds and of their axes.
        unread: files that could not be read, and why.
    """

    folder: Path
    cases: tuple[StoredCase, ...]
    unread: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The folder's name: when the run began."""
        return self.folder.name

    @property
    def machine(self) -> Mapping[str, Any]:
        """What it ran on."""
        return next((case.machine for case in self.cases if case.machine), {})

    def count(self, outcome: str) -> int:
        """How many cases ended so."""
        return sum(case.outcome == outcome for case in self.cases)


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


def read_run(folder: Path, kinds: Sequence[StoredKind]) -> Run:
    """All that is in the folder of a run. A file that cannot be read is told and not passed over."""
    cases: list[StoredCase] = []
    unread: list[str] = []
    for path in documents(folder):
        try:
            cases.append(read_case(path, kinds))
        except (OSError, ValueError) as error:
            unread.append(f"{path.name}: {error}")
    order = [kind.name for kind in kinds]
    return Run(folder, tuple(sorted(cases, key=lambda case: _place(case, order))), tuple(unread))


def documents(folder: Path) -> list[Path]:
    """The files of a run that hold a case each."""
    ended, broken = (sorted(folder.glob(f"{prefix}*.json")) for prefix in _PREFIXES)
    known = {path.name.removeprefix("case_") for path in ended}
    return [*ended, *(path for path in broken if path.name.removeprefix("broken_") not in known)]


def files_of(folder: Path, case_id: str) -> list[Path]:
    """What a case left, for whoever wants to look closer."""
    names = ("metrics_{}.csv", "case_{}.json", "worker_tasks_{}.log", "seconds_{}.csv", "knee_{}.csv",
             "broken_{}.json", "trials_{}.csv", "nodes_{}.csv", "cloudwatch_{}.csv",
             "{}_report.html", "{}_stats.csv")  # fmt: skip
    return [path for name in names if (path := folder / name.format(case_id)).exists()]


def _is_run(path: Path) -> bool:
    return any(next(path.glob(f"{prefix}*.json"), None) for prefix in _PREFIXES)


def _place(case: StoredCase, order: Sequence[str]) -> tuple[Any, ...]:
    """By variant, kind and axes; numbers as numbers."""
    kind = order.index(case.kind) if case.kind in order else len(order)
    axes = tuple(
        (0, int(text), "") if text.isdecimal() else (1, 0, text)
        for text in (value.partition(" ")[0] for value in case.parameters.values())
    )
    return case.variant, kind, axes, case.id
