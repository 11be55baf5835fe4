"""Waits until every task is accounted for, by their ids, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from perf.deploy.waiting import until
from perf.load.plan import Planned
from perf.pipeline import Pipeline, answered, is_count


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a case is.

    Attributes:
        elapsed_s: since the first task was due.
        total: tasks planned.
        due: tasks due by now.
        done: tasks done.
        failed: tasks failed.
    """

    elapsed_s: float
    total: int
    due: int
    done: int
    failed: int

    @property
    def finished(self) -> int:
        """Tasks that came to an end."""
        return self.done + self.failed

    @property
    def backlog(self) -> int:
        """Tasks due and not yet finished."""
        return max(0, self.due - self.finished)

    @property
    def throughput_per_min(self) -> float:
        """Finished tasks per minute so far."""
        return 60 * self.finished / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def eta_s(self) -> float | None:
        """Seconds to the end at this throughput; None before the first task has finished."""
        if not self.finished:
            return None
        return (self.total - self.finished) * self.elapsed_s / self.finished


def await_completion(
    pipeline: Pipeline,
    planned: Sequence[Planned],
    started_s: float,
    show: Callable[[Progress], None],
    *,
    deadline_s: float,
    poll_s: float,
    enough: Callable[[], bool] = lambda: False,
) -> bool:
    """Show the progress of these tasks until all have finished, or *enough* says so.

    Args:
        pipeline: where they run.
        planned: the tasks.
        started_s: the reading of `time.monotonic` that their offsets count from.
        show: called with each look.
        deadline_s: how long to wait after the last task was due.
        poll_s: pause between looks.
        enough: another reason to end.

    Returns:
        False when the deadline passed first: what is outstanding then stands in the ledger.
    """
    ids = [task.task_id for task in planned]

    def look() -> bool:
        counts = pipeline.finished(ids)
        two = isinstance(counts, tuple) and len(counts) == 2 and all(map(is_count, counts))
        done, failed = answered("finished", counts, two, "two counts, (done, failed)")
        elapsed_s = max(0.0, time.monotonic() - started_s)  # the first is due a moment after the start
        due = sum(task.offset_s <= elapsed_s for task in planned)
        progress = Progress(elapsed_s, len(planned), due, done, failed)
        show(progress)
        return progress.finished >= progress.total or enough()

    to_come_s = max(0.0, started_s + planned[-1].offset_s - time.monotonic())
    return until(look, to_come_s + deadline_s, poll_s)
