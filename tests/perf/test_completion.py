"""Waiting ends when all is accounted for, when it is enough, or at the deadline: by a fake clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from app.database import make_engine
from app.model import Status, Video
from app.settings import Settings
from perf.load.completion import Progress, count_finished, wait_until, watch
from perf.load.injector import Planned


def progress(finished: int, total: int = 4, failed: int = 0) -> Progress:
    return Progress(elapsed_s=2.0, total=total, due=total, done=finished - failed, failed=failed)


class Run:
    """A clock that only sleeping moves, and what each look sees."""

    def __init__(self, *finished: int) -> None:
        self.now_s = 0.0
        self._finished = list(finished)
        self.shown: list[int] = []

    def look(self) -> Progress:
        return progress(self._finished.pop(0) if len(self._finished) > 1 else self._finished[0])

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def wait(self, deadline_s: float, enough_at_s: float = float("inf")) -> bool:
        return wait_until(
            self.look,
            lambda seen: self.shown.append(seen.finished),
            enough=lambda: self.now_s >= enough_at_s,
            deadline_s=deadline_s,
            poll_s=0.5,
            clock=lambda: self.now_s,
            sleep=self.sleep,
        )


def test_it_ends_with_the_last_task() -> None:
    run = Run(0, 1, 3, 4)
    assert run.wait(deadline_s=60)
    assert (run.shown, run.now_s) == ([0, 1, 3, 4], 1.5)


def test_a_task_that_never_ends_ends_at_the_deadline() -> None:
    run = Run(3)
    assert not run.wait(deadline_s=10)
    assert run.now_s == 10
    assert run.shown == [3] * 21


def test_even_a_deadline_of_nothing_looks_once() -> None:
    assert Run(4).wait(deadline_s=0)
    assert not Run(3).wait(deadline_s=0)


def test_enough_is_an_end_as_well() -> None:
    run = Run(1)
    assert run.wait(deadline_s=60, enough_at_s=2)
    assert run.now_s == 2


def test_progress_by_hand() -> None:
    half = Progress(elapsed_s=30, total=20, due=12, done=9, failed=1)
    assert (half.finished, half.backlog, half.throughput_per_min, half.eta_s) == (10, 2, 20, 30)
    start = Progress(elapsed_s=-0.05, total=20, due=0, done=0, failed=0)
    assert (start.backlog, start.throughput_per_min, start.eta_s) == (0, 0, None)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.floats(0.01, 1e4))
def test_progress_holds_together(done: int, failed: int, more: int, elapsed_s: float) -> None:
    seen = Progress(elapsed_s, done + failed + more, done + failed, done, failed)
    assert seen.backlog == 0
    if seen.eta_s is None:
        assert seen.finished == 0
    else:  # at this throughput the rest takes so long
        assert abs(seen.eta_s * seen.throughput_per_min / 60 - more) < 1e-6 * (more + 1)


def test_tasks_are_counted_by_their_ids(pipeline_env: dict[str, str]) -> None:
    engine = make_engine(Settings())
    states = [Status.DONE, Status.DONE, Status.FAILED, Status.PROCESSING, Status.UPLOADED]
    rows = [{"id": str(n), "object_key": "k", "status": status} for n, status in enumerate(states)]
    with engine.begin() as connection:
        connection.execute(insert(Video), [*rows, {"id": "other", "object_key": "k", "status": Status.DONE}])
    assert count_finished(engine, [row["id"] for row in rows]) == (2, 1)
    assert count_finished(engine, ["absent"]) == (0, 0)
    seen: list[Progress] = []
    tasks = [Planned("0", 0.0), Planned("2", 1e6)]
    assert watch(engine, tasks, 0.0, seen.append, deadline_s=60, poll_s=0)
    engine.dispose()
    assert [(each.done, each.failed, each.due, each.backlog) for each in seen] == [(1, 1, 1, 0)]
