"""Whether a measurement can be trusted: one function for each way in which it cannot. Pure.

A check takes the Evidence and yields a Problem for each thing it finds; CHECKS is the list of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from perf.measure.ledger import Bools, Floats, Ledger, State
from perf.measure.numbers import number
from perf.measure.summary import Summary

#: How far the injector's clock may be from the database's: the anchor's error and the drift since.
TOLERANCE_S = 0.1
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a measurement cannot be trusted, and what to do."""

    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the checks look at.

    Attributes:
        ledger: the records.
        summary: what was computed from them.
        concurrency: worker processes over the whole deployment.
        scheduled_ids: the ids that were due, each once; None = the ledger was made from them.
        tolerance_s: by how much an instant of the injector may be later than the database's.
    """

    ledger: Ledger
    summary: Summary
    concurrency: int
    scheduled_ids: tuple[str, ...] | None
    tolerance_s: float


def check(
    ledger: Ledger,
    summary: Summary,
    *,
    concurrency: int,
    scheduled_ids: Iterable[str] | None = None,
    tolerance_s: float = TOLERANCE_S,
) -> tuple[Problem, ...]:
    """Every problem of a measurement; none means that it can be trusted. The arguments are Evidence's."""
    ids = None if scheduled_ids is None else tuple(scheduled_ids)
    evidence = Evidence(ledger, summary, concurrency, ids, tolerance_s)
    return tuple(problem for each in CHECKS for problem in each(evidence))


def _has_tasks(evidence: Evidence) -> Iterator[Problem]:
    if len(evidence.ledger) == 0:
        yield Problem("there is no task at all", "check the tasks log and the ids it names")


def _each_id_once(evidence: Evidence) -> Iterator[Problem]:
    ids = evidence.ledger.task_id.tolist()
    if len(set(ids)) < len(ids):
        repeated = [task for task, times in Counter(ids).items() if times > 1]
        yield Problem(
            f"{_tasks(repeated)} stand in the ledger more than once", "give one log of one run, not several"
        )


def _ids_as_scheduled(evidence: Evidence) -> Iterator[Problem]:
    if evidence.scheduled_ids is None:
        return
    found, due = set(evidence.ledger.task_id.tolist()), set(evidence.scheduled_ids)
    if found - due:
        yield Problem(
            f"{_tasks(sorted(found - due))} were never scheduled by this run",
            "something else uses the same queue or table: give the run its own",
        )
    if due - found:
        yield Problem(
            f"{_tasks(sorted(due - found))} were scheduled and are not in the ledger",
            "the ledger must hold every task that was due; read it again",
        )


def _balance(evidence: Evidence) -> Iterator[Problem]:
    """Scheduled = unsent + missing + done + failed + outstanding: no task in a state unknown."""
    strange = evidence.ledger.where(~evidence.ledger.is_in(*State))
    if len(strange):
        states = ", ".join(sorted({repr(state) for state in strange.status.tolist()}))
        yield Problem(
            f"{_tasks(strange.task_id.tolist())} are in a state unknown ({states})",
            "deploy the worker and the suite from the same version",
        )


def _nothing_lost(evidence: Evidence) -> Iterator[Problem]:
    missing = evidence.ledger.select(State.MISSING)
    if len(missing):
        yield Problem(
            f"lost: {_tasks(missing.task_id.tolist())} have no row in the database",
            "check that DATABASE_URL is the deployment's, and that nobody deletes rows during a run",
        )


def _instants_in_order(evidence: Evidence) -> Iterator[Problem]:
    """Scheduled <= sent <= uploaded <= started <= finished; the first two are the injector's own."""
    ledger, slack = evidence.ledger, evidence.tolerance_s
    for earlier, later, allowed_s in (
        ("scheduled", "sent", slack),
        ("sent", "uploaded", slack),
        ("scheduled", "started", slack),
        ("uploaded", "started", 0.0),
        ("started", "finished", 0.0),
    ):
        before, after = _instant(ledger, earlier), _instant(ledger, later)
        wrong = before > after + allowed_s  # False where either is absent
        if wrong.any():
            worst = number(float((before - after)[wrong].max()))
            yield Problem(
                f"{_tasks(ledger.task_id[wrong].tolist())} {later} before {earlier}, by up to {worst} s",
                "the clocks disagree: all instants must come from the database's clock",
            )


def _done_has_instants(evidence: Evidence) -> Iterator[Problem]:
    done = evidence.ledger.select(State.DONE)
    without: Bools = np.isnan(done.started_s) | np.isnan(done.finished_s)
    if without.any():
        yield Problem(
            f"{_tasks(done.task_id[without].tolist())} are done without a started or finished instant",
            "the worker must write both; deploy the worker and the suite from the same version",
        )


def _throughput_known(evidence: Evidence) -> Iterator[Problem]:
    if len(evidence.ledger) == 0 or evidence.summary.throughput_per_min is not None:
        return
    errors = [error for error in evidence.ledger.error.tolist() if error]
    because = f", e.g. {errors[0].splitlines()[-1].strip()}" if errors else ""
    yield Problem(
        f"no task was done, so there is no throughput "
        f"({evidence.summary.failed} failed, {evidence.summary.outstanding} outstanding{because})",
        "see the worker's log; the case's JSON holds each task's error",
    )


def _parallelism_as_set(evidence: Evidence) -> Iterator[Problem]:
    seen = evidence.summary.parallelism_max
    if seen is not None and seen > evidence.concurrency:
        yield Problem(
            f"{seen} tasks were in service at once where the concurrency is {evidence.concurrency}",
            "another worker takes from the same queue: stop it, or give the run its own queue",
        )


CHECKS: tuple[Callable[[Evidence], Iterator[Problem]], ...] = (
    _has_tasks,
    _each_id_once,
    _ids_as_scheduled,
    _balance,
    _nothing_lost,
    _instants_in_order,
    _done_has_instants,
    _throughput_known,
    _parallelism_as_set,
)


def _instant(ledger: Ledger, name: str) -> Floats:
    column: Floats = getattr(ledger, f"{name}_s")
    return column


def _tasks(ids: list[str]) -> str:
    """The number of tasks, and the first few by name: ``5 tasks (a, b, c, ...)``."""
    names = ", ".join(ids[:_SHOWN]) + (", ..." if len(ids) > _SHOWN else "")
    return f"{len(ids)} task{'s' if len(ids) > 1 else ''} ({names})"
