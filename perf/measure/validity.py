"""Whether a measurement can be trusted: one function for each way in which it cannot. Pure.

A check takes the Evidence and yields a Problem for each thing it finds; CHECKS is the list of them. What
was not seen (None) is not held against a measurement: some of it can be had on this machine only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from perf.matrix import Mode
from perf.measure import validity_around as around_case
from perf.measure.evidence import Crew, Evidence, Limits, Problem, Surroundings, listed, tasks
from perf.measure.laws import little, little_polled
from perf.measure.ledger import Bools, Floats, Ledger, State
from perf.measure.numbers import number
from perf.measure.summary import Summary

__all__ = ["CHECKS", "TOLERANCE_S", "Crew", "Evidence", "Limits", "Problem", "Surroundings", "check"]

#: How far the injector's clock may be from the database's: the anchor's error and the drift since.
TOLERANCE_S = 0.1


def check(  # noqa: PLR0913 - Evidence's own
    ledger: Ledger,
    summary: Summary,
    *,
    concurrency: int,
    scheduled_ids: Iterable[str] | None = None,
    tolerance_s: float = TOLERANCE_S,
    mode: Mode | None = None,
    around: Surroundings | None = None,
    limits: Limits | None = None,
) -> tuple[Problem, ...]:
    """Every problem of a measurement; none means that it can be trusted. The arguments are Evidence's."""
    ids = None if scheduled_ids is None else tuple(scheduled_ids)
    evidence = Evidence(
        ledger, summary, concurrency, ids, tolerance_s, mode, around or Surroundings(), limits or Limits()
    )
    return tuple(problem for each in CHECKS for problem in each(evidence))


def _has_tasks(evidence: Evidence) -> Iterator[Problem]:
    if len(evidence.ledger) == 0:
        yield Problem("there is no task at all", "check the tasks log and the ids it names")


def _each_id_once(evidence: Evidence) -> Iterator[Problem]:
    ids = evidence.ledger.task_id.tolist()
    if len(set(ids)) < len(ids):
        repeated = [task for task, times in Counter(ids).items() if times > 1]
        yield Problem(
            f"{tasks(repeated)} stand in the ledger more than once", "give one log of one run, not several"
        )


def _ids_as_scheduled(evidence: Evidence) -> Iterator[Problem]:
    if evidence.scheduled_ids is None:
        return
    found, due = set(evidence.ledger.task_id.tolist()), set(evidence.scheduled_ids)
    if found - due:
        yield Problem(
            f"{tasks(sorted(found - due))} were never scheduled by this run",
            "something else uses the same queue or table: give the run its own",
        )
    if due - found:
        yield Problem(
            f"{tasks(sorted(due - found))} were scheduled and are not in the ledger",
            "the ledger must hold every task that was due; read it again",
        )


def _balance(evidence: Evidence) -> Iterator[Problem]:
    """Scheduled = unsent + missing + done + failed + outstanding: no task in a state unknown."""
    strange = evidence.ledger.where(~evidence.ledger.is_in(*State))
    if len(strange):
        states = ", ".join(sorted({repr(state) for state in strange.status.tolist()}))
        yield Problem(
            f"{tasks(strange.task_id.tolist())} are in a state unknown ({states})",
            "deploy the worker and the suite from the same version",
        )


def _nothing_lost(evidence: Evidence) -> Iterator[Problem]:
    missing = evidence.ledger.select(State.MISSING)
    if len(missing):
        yield Problem(
            f"lost: {tasks(missing.task_id.tolist())} have no row in the database",
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
                f"{tasks(ledger.task_id[wrong].tolist())} {later} before {earlier}, by up to {worst} s",
                "the clocks disagree: all instants must come from the database's clock",
            )


def _done_has_instants(evidence: Evidence) -> Iterator[Problem]:
    done = evidence.ledger.select(State.DONE)
    without: Bools = np.isnan(done.started_s) | np.isnan(done.finished_s)
    if without.any():
        yield Problem(
            f"{tasks(done.task_id[without].tolist())} are done without a started or finished instant",
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


def _all_worked(evidence: Evidence) -> Iterator[Problem]:
    """While a burst has work for all, as many tasks are in service as there are worker processes."""
    seen, due = evidence.summary.parallelism_max, evidence.concurrency
    enough = evidence.summary.done >= 4 * due
    if evidence.mode is Mode.BURST and enough and seen is not None and seen < due:
        yield Problem(
            f"{seen} tasks at most were in service at once where the concurrency is {due} and there was "
            "work for all",
            "a worker process has died or never took a task: see the worker's log",
        )


def _as_many_processes(evidence: Evidence) -> Iterator[Problem]:
    """A pool keeps its processes: more of them than the concurrency are replacements, or somebody else's."""
    workers = sorted({worker for worker in evidence.ledger.worker.tolist() if worker})
    if len(workers) > evidence.concurrency:
        yield Problem(
            f"{len(workers)} worker processes did the tasks where the concurrency is {evidence.concurrency} "
            f"({listed(workers)})",
            "one was restarted during the case, or another worker takes from the same queue: see the "
            "worker's log, and give the run its own queue",
        )


def _utilisation_law(evidence: Evidence) -> Iterator[Problem]:
    """U = X S <= c, so X <= c / S (the utilisation law; Denning and Buzen 1978, see perf.measure.laws)."""
    x, service_s = evidence.summary.throughput_per_min, evidence.summary.service_mean_s
    if x is None or service_s is None or evidence.summary.makespan_s is None:
        return
    busy = x / 60 * service_s
    if busy > evidence.concurrency * (1 + 1e-9):
        yield Problem(
            f"X = {number(x)}/min at {number(service_s)} s each keeps {number(busy)} workers busy where the "
            f"concurrency is {evidence.concurrency}",
            "another worker takes from the same queue: stop it, or give the run its own queue",
        )


def _little_s_law(evidence: Evidence) -> Iterator[Problem]:
    for areas, against in (
        (little(evidence.ledger), "of the ledger itself"),
        (
            little_polled(evidence.ledger, evidence.around.polls, evidence.tolerance_s),
            "seen live in the database",
        ),
    ):
        if areas is not None and not areas.agree:
            yield Problem(
                f"Little's law is broken: the backlog {against} is {number(areas.backlog)} tasks * s, the "
                f"response times add up to {number(areas.responses)} (within {number(areas.slack)})",
                "the ledger's instants are not those of the run: check the database's clock and its triggers",
            )


CHECKS: tuple[Callable[[Evidence], Iterator[Problem]], ...] = (
    _has_tasks,
    _each_id_once,
    _ids_as_scheduled,
    _balance,
    _nothing_lost,
    around_case.strangers,
    around_case.queue_was_empty,
    _instants_in_order,
    _done_has_instants,
    _throughput_known,
    _parallelism_as_set,
    _all_worked,
    _as_many_processes,
    around_case.same_workers,
    around_case.settings_as_calibrated,
    _utilisation_law,
    _little_s_law,
    around_case.injector_on_time,
    around_case.rate_as_asked,
    around_case.clock_stood,
    around_case.machine_was_ours,
    around_case.machine_kept_up,
)


def _instant(ledger: Ledger, name: str) -> Floats:
    column: Floats = getattr(ledger, f"{name}_s")
    return column
