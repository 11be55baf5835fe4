"""The live line: one line of the terminal, written over."""

from __future__ import annotations

import pytest

from perf.observe.completion import Progress
from perf.report.progress import LiveLine, QuietLine, Screen, progress_text

SEEN = Progress(elapsed_s=5, total=24, due=24, done=14, failed=1)


def test_the_line_by_hand() -> None:
    # X = 60 * 15 / 5; ETA = 9 * 5 / 15
    assert progress_text(SEEN) == "14/24 done, 1 failed, backlog 9, X 180/min, 5 s, ETA 3 s"
    start = Progress(elapsed_s=0, total=24, due=1, done=0, failed=0)
    assert progress_text(start) == "0/24 done, 0 failed, backlog 1, X 0/min, 0 s, ETA ?"


def test_a_phase_is_shown_and_erased_also_when_it_fails() -> None:
    written: list[str] = []
    line = LiveLine(Screen(written.append, lambda: 160), "case")

    def fail() -> None:
        with line.phase("drain"):
            line.show(SEEN)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    erase = "\r\x1b[2K"
    assert written == [f"{erase}case  drain ...", f"{erase}case  drain  {progress_text(SEEN)}", erase]


@pytest.mark.parametrize("width", [1, 2, 40, 80, 160])
def test_it_is_one_line_at_any_width_and_keeps_its_end(width: int) -> None:
    written: list[str] = []
    line = LiveLine(Screen(written.append, lambda: width), "mocked-100MB-c4-sustained")
    with line.phase("drain"):
        line.show(SEEN)
    shown = [text.removeprefix("\r\x1b[2K") for text in written]
    assert all(len(text) <= max(1, width - 1) for text in shown)
    if width >= 40:
        assert shown[1].endswith("ETA 3 s")
    assert ("mocked-100MB-c4-sustained" in shown[1]) == (width == 160)


def test_a_line_that_somebody_else_began_is_left_alone() -> None:
    written: list[str] = []
    line = LiveLine(Screen(written.append, lambda: 80, lambda: 95), "case")
    with line.phase("drain"):
        pass
    below, back = written[0], written[-1]
    assert below == "\n"
    assert back == "\r\x1b[2K\x1b[A\x1b[16G"  # one line up, to behind its 95th character of 80 a line


def test_what_is_said_between_two_phases_touches_no_line_of_anybody() -> None:
    written: list[str] = []
    line = LiveLine(Screen(written.append, lambda: 80), "case")
    line.note("once more")
    assert written == []
    with line.phase("drain"):
        pass
    assert written[0] == "\r\x1b[2Kcase  drain ...  once more"


def test_a_line_that_has_moved_on_is_not_gone_back_to() -> None:
    written: list[str] = []
    columns = iter([20, 3])
    line = LiveLine(Screen(written.append, lambda: 80, lambda: next(columns)), "case")
    with line.phase("drain"):
        pass
    assert written[-1] == "\r\x1b[2K"


def test_a_long_phase_is_told_now_and_then_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([0.0, 4.0, 11.0, 11.0, 12.0])
    monkeypatch.setattr("perf.report.progress.time", type("Clock", (), {"monotonic": lambda: next(readings)}))
    written: list[str] = []
    line = QuietLine(written.append, "inject", every_s=10)
    with line.phase("waiting"):
        line.note("early")
        line.note("late")
    assert written == ["inject  waiting  late", "inject  waiting  12.0 s  late"]


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
