"""What a run writes of itself while it runs, and who reads it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from perf.cases.errors import UsageError
from perf.observe.completion import Progress
from perf.report.live import FILE, CaseProgress, ProgressFile, follow
from perf.report.progress import QuietLine

SEEN = Progress(elapsed_s=5, total=24, due=24, done=14, failed=1)


def test_a_case_is_followed_from_another_terminal(tmp_path: Path) -> None:
    file = ProgressFile(tmp_path, 2)
    file.case_begins("mocked-50MB-c1-burst")
    progress = CaseProgress(QuietLine(lambda _: None, "case"), file)
    shown: list[str] = []

    def meanwhile(_: float) -> None:
        if len(shown) == 1:
            with progress.phase("drain"):
                file.tell("drain", "14/24 done", at_once=True)
        else:
            file.run_ends()

    with progress.phase("deploy"):
        pass
    assert follow(tmp_path, shown.append, sleep=meanwhile) == 0
    assert shown == [
        "[1/2] mocked-50MB-c1-burst  deploy",
        "[1/2] mocked-50MB-c1-burst  drain  14/24 done",
        f"{tmp_path}: the run has ended",
    ]
    assert [phase.name for phase in progress.phases] == ["deploy", "drain"]
    assert all(phase.begin_s <= phase.end_s for phase in progress.phases)


def test_progress_is_not_written_with_every_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = ProgressFile(tmp_path, 1)
    file.case_begins("a")
    progress = CaseProgress(QuietLine(lambda _: None, "a"), file)
    with progress.phase("drain"):
        monkeypatch.setattr(file, "_written_s", float("inf"))
        progress.show(SEEN)
    assert json.loads((tmp_path / FILE).read_text())["text"] == ""


def test_a_run_whose_process_is_gone_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(
        json.dumps({"case": "a", "place": "1/2", "pid": 2**22 + 1, "phase": "drain", "text": ""})
    )
    shown: list[str] = []
    assert follow(tmp_path, shown.append) == 1
    assert "is gone" in shown[-1]


def test_nothing_to_follow_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to watch here"):
        follow(tmp_path, print)


def test_the_file_names_the_process_of_the_run(tmp_path: Path) -> None:
    file = ProgressFile(tmp_path, 1)
    file.case_begins("a")
    file.tell("deploy")
    assert json.loads((tmp_path / FILE).read_text())["pid"] == os.getpid()


def test_slots_are_followed_together_until_the_last_has_ended(tmp_path: Path) -> None:
    files = [ProgressFile(tmp_path, 4, slot) for slot in ("blue", "green")]
    for file, slot in zip(files, ("blue", "green"), strict=True):
        file.case_begins(f"aws-{slot}")
        file.tell("drain", at_once=True)
    shown: list[str] = []
    ends = iter(files)
    assert follow(tmp_path, shown.append, sleep=lambda _: next(ends).run_ends()) == 0
    assert shown == [
        "[blue] aws-blue  drain",
        "[green] aws-green  drain",
        f"{tmp_path}: the run has ended",
    ]
