"""What a case says of itself while it runs: a live line on a terminal, a line per phase in a CI log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from perf.observe.completion import Progress

_ERASE = "\r\x1b[2K"
_BACK_TO = "\x1b[A\x1b[{}G"
#: A shorter phase is not worth a line of a log.
NOTABLE_S = 1.0


@dataclass(frozen=True, slots=True)
class Screen:
    """A terminal.

    Attributes:
        write: puts text on it as it is.
        width: its columns, now.
        column: how much stands already in the line that somebody else has begun.
    """

    write: Callable[[str], None]
    width: Callable[[], int]
    column: Callable[[], int] = lambda: 0


class LiveLine:
    """One line of a terminal, written over as the case goes on, and cut where the terminal ends.

    It stands below a line that somebody else has begun, and goes back to its end when the phase does.

    Args:
        screen: where it is shown.
        name: whose progress it is.
    """

    def __init__(self, screen: Screen, name: str) -> None:
        self._screen = screen
        self._name = name
        self._phase = ""
        self._aside = ""

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """A phase begins, and ends with the block."""
        before, self._phase = self._phase, name
        begun = self._screen.column()
        if begun:
            self._screen.write("\n")
        self._show(f"{name} ...{self._aside}")
        self._aside = ""
        try:
            yield
        finally:
            self._phase = before
            unmoved = begun and self._screen.column() == begun
            back = _BACK_TO.format(begun % self._screen.width() + 1) if unmoved else ""
            self._screen.write(_ERASE + back)

    def note(self, text: str) -> None:
        """What the phase has come to, in words of its own; between two, what the next begins with."""
        if self._phase:
            self._show(f"{self._phase}  {text}")
        else:
            self._aside = f"  {text}"

    def _show(self, text: str) -> None:
        room = max(1, self._screen.width() - 1)  # a line that is full wraps on some terminals
        self._screen.write(_ERASE + _fitted(self._name, text, room))

    def show(self, progress: Progress) -> None:
        """How far the tasks are."""
        self.note(progress_text(progress))


class QuietLine:
    """A line for each phase of a second or more as it ends, for logs in which nothing can be written over.

    Args:
        write_line: writes a whole line.
        name: whose progress it is.
        every_s: a line also in the middle of a phase, at most so often; None = none.
    """

    def __init__(self, write_line: Callable[[str], None], name: str, *, every_s: float | None = None) -> None:
        self._write_line = write_line
        self._name = name
        self._every_s = every_s
        self._phase = ""
        self._last = ""
        self._said_s = 0.0

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """A phase begins, and ends with the block."""
        self._phase, self._last = name, ""
        begin_s = self._said_s = time.monotonic()
        try:
            yield
        finally:
            took_s = time.monotonic() - begin_s
            if took_s >= NOTABLE_S:
                self._write_line(f"{self._name}  {name}  {took_s:.1f} s  {self._last}".rstrip())

    def note(self, text: str) -> None:
        """What the phase has come to; the last stands in its line."""
        self._last = text
        if self._every_s is not None and time.monotonic() - self._said_s >= self._every_s:
            self._said_s = time.monotonic()
            self._write_line(f"{self._name}  {self._phase}  {text}")

    def show(self, progress: Progress) -> None:
        """How far the tasks are."""
        self.note(progress_text(progress))


def _fitted(name: str, text: str, room: int) -> str:
    """In one line: the name is left out first, for pytest says it too; what ends it, the ETA, stays."""
    whole = f"{name}  {text}"
    if len(whole) <= room:
        return whole
    if len(text) <= room:
        return text
    words = text.split(" ")
    while len(words) > 1 and len(" ".join(words)) + 2 > room:
        del words[0]
    return ("~ " + " ".join(words))[-room:]


def progress_text(progress: Progress) -> str:
    """`14/24 done, 0 failed, backlog 10, X 171/min, 5 s, ETA 4 s`."""
    eta = "?" if progress.eta_s is None else f"{progress.eta_s:.0f} s"
    return (
        f"{progress.done}/{progress.total} done, {progress.failed} failed, backlog {progress.backlog}, "
        f"X {progress.throughput_per_min:.3g}/min, {progress.elapsed_s:.0f} s, ETA {eta}"
    )
