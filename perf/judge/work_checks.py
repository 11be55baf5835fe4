"""Whether the work was done: results are there, as the bare command makes them, in no less time. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from perf.cases.worker import Mode
from perf.judge.check import Check, Problem, tasks
from perf.judge.evidence import QUIET_CORES, Bare, TaskEvidence
from perf.measure.numbers import number


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
    """One result is what the bare command makes: codec, picture, duration; without one, it can be read."""
    seen, alone = evidence.observed.results, evidence.observed.bare.alone
    if seen is None or seen.opened is None:
        return
    task, found = seen.opened
    if alone is None or not alone.made:
        if why := found.get("unreadable"):
            yield Problem(
                f"the result of task {task} cannot be read: {why}",
                "the worker says that it is done, and what it left is no result: see its log",
            )
    elif dict(found) != dict(alone.made):
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


#: Hold tasks against bare runs made before them; where the machine was slower then, honest work is too fast.
TOO_FAST = frozenset(("not faster than the work", "no task skipped"))

WORK_CHECKS: tuple[Check[TaskEvidence], ...] = (
    Check("results are there", _results_are_there),
    Check("results as large", _results_as_large),
    Check("result as made", _result_as_made),
    Check("not faster than the work", _not_faster_than_the_work),
    Check("no task skipped", _no_task_skipped),
    Check("processors did the work", _processors_did_the_work),
)
