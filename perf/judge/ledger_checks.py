"""Whether a ledger adds up: its tasks, their instants, the laws they obey, how they were sent. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from perf.cases.worker import Mode
from perf.judge.check import Check, Problem, tasks
from perf.judge.evidence import TaskEvidence
from perf.measure.laws import little, little_polled
from perf.measure.ledger import Bools, Floats, Ledger
from perf.measure.numbers import number
from perf.pipeline import State


def _has_tasks(evidence: TaskEvidence) -> Iterator[Problem]:
    if len(evidence.ledger) == 0:
        yield Problem("there is no task at all", "check the tasks log and the ids it names")


def _each_id_once(evidence: TaskEvidence) -> Iterator[Problem]:
    ids = evidence.ledger.task_id.tolist()
    if len(set(ids)) < len(ids):
        repeated = [task for task, times in Counter(ids).items() if times > 1]
        yield Problem(
            f"{tasks(repeated)} stand in the ledger more than once", "give one log of one run, not several"
        )


def _balance(evidence: TaskEvidence) -> Iterator[Problem]:
    """Scheduled = unsent + missing + done + failed + outstanding: no task in a state unknown."""
    strange = evidence.ledger.where(~evidence.ledger.is_in(*State))
    if len(strange):
        states = ", ".join(sorted({repr(state) for state in strange.status.tolist()}))
        yield Problem(
            f"{tasks(strange.task_id.tolist())} are in a state unknown ({states})",
            "deploy the worker and the suite from the same version; an adapter of your own maps each state "
            "to uploaded, processing, done or failed",
        )


def _nothing_lost(evidence: TaskEvidence) -> Iterator[Problem]:
    missing = evidence.ledger.select(State.MISSING)
    if len(missing):
        yield Problem(
            f"lost: {tasks(missing.task_id.tolist())} have no row in the database",
            "check that DATABASE_URL is the deployment's, and that nobody deletes rows during a run",
        )


def _instants_in_order(evidence: TaskEvidence) -> Iterator[Problem]:
    """Scheduled <= sent <= uploaded <= started <= finished; the first two are the injector's own."""
    ledger, slack = evidence.ledger, evidence.clock_tolerance_s
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


def _done_has_instants(evidence: TaskEvidence) -> Iterator[Problem]:
    done = evidence.ledger.select(State.DONE)
    without: Bools = np.isnan(done.started_s) | np.isnan(done.finished_s)
    if without.any():
        yield Problem(
            f"{tasks(done.task_id[without].tolist())} are done without a started or finished instant",
            "the worker must write both; deploy the worker and the suite from the same version",
        )


def _throughput_known(evidence: TaskEvidence) -> Iterator[Problem]:
    if len(evidence.ledger) == 0 or evidence.summary.throughput_per_min is not None:
        return
    errors = [error for error in evidence.ledger.error.tolist() if error]
    because = f", e.g. {errors[0].splitlines()[-1].strip()}" if errors else ""
    yield Problem(
        f"no task was done, so there is no throughput "
        f"({evidence.summary.failed} failed, {evidence.summary.outstanding} outstanding{because})",
        "see the worker's log; the case's JSON holds each task's error",
    )


def _little_s_law(evidence: TaskEvidence) -> Iterator[Problem]:
    for areas, against in (
        (little(evidence.ledger), "of the ledger itself"),
        (
            little_polled(evidence.ledger, evidence.observed.polls, evidence.clock_tolerance_s),
            "seen live in the database",
        ),
    ):
        if areas is not None and not areas.agree:
            yield Problem(
                f"Little's law is broken: the backlog {against} is {number(areas.backlog)} tasks * s, the "
                f"response times add up to {number(areas.responses)} (within {number(areas.slack)})",
                "the ledger's instants are not those of the run: check the database's clock and its triggers",
            )


def _clock_kept_pace(evidence: TaskEvidence) -> Iterator[Problem]:
    """The clock of all instants neither gained nor lost more than a clock that is slewed hard."""
    clock, span_s = evidence.observed.clock, evidence.summary.makespan_s
    if clock is None or span_s is None:
        return
    tolerances = evidence.tolerances
    if clock.drift_s > max(tolerances.clock_step_s, tolerances.clock_drift_share * span_s):
        yield Problem(
            f"the pipeline's clock gained or lost {number(clock.drift_s)} s in the {number(span_s)} s of the "
            "case: its durations are not seconds",
            "see the time service (chrony, ntpd) of the database's host",
        )


def _injector_on_time(evidence: TaskEvidence) -> Iterator[Problem]:
    """Lag of sent behind scheduled: late sends are another load than the one asked for.

    Against the time between two arrivals, since a lag below it leaves their order and number (the send delay
    that the OpenMessaging Benchmark records); in a burst, against the makespan.
    """
    summary, tolerances = evidence.summary, evidence.tolerances
    p99_s, max_s = summary.send_lag_p99_s, summary.send_lag_max_s
    if p99_s is None or max_s is None or evidence.mode is None:
        return
    if evidence.mode is Mode.SUSTAINED:
        gap_s = _gap_s(evidence.ledger)
        allowed_s, of = tolerances.lag_gaps * gap_s, f"between two arrivals are {number(gap_s)} s"
    else:
        allowed_s, of = tolerances.lag_share * (summary.makespan_s or 0.0), "the burst is to begin at once"
    late = max_s > max(allowed_s, 0.5) or p99_s > max(allowed_s / 2, 0.5)
    if late:
        yield Problem(
            f"the injector was late by up to {number(max_s)} s (p99 {number(p99_s)} s) where {of}",
            "the suite's own process was held up: free this machine, or inject from a larger one",
        )


def _rate_as_asked(evidence: TaskEvidence) -> Iterator[Problem]:
    """The rate offered is the rate asked for."""
    asked_s = _span_s(evidence.ledger.scheduled_s)
    offered_s = _span_s(evidence.ledger.sent_s)
    if evidence.mode is not Mode.SUSTAINED or not asked_s or not offered_s:
        return
    off = abs(offered_s - asked_s)
    if off > evidence.tolerances.rate_share * asked_s and off > 2 * evidence.clock_tolerance_s:
        yield Problem(
            f"the rate offered was {number(asked_s / offered_s)} of the rate asked for",
            "the injector could not keep it: free this machine, or inject from a larger one",
        )


def _instant(ledger: Ledger, name: str) -> Floats:
    column: Floats = getattr(ledger, f"{name}_s")
    return column


def _span_s(instants_s: Floats) -> float:
    """From the first to the last of them; 0 where there are none."""
    known = instants_s[~np.isnan(instants_s)]
    return float(np.ptp(known)) if len(known) else 0.0


def _gap_s(ledger: Ledger) -> float:
    """The time between two arrivals, as scheduled."""
    return _span_s(ledger.scheduled_s) / max(1, len(ledger) - 1)


LEDGER_CHECKS: tuple[Check[TaskEvidence], ...] = (
    Check("has tasks", _has_tasks),
    Check("each id once", _each_id_once),
    Check("known states", _balance),
    Check("nothing lost", _nothing_lost),
    Check("instants in order", _instants_in_order),
    Check("done has instants", _done_has_instants),
    Check("throughput known", _throughput_known),
    Check("Little's law", _little_s_law),
    Check("clock kept pace", _clock_kept_pace),
    Check("injector on time", _injector_on_time),
    Check("rate as asked", _rate_as_asked),
)
