"""Looks at what the tasks have made: that it is there, how large it is, and one of it from within."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perf.deploy.workdir import temporary_folder
from perf.observe.seen import ResultsSeen
from perf.pipeline import Pipeline, answered, is_count


def look_at_results(pipeline: Pipeline, done: Sequence[str]) -> ResultsSeen | None:
    """What these tasks, which are done, have left; None where the pipeline's tasks leave nothing.

    The one that is opened is the last of them that left something: were it the first, a worker that does
    its work once would pass.
    """
    results = pipeline.results
    if results is None or not done:
        return None
    told = results.sizes(done)
    known = isinstance(told, Mapping) and all(size is None or is_count(size) for size in told.values())
    told = answered("results.sizes", told, known, "bytes by the task's id; None where there is no result")
    sizes = {task: told.get(task) for task in done}
    last = next((task for task in reversed(done) if sizes.get(task)), None)
    if last is None:
        return ResultsSeen(sizes)
    with temporary_folder("result") as folder:
        results.fetch(last, folder / "result")
        made = results.describe(folder / "result")
    described = answered("results.describe", made, isinstance(made, Mapping), "texts by name, such as codec")
    return ResultsSeen(sizes, (last, described))
