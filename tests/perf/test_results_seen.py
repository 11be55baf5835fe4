"""What the tasks have made is looked at: all by their sizes, the last one from within."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from perf.cases.errors import HarnessError
from perf.observe.results import look_at_results
from perf.observe.seen import ResultsSeen


@dataclass
class Left:
    """See perf.pipeline.Results; files are their own description."""

    files: Mapping[str, str]
    fetched: list[str] = field(default_factory=list)

    def sizes(self, task_ids: Sequence[str]) -> dict[str, int | None]:
        return {task: len(self.files[task]) if task in self.files else None for task in task_ids}

    def fetch(self, task_id: str, target: Path) -> None:
        self.fetched.append(task_id)
        target.write_text(self.files[task_id])

    def describe(self, made: Path) -> dict[str, str]:
        return {"video": made.read_text()}


def look(left: Left | None, *done: str) -> ResultsSeen | None:
    return look_at_results(SimpleNamespace(results=left), done)


def test_each_has_its_size_and_the_last_is_opened():
    left = Left({"a": "x", "b": "xyz", "c": "h264", "other": "?"})
    assert look(left, "a", "b", "c") == ResultsSeen({"a": 1, "b": 3, "c": 4}, ("c", {"video": "h264"}))
    assert left.fetched == ["c"]


def test_where_the_last_left_nothing_it_is_the_last_that_did():
    left = Left({"a": "x", "b": "hevc", "d": ""})
    assert look(left, "a", "b", "c", "d") == ResultsSeen(
        {"a": 1, "b": 4, "c": None, "d": 0}, ("b", {"video": "hevc"})
    )


def test_where_none_left_anything_none_is_opened():
    left = Left({})
    assert look(left, "a", "b") == ResultsSeen({"a": None, "b": None})
    assert left.fetched == []


def test_a_task_whose_size_is_not_told_has_left_nothing():
    left = Left({"a": "x"})
    left.sizes = lambda _: {"a": 1}
    assert look(left, "a", "b").sizes == {"a": 1, "b": None}


def test_nothing_done_or_nothing_to_be_seen_is_not_looked_at():
    assert look(Left({"a": "x"})) is None
    assert look(None, "a") is None


def test_the_copy_is_removed_however_it_ends(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left = Left({"a": "x"})
    look(left, "a")

    def broken(made):
        raise HarnessError("there is no ffmpeg")

    monkeypatch.setattr(left, "describe", broken)
    with pytest.raises(HarnessError, match="there is no ffmpeg"):
        look(left, "a")
    assert not list(tmp_path.iterdir())
