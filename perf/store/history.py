"""What earlier runs say of a case: read from their artifacts, so that no other state need be kept.

The history of a run is the folders beside it with an earlier name, whatever machine they came from. A file of
it that outlives them: perf.store.history_file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from perf.cases.case import Variant
from perf.measure.estimates import Estimate
from perf.store.documents import BROKEN, StoredCase
from perf.store.runs import documents, runs_in

#: Runs looked back at.
MOST = 100


@dataclass(frozen=True, slots=True)
class Past:
    """How a case ended in an earlier run.

    Attributes:
        alike: what must be alike for runs to be held against each other.
        environment: what its times and rates are of.
        estimates: the metrics by which runs are held against each other.
    """

    run: str
    outcome: str
    values: Mapping[str, float | None]
    message: str
    commit: str
    alike: Mapping[str, str] = field(default_factory=dict)
    environment: str = ""
    estimates: Mapping[str, Estimate] = field(default_factory=dict)


def read_history(run: Path) -> dict[str, list[Past]]:
    """What the runs before *run* say of each case, by its id; the oldest first."""
    return read_folders(run.resolve().parent, before=run.resolve().name)


def read_folders(results: Path, before: str = "", unread: list[Path] | None = None) -> dict[str, list[Past]]:
    """What the runs of a results folder say of each case.

    Args:
        results: the folder.
        before: only those with an earlier name; empty = all.
        unread: gets the files that could not be read.
    """
    earlier = [folder for folder in runs_in(results) if not before or folder.name < before][-MOST:]
    history: dict[str, list[Past]] = {}
    for folder in earlier:
        for path in documents(folder):
            past = _past(folder.name, path)
            if past is not None:
                history.setdefault(path.stem.split("_", 1)[1], []).append(past)
            elif unread is not None:
                unread.append(path)
    return history


def past_of(case: StoredCase, run: str) -> Past:
    """A case of this run, as later ones will see it."""
    machine = case.machine
    return Past(
        run=run,
        outcome=case.outcome,
        values={name: case.values.get(name) for name in case.headlines},
        message=case.message,
        commit=str(machine.get("git_commit") or "no commit")[:10],
        alike=case.alike,
        environment=environment(case.variant, machine),
        estimates=case.estimates,
    )


def environment(variant: str, machine: Mapping[str, Any]) -> str:
    """What times and rates are of: this machine; of aws the deployment, which must be alike anyway."""
    if variant == Variant.AWS:
        return ""
    return f"{machine.get('host', '?')}, {machine.get('cpus', '?')} processors"


_ESTIMATES: TypeAdapter[dict[str, Estimate]] = TypeAdapter(dict[str, Estimate])


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
        wrong += [
            f"{each['metric']} {each['ratio']} times worse than the baseline"
            for each in (verdict.get("against") or {}).get("comparisons", ())
            if each["outcome"] == "worse"
        ]
        return Past(
            run=run,
            outcome=str(verdict["kind"]),
            values=document["summary"],
            message="\n".join(wrong),
            commit=commit,
            alike=document.get("alike", {}),
            environment=environment(document.get("variant", ""), machine),
            estimates=_ESTIMATES.validate_python(document.get("estimates", {})),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
