"""Whether what was measured of tasks can be trusted: one function for each way in which it cannot. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from perf.cases.worker import Mode
from perf.judge.check import Check, Problem, listed, tasks
from perf.judge.evidence import QUIET_CORES, Bare, TaskEvidence
from perf.measure.idle import idle_while_waiting
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
            "deploy the worker and the suite from the same version",
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


def _parallelism_as_set(evidence: TaskEvidence) -> Iterator[Problem]:
    seen = evidence.summary.parallelism_max
    if seen is not None and evidence.concurrency is not None and seen > evidence.concurrency:
        yield Problem(
            f"{seen} tasks were in service at once where the concurrency is {evidence.concurrency}",
            "another worker takes from the same queue: stop it, or give the run its own queue",
        )


def _all_worked(evidence: TaskEvidence) -> Iterator[Problem]:
    """While tasks waited, no process was idle for longer than a hand-over takes (perf.measure.idle)."""
    if evidence.concurrency is None or len(evidence.ledger) < 2 * evidence.concurrency:
        return
    if evidence.summary.done and not any(evidence.ledger.worker):
        yield Problem(
            "the pipeline does not say which worker process did which task, so nobody knows that all worked",
            "give TaskRow.worker in the pipeline's port, e.g. node/child/pid",
        )
        return
    idle = idle_while_waiting(evidence.ledger, evidence.concurrency)
    # More processes than there were to be are replacements, each idle before or after: _as_many_processes.
    if idle is None or idle.seen > evidence.concurrency:
        return
    if idle.share > evidence.tolerances.idle_share:
        who = idle.process or f"{evidence.concurrency - idle.seen} process(es) that nobody saw"
        yield Problem(
            f"worker processes were idle for {number(100 * idle.share)} % of their time while tasks waited: "
            f"{who}, for {number(idle.longest_s)} s at once; {idle.seen} of {evidence.concurrency} did tasks",
            "a worker process has died, hangs or never took a task: see the worker's log",
        )


def _as_many_processes(evidence: TaskEvidence) -> Iterator[Problem]:
    """A pool keeps its processes: more of them than the concurrency are replacements, or somebody else's."""
    workers = sorted({worker for worker in evidence.ledger.worker.tolist() if worker})
    if evidence.concurrency is not None and len(workers) > evidence.concurrency:
        yield Problem(
            f"{len(workers)} worker processes did the tasks where the concurrency is {evidence.concurrency} "
            f"({listed(workers)})",
            "one was restarted during the case, or another worker takes from the same queue: see the "
            "worker's log, and give the run its own queue",
        )


def _utilisation_law(evidence: TaskEvidence) -> Iterator[Problem]:
    """U = X S <= c, so X <= c / S (the utilisation law; Denning and Buzen 1978, see perf.measure.laws)."""
    x, service_s = evidence.summary.throughput_per_min, evidence.summary.service_mean_s
    if x is None or service_s is None or evidence.summary.makespan_s is None or evidence.concurrency is None:
        return
    busy = x / 60 * service_s
    if busy > evidence.concurrency * (1 + 1e-9):
        yield Problem(
            f"X = {number(x)}/min at {number(service_s)} s each keeps {number(busy)} workers busy where the "
            f"concurrency is {evidence.concurrency}",
            "another worker takes from the same queue: stop it, or give the run its own queue",
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


def _foreign_tasks(evidence: TaskEvidence) -> Iterator[Problem]:
    """Nobody else's tasks went through the deployment."""
    if evidence.observed.foreign:
        yield Problem(
            f"{tasks(sorted(evidence.observed.foreign))} of somebody else went through the same queue or "
            "table",
            "something else uses the deployment: give the run its own, or stop it for the run",
        )


def _queue_was_empty(evidence: TaskEvidence) -> Iterator[Problem]:
    """The queue was empty before, and is again once every task has finished."""
    queue = evidence.observed.queue
    if queue is not None and queue.before:
        yield Problem(
            f"the queue held {queue.before} message(s) before the first task was sent",
            "let them finish or purge the queue, and find out who sends them",
        )
    if queue is not None and queue.after:
        yield Problem(
            f"the queue holds {queue.after} message(s) although every task has finished",
            "somebody else sends to this queue, or the worker cannot delete its messages: see its log",
        )


def _recipe_as_calibrated(evidence: TaskEvidence) -> Iterator[Problem]:
    """The workers report that they do the work as the ideal was made."""
    expected, workers = evidence.observed.recipe, evidence.observed.workers
    for worker in workers.before.values() if workers else ():
        if expected is not None and worker.recipe != expected:
            yield Problem(
                f"worker {worker.name} does the work with {worker.recipe!r}, the ideal with {expected!r}",
                "give both the same FFMPEG_ARGS: a ratio of two different works says nothing",
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


def _results_are_there(evidence: TaskEvidence) -> Iterator[Problem]:
    """Done means that the result is there."""
    seen = evidence.observed.results
    if seen is None:
        return
    without = sorted(task for task, size in seen.sizes.items() if not size)
    if without:
        yield Problem(
            f"{tasks(without)} are done and have left no result",
            "the worker says that it is done and is not: see its log, and that bucket and prefix are meant",
        )


def _results_as_large(evidence: TaskEvidence) -> Iterator[Problem]:
    """As large as what the bare command makes of the same clip."""
    seen, alone = evidence.observed.results, evidence.observed.bare.alone
    if seen is None or alone is None or not alone.size_bytes:
        return
    allowed = evidence.tolerances.size_share * alone.size_bytes
    sizes_of = {task: size for task, size in seen.sizes.items() if size}
    other = {task: size for task, size in sizes_of.items() if abs(size - alone.size_bytes) > allowed}
    if other:
        sizes = " to ".join(str(size) for size in sorted({min(other.values()), max(other.values())}))
        yield Problem(
            f"{tasks(sorted(other))} left results of {sizes} bytes, where the bare command "
            f"makes {alone.size_bytes} of the same clip",
            "the worker does another work than the ideal: compare its FFMPEG_ARGS and its version of ffmpeg",
        )


def _result_as_made(evidence: TaskEvidence) -> Iterator[Problem]:
    """One result is what the bare command makes: codec, picture, duration."""
    seen, alone = evidence.observed.results, evidence.observed.bare.alone
    if seen is None or seen.opened is None or alone is None or not alone.made:
        return
    task, found = seen.opened
    if dict(found) != dict(alone.made):
        yield Problem(
            f"the result of task {task} is {_said(found)}, where the bare command makes {_said(alone.made)}",
            "the worker does another work than the ideal: compare its FFMPEG_ARGS and its version of ffmpeg",
        )


def _said(made: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(made.items())) or "nothing"


def _not_faster_than_the_work(evidence: TaskEvidence) -> Iterator[Problem]:
    """No task takes less than the bare command: alone on an idle machine, nor in a burst beside as many.

    Where processes share the processors the second is more: by the first most of a task could be hidden.
    What others did in one of the two alone is no fault of the worker's.
    """
    remedy = "see that the worker runs ffmpeg between started_at and finished_at, with the same FFMPEG_ARGS"
    faster, service_s = evidence.tolerances.faster, evidence.summary.service_p50_s
    faster_beside = faster * (1 - evidence.observed.ratio_moved)
    least_s, ratio = _least_s(evidence.observed.bare), evidence.summary.service_p50_vs_ideal
    if least_s is not None and service_s is not None and service_s < faster * least_s:
        yield Problem(
            f"the median task took {number(service_s)} s, and the bare command alone takes "
            f"{number(least_s)} s at least: it does not do the work, or its instants are not those of it",
            remedy,
        )
    elif evidence.mode is Mode.BURST and ratio is not None and ratio < faster_beside:
        yield Problem(
            f"the median task took {number(ratio)} of the time that the bare command takes, as many at once: "
            "it does not do the work, or its instants are not those of it",
            remedy,
        )


def _no_task_skipped(evidence: TaskEvidence) -> Iterator[Problem]:
    """Nor does any single task take a small part of that: all are of one clip, and a copy is soon made."""
    least_s = _least_s(evidence.observed.bare)
    if least_s is None:
        return
    done = evidence.ledger.select("done")
    service_s = done.finished_s - done.started_s
    fastest_s = evidence.tolerances.fastest * least_s
    quick = np.flatnonzero(service_s < fastest_s)
    if len(quick):
        yield Problem(
            f"{tasks(sorted(done.task_id[quick].tolist()))} took less than {number(fastest_s)} s, down to "
            f"{number(float(np.min(service_s)))} s, and the bare command alone takes {number(least_s)} s at "
            "least: that work was not done, but skipped or copied",
            "see that the worker runs ffmpeg for every task, also where it has seen the same clip before",
        )


def _least_s(bare: Bare) -> float | None:
    """What the bare command takes at least; None where it was not run on the workers' machine."""
    if bare.alone is None or bare.alone_use is None:
        return None
    # Beside other load a bare run takes longer than it need: then only what all processors can do is certain.
    least_s = bare.alone.cpu_s / bare.alone_use.cpus
    if bare.alone_use.other_cores <= QUIET_CORES:
        least_s = max(least_s, min(bare.alone.service_s))
    return least_s


def _processors_did_the_work(evidence: TaskEvidence) -> Iterator[Problem]:
    """The workers' processes took the processor time that so many bare runs take."""
    alone, use = evidence.observed.bare.alone, evidence.observed.machine
    if alone is None or use is None or "worker" not in use.parts or not alone.cpu_s:
        return
    started = int((~np.isnan(evidence.ledger.started_s)).sum())
    each_s = use.parts["worker"] * use.span_s / max(1, started)
    if each_s < evidence.tolerances.cpu_share * alone.cpu_s:
        yield Problem(
            f"the workers' processes took {number(each_s)} s of processor time for each task, and a bare run "
            f"takes {number(alone.cpu_s)} s: it does not do the work",
            "see that the worker runs ffmpeg for each task",
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


def _visible_until_done(evidence: TaskEvidence) -> Iterator[Problem]:
    """A message stays hidden for longer than its task takes: else the queue gives it to another worker."""
    workers, longest_s = evidence.observed.workers, evidence.summary.service_max_s
    for worker in workers.before.values() if workers else ():
        hidden_s = _hidden_s(worker.settings)
        if hidden_s is not None and longest_s is not None and hidden_s <= longest_s:
            yield Problem(
                f"the queue hides a message for {number(hidden_s)} s, and a task took "
                f"{number(longest_s)} s: it was delivered again while it ran",
                "raise the queue's visibility timeout above the longest task, by far",
            )
            return


def _hidden_s(settings: Mapping[str, Any]) -> float | None:
    """How long at most, by what the worker says of itself: it renews the queue's timeout, or does not."""
    says = ("visibility_renewed_for_s", "queue_visibility_timeout_s")
    return next((float(settings[name]) for name in says if settings.get(name) is not None), None)


#: Of the tasks; those of everything else that a case needs are in perf.judge.run_checks.
TASK_CHECKS: tuple[Check[TaskEvidence], ...] = (
    Check("has tasks", _has_tasks),
    Check("each id once", _each_id_once),
    Check("known states", _balance),
    Check("nothing lost", _nothing_lost),
    Check("no foreign tasks", _foreign_tasks),
    Check("empty queue", _queue_was_empty),
    Check("instants in order", _instants_in_order),
    Check("done has instants", _done_has_instants),
    Check("throughput known", _throughput_known),
    Check("parallelism as set", _parallelism_as_set),
    Check("all worked", _all_worked),
    Check("as many processes", _as_many_processes),
    Check("results are there", _results_are_there),
    Check("results as large", _results_as_large),
    Check("result as made", _result_as_made),
    Check("not faster than the work", _not_faster_than_the_work),
    Check("no task skipped", _no_task_skipped),
    Check("processors did the work", _processors_did_the_work),
    Check("clock kept pace", _clock_kept_pace),
    Check("visible until done", _visible_until_done),
    Check("recipe as calibrated", _recipe_as_calibrated),
    Check("utilisation law", _utilisation_law),
    Check("Little's law", _little_s_law),
    Check("injector on time", _injector_on_time),
    Check("rate as asked", _rate_as_asked),
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
