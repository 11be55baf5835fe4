"""Whether the workers that were to work did, all of them and nobody else, on a queue of their own. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from perf.judge.check import Check, Problem, listed, tasks
from perf.judge.evidence import TaskEvidence
from perf.measure.idle import idle_while_waiting
from perf.measure.numbers import number


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


WORKER_CHECKS: tuple[Check[TaskEvidence], ...] = (
    Check("parallelism as set", _parallelism_as_set),
    Check("all worked", _all_worked),
    Check("as many processes", _as_many_processes),
    Check("utilisation law", _utilisation_law),
    Check("no foreign tasks", _foreign_tasks),
    Check("empty queue", _queue_was_empty),
    Check("recipe as calibrated", _recipe_as_calibrated),
    Check("visible until done", _visible_until_done),
)
