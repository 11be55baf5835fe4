"""When a run is ended in the middle: by Ctrl-C, SIGTERM or a terminal that closes."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from perf.cases.errors import HarnessError
from perf.plugin.slot import slot_of

#: There where a case was cut short by it.
CUT_SHORT = pytest.StashKey[bool]()
#: One Ctrl-C may come as several signals: tox sends SIGINT and SIGTERM after the terminal's own, in 0.5 s.
ONE_END_S = 2.0


def end_in_order(config: pytest.Config) -> None:
    """SIGTERM and SIGHUP end a run as Ctrl-C does: a fleet is put back, nothing is left.

    What follows within ONE_END_S is the same end: in the middle of pytest's own it would be a traceback. The
    process of a slot hears the first alone: Ctrl-C reaches it from the terminal, and once more from the run's
    own process. What is ignored from outside stays so: with nohup a run outlives its terminal.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    in_slot = slot_of(config) is not None
    heard_s: float | None = None

    def end(number: int, _: FrameType | None) -> None:
        nonlocal heard_s
        if heard_s is not None and (in_slot or time.monotonic() - heard_s < ONE_END_S):
            return
        heard_s = time.monotonic()
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        raise KeyboardInterrupt(f"ended by {name}")

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            config.add_cleanup(_restore(number, signal.signal(number, end)))


def _restore(number: signal.Signals, before: Any) -> Callable[[], None]:
    return lambda: (signal.signal(number, before), None)[1]


def ended_by(error: KeyboardInterrupt) -> str:
    """By what, in words; nothing is said of one that somebody raised."""
    return str(error) or "ended by Ctrl-C"


def cut_short(
    session: pytest.Session, case_id: str, error: KeyboardInterrupt, left: int
) -> HarnessError | KeyboardInterrupt:
    """What a case ends by that is cut short: it fails for that reason, and the run ends behind it.

    Of a test that pytest itself ends there is no report: Allure has it as passed, JUnit without a name. A
    slot leaves the end to the run's own process.
    """
    if slot_of(session.config):
        return error
    session.config.stash[CUT_SHORT] = True
    why = f"the run was {ended_by(error)}"
    session.shouldstop = why
    return HarnessError(f"{case_id} was cut short: {why}" + (f"; {left} more not begun" if left else ""))
