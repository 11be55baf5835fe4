"""Waiting ends when all is accounted for, when it is enough, or at the deadline: by a fake clock."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model import Status
from fixtures.environment import named_settings
from fixtures.video_pipeline import VideoPipeline
from perf.deploy import waiting
from perf.load.plan import Planned
from perf.observe import completion
from perf.observe.completion import Progress, await_completion
from tests.fixtures.rows import video


class Run:
    """Four tasks, due at once; a clock that only sleeping moves, and what each look sees."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *finished: int) -> None:
        self.now_s = 0.0
        self._finished = list(finished)
        self.shown: list[int] = []
        until = partial(waiting.until, clock=self.clock, sleep=self.sleep)
        monkeypatch.setattr(completion, "until", until)
        monkeypatch.setattr(completion.time, "monotonic", self.clock)

    def finished(self, task_ids: list[str]) -> tuple[int, int]:
        """Of the pipeline this is all that is asked."""
        assert task_ids == ["0", "1", "2", "3"]
        return (self._finished.pop(0) if len(self._finished) > 1 else self._finished[0]), 0

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def wait(self, deadline_s: float, enough_at_s: float = float("inf")) -> bool:
        return await_completion(
            self,
            [Planned(str(n), 0.0) for n in range(4)],
            0.0,
            lambda seen: self.shown.append(seen.finished),
            enough=lambda: self.now_s >= enough_at_s,
            deadline_s=deadline_s,
            poll_s=0.5,
        )


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    return partial(Run, monkeypatch)


def test_it_ends_with_the_last_task(run: Callable[..., Run]) -> None:
    four = run(0, 1, 3, 4)
    assert four.wait(deadline_s=60)
    assert (four.shown, four.now_s) == ([0, 1, 3, 4], 1.5)


def test_a_task_that_never_ends_ends_at_the_deadline(run: Callable[..., Run]) -> None:
    three = run(3)
    assert not three.wait(deadline_s=10)
    assert three.now_s == 10
    assert three.shown == [3] * 21


def test_even_a_deadline_of_nothing_looks_once(run: Callable[..., Run]) -> None:
    assert run(4).wait(deadline_s=0)
    assert not run(3).wait(deadline_s=0)


def test_enough_is_an_end_as_well(run: Callable[..., Run]) -> None:
    one = run(1)
    assert one.wait(deadline_s=60, enough_at_s=2)
    assert one.now_s == 2


def test_the_deadline_begins_when_the_last_task_is_due(run: Callable[..., Run]) -> None:
    late = run(0)
    planned = [Planned(str(n), 7.0 * n) for n in range(4)]
    assert not await_completion(late, planned, 5.0, lambda _: None, deadline_s=10, poll_s=0.5)
    assert late.now_s == 5 + 21 + 10


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
    pipeline = VideoPipeline.of(*named_settings())
    states = [Status.DONE, Status.DONE, Status.FAILED, Status.PROCESSING, Status.UPLOADED]
    for n, status in enumerate(states):
        video(pipeline.engine, id=str(n), status=status)
    video(pipeline.engine, id="other", status=Status.DONE)
    assert pipeline.finished([str(n) for n in range(len(states))]) == (2, 1)
    assert pipeline.finished(["absent"]) == (0, 0)
    seen: list[Progress] = []
    tasks = [Planned("0", 0.0), Planned("2", 1e6)]
    assert await_completion(pipeline, tasks, 0.0, seen.append, deadline_s=60, poll_s=0)
    pipeline.close()
    assert [(each.done, each.failed, each.due, each.backlog) for each in seen] == [(1, 1, 1, 0)]
