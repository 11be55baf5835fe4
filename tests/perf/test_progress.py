"""The live line: one line of the terminal, written over."""

from __future__ import annotations

import pytest

from perf.load.completion import Progress
from perf.report.progress import LiveLine, QuietLine, progress_text

SEEN = Progress(elapsed_s=5, total=24, due=24, done=14, failed=1)


def test_the_line_by_hand() -> None:
    # X = 60 * 15 / 5; ETA = 9 * 5 / 15
    assert progress_text(SEEN) == "14/24 done, 1 failed, backlog 9, X 180/min, 5 s, ETA 3 s"
    start = Progress(elapsed_s=0, total=24, due=1, done=0, failed=0)
    assert progress_text(start) == "0/24 done, 0 failed, backlog 1, X 0/min, 0 s, ETA ?"


def test_a_phase_is_shown_and_erased_also_when_it_fails() -> None:
    written: list[str] = []
    line = LiveLine(written.append, "case")

    def fail() -> None:
        with line.phase("drain"):
            line.show(SEEN)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    erase = "\r\x1b[2K"
    assert written == [f"{erase}case  drain ...", f"{erase}case  drain  {progress_text(SEEN)}", erase]


def test_a_log_gets_one_line_for_each_notable_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([0.0, 2.0, 10.0, 13.5, 20.0, 20.9])
    monkeypatch.setattr("perf.report.progress.time", type("Clock", (), {"monotonic": lambda: next(readings)}))
    written: list[str] = []
    line = QuietLine(written.append, "case")
    with line.phase("deploy"):
        pass
    with line.phase("drain"):
        line.show(SEEN)
    with line.phase("judge"):  # too short to be worth a line
        pass
    assert written == ["case  deploy  2.0 s", f"case  drain  3.5 s  {progress_text(SEEN)}"]
