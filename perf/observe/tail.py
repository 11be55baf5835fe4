"""Follows a load of the web tier while it runs, by the logs that its generators write."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from perf.observe.machine import MachineObserver


class LoadTail:
    """Counts the requests in the logs, and has the machine looked at meanwhile.

    Args:
        folder: where the logs grow.
        note: told how far the load is.
        machine: begun with the load, when the first log is there, and ended with it.
        run_s: how long the load lasts.
    """

    def __init__(
        self, folder: Path, note: Callable[[str], None], machine: MachineObserver, run_s: float
    ) -> None:
        self._folder = folder
        self._note = note
        self._machine = machine
        self._run_s = run_s
        self._end_s: float | None = None
        self._seen: dict[Path, int] = {}
        self._lines = 0

    def __call__(self, elapsed_s: float) -> None:
        """One look, *elapsed_s* after Locust was started."""
        paths = list(self._folder.glob("*.jsonl"))
        if paths and self._end_s is None:
            self._machine.begin()
            self._end_s = elapsed_s + self._run_s
        if self._end_s is not None and elapsed_s >= self._end_s:
            self._machine.end()
            self._end_s = math.inf
        for path in paths:
            self._lines += self._new_lines(path)
        self._note(f"{elapsed_s:.0f} s, {self._lines} requests")

    def close(self) -> None:
        """The load has ended, should it have been before its time."""
        if self._end_s is not None and math.isfinite(self._end_s):
            self._machine.end()

    def _new_lines(self, path: Path) -> int:
        with path.open("rb") as file:
            file.seek(self._seen.get(path, 0))
            new = file.read()
        self._seen[path] = self._seen.get(path, 0) + len(new)
        return new.count(b"\n")
