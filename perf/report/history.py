"""What earlier runs say of a case: read from their artifacts, so that there is no other state to keep.

The history of a run is the folders beside it with an earlier name, whatever machine they came from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perf.measure.numbers import number
from perf.measure.summary import Metric
from perf.report.run_files import documents, runs_in
from perf.report.view import BROKEN, CaseView

#: A change of more than this share is told.
NOTABLE = 0.05
#: Runs looked back at.
MOST = 100


@dataclass(frozen=True, slots=True)
class Past:
    """How a case ended in an earlier run."""

    run: str
    kind: str
    values: Mapping[str, float | None]
    message: str
    commit: str


@dataclass(frozen=True, slots=True)
class Change:
    """A metric beside that of the run before."""

    metric: Metric
    before: float
    now: float

    @property
    def notable(self) -> bool:
        """Whether it is more than one run mostly differs from the next."""
        return abs(self.now - self.before) > NOTABLE * abs(self.before)

    def __str__(self) -> str:
        share = f" ({100 * (self.now / self.before - 1):+.0f} %)" if self.before else ""
        return f"{self.metric.name} {number(self.before)} → {number(self.now)}{share}"


def read_history(run: Path) -> dict[str, list[Past]]:
    """What the runs before *run* say of each case, by its id; the oldest first."""
    earlier = [folder for folder in runs_in(run.resolve().parent) if folder.name < run.resolve().name][-MOST:]
    history: dict[str, list[Past]] = {}
    for folder in earlier:
        for path in documents(folder):
            past = _past(folder.name, path)
            if past is not None:
                history.setdefault(path.stem.split("_", 1)[1], []).append(past)
    return history


def changes(case: CaseView, past: Sequence[Past]) -> list[Change]:
    """The figures that stand first beside those of the last run that has them."""
    found = []
    for metric, now in case.headlines.items():
        before = next((each.values.get(metric.name) for each in reversed(past) if each.values), None)
        if before is not None:
            found.append(Change(metric, before, now))
    return found


def since(case: CaseView, past: Sequence[Past]) -> str:
    """Since when a case that does not pass has not passed; empty for one that passes."""
    if case.kind == "PASS":
        return ""
    if not past:
        return "there is no earlier run of it"
    bad = 0
    while bad < len(past) and past[-1 - bad].kind != "PASS":
        bad += 1
    if bad == 0:
        return f"new: it passed in the run before, {past[-1].run} ({past[-1].commit})"
    first = past[-bad]
    last_good = (
        f"; it last passed in {past[-1 - bad].run} ({past[-1 - bad].commit})" if bad < len(past) else ""
    )
    return f"for {bad + 1} runs, since {first.run} ({first.commit}){last_good}"


def _past(run: str, path: Path) -> Past | None:
    """One file of an earlier run; None where it is of another form: a history may have gaps."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        machine = document.get("machine") or {}
        commit = str(machine.get("git_commit") or "no commit")[:10]
        if "error" in document:
            return Past(run, BROKEN, {}, str(document["error"]), commit)
        verdict = document["verdict"]
        wrong = [
            f"{each['slo']['metric']} measured {each['measured']}"
            for each in verdict["results"]
            if not each["passed"]
        ]
        wrong += [each["reason"] for each in verdict["problems"]]
        return Past(run, str(verdict["kind"]), document["summary"], "\n".join(wrong), commit)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
