"""What a case says of itself while it runs: a live line on a terminal, a line per phase in a CI log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from perf.load.completion import Progress

_ERASE = "\r\x1b[2K"
#: A shorter phase is not worth a line of a log.
NOTABLE_S = 1.0


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

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """A phase begins, and ends with the block."""
        self._phase = name
        self._write(f"{_ERASE}{self._name}  {name} ...")
        try:
            yield
        finally:
            self._write(_ERASE)

    def note(self, text: str) -> None:
        """What the phase has come to, in words of its own."""
        self._write(f"{_ERASE}{self._name}  {self._phase}  {text}")

    def show(self, progress: Progress) -> None:
        """How far the tasks are."""
        self.note(progress_text(progress))


class QuietLine:
    """A line for each phase of a second or more as it ends, for logs in which nothing can be written over.

    Args:
        write_line: writes a whole line.
        name: whose progress it is.
    """

    def __init__(self, write_line: Callable[[str], None], name: str) -> None:
        self._write_line = write_line
        self._name = name
        self._last = ""

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """A phase begins, and ends with the block."""
        self._last = ""
        begin_s = time.monotonic()
        try:
            yield
        finally:
            took_s = time.monotonic() - begin_s
            if took_s >= NOTABLE_S:
                self._write_line(f"{self._name}  {name}  {took_s:.1f} s  {self._last}".rstrip())

    def note(self, text: str) -> None:
        """What the phase has come to; the last stands in its line."""
        self._last = text

    def show(self, progress: Progress) -> None:
        """How far the tasks are."""
        self.note(progress_text(progress))


def progress_text(progress: Progress) -> str:
    """`14/24 done, 0 failed, backlog 10, X 171/min, 5 s, ETA 4 s`."""
    eta = "?" if progress.eta_s is None else f"{progress.eta_s:.0f} s"
    return (
        f"{progress.done}/{progress.total} done, {progress.failed} failed, backlog {progress.backlog}, "
        f"X {progress.throughput_per_min:.3g}/min, {progress.elapsed_s:.0f} s, ETA {eta}"
    )
