"""What an adapter answers is looked at where it is asked: a wrong one names the method, and is no figure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest

from perf.cases.errors import HarnessError
from perf.load.clock import PipelineClock
from perf.load.injector import Injection
from perf.load.plan import Planned, Sent
from perf.measure.ledger import Ledger
from perf.observe.completion import await_completion
from perf.observe.ledger import read_records
from perf.observe.results import look_at_results
from perf.pipeline import Fleet, ReportedWorker
from perf.run.tasks import _foreign
from tests.fixtures.simulated import RecordingControl, SimulatedPipeline, simulated_deployment


def answering(name: str, answer: Any) -> Any:
    return SimpleNamespace(**{name: lambda *_: answer})


def finished(answer: Any) -> object:
    planned = [Planned("a", 0.0)]
    return await_completion(
        answering("finished", answer), planned, 0.0, lambda _: None, deadline_s=1, poll_s=0.1
    )


def make_tasks(answer: Any) -> object:
    with TemporaryDirectory() as folder:
        planned = [Planned("a", 0.0)]
        pipeline = answering("make_tasks", answer)
        injection = Injection(pipeline, "clip", planned, PipelineClock(0.0, 0.0), Path(folder, "log"))
        injection.start()
        injection._thread.join(30)
        return injection.results()


def rows(answer: Any) -> object:
    return read_records(answering("rows", answer), [Sent("a", 1.0, 1.0)])


def changed_since(answer: Any) -> object:
    return _foreign(answering("changed_since", answer), 0.0, Ledger.of([]))


def sizes(answer: Any) -> object:
    return look_at_results(SimpleNamespace(results=answering("sizes", answer)), ["a"])


def described(answer: Any) -> object:
    results = answering("describe", answer)
    results.sizes, results.fetch = lambda _: {"a": 1}, lambda *_: None
    return look_at_results(SimpleNamespace(results=results), ["a"])


def workers(answer: Any) -> object:
    deployment = simulated_deployment(RecordingControl(SimulatedPipeline()))
    deployment.pipeline.workers = lambda since_s=None: answer
    return deployment.prepare(Fleet(1, 1))


def depth(answer: Any) -> object:
    deployment = simulated_deployment(RecordingControl(SimulatedPipeline()))
    deployment.queue.depth = lambda: answer
    return deployment.queued()


@pytest.mark.parametrize(
    ("ask", "answers", "said"),
    [
        (finished, [None, 5, ("a", "b"), (-1, 0), (float("nan"), 0), (1, 2, 3)], "finished"),
        (make_tasks, [None, [], {"a": None}], "make_tasks"),
        (rows, [None, [], "a", {b"a": None}], "rows"),
        (changed_since, [None, "abc", (1, 2)], "changed_since"),
        (sizes, [None, [5], {"a": "5"}, {"a": -5}], "results.sizes"),
        (described, [None, "h264"], "results.describe"),
        (workers, [None, [{"id": "w"}], [ReportedWorker("w", "n", 1, "1")]], "workers"),
        (depth, [None, -1, "3"], "queue.depth"),
    ],
)
def test_a_wrong_answer_is_one_line_with_the_method(
    ask: Callable[[Any], object], answers: list[Any], said: str
) -> None:
    for answer in answers:
        with pytest.raises(HarnessError) as told:
            ask(answer)
        assert str(told.value).startswith(f"the pipeline's {said}() answers "), answer
        assert "; expected " in str(told.value)
        assert len(str(told.value)) < 200
