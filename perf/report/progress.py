"""The live line: what a case does now, its backlog, X and ETA. Terminals only; CI logs stay quiet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from perf.load.completion import Progress

_ERASE = "\r\x1b[2K"


class LiveLine:
    """One line of a terminal, written over as the case goes on.

    Args:
        write: puts text on the terminal as it is.
        name: whose progress it is.
    """

    def __init__(self, write: Callable[[str], None], name: str) -> None:
        self._write = write
        self._name = name
        self._phase = ""
        #: Seconds each phase took.
        self.durations_s: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """A phase, timed."""
        self._phase = name
        self._write(f"{_ERASE}{self._name}  {name} ...")
        start = time.monotonic()
        try:
            yield
        finally:
            self.durations_s[name] = self.durations_s.get(name, 0.0) + time.monotonic() - start
            self._write(_ERASE)

    def note(self, text: str) -> None:
        """What the phase has come to, in words of its own."""
        self._write(f"{_ERASE}{self._name}  {self._phase}  {text}")

    def show(self, progress: Progress) -> None:
        """How far the tasks are."""
        self._write(f"{_ERASE}{self._name}  {self._phase}  {progress_text(progress)}")


def progress_text(progress: Progress) -> str:
    """`14/24 done, 0 failed, backlog 10, X 171/min, 5 s, ETA 4 s`."""
    eta = "?" if progress.eta_s is None else f"{progress.eta_s:.0f} s"
    return (
        f"{progress.done}/{progress.total} done, {progress.failed} failed, backlog {progress.backlog}, "
        f"X {progress.throughput_per_min:.3g}/min, {progress.elapsed_s:.0f} s, ETA {eta}"
    )
