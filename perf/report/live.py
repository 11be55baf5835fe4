"""A running case from the outside: it writes how far it is into a small file, `perf watch` reads that.

The file ``progress.json`` (of a slot: ``progress-NAME.json``) stands in the run's folder and is replaced
whole, so that a reader never sees half of it. It is written twice a second at most, without waiting for the
disk: it is for eyes, not for reports.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import psutil

from perf.cases.errors import UsageError
from perf.observe.completion import Progress
from perf.report.progress import LiveLine, QuietLine, progress_text
from perf.store.result import Phase
from perf.store.secrets import without_secrets

FILE = "progress.json"
_EVERY_S = 0.5


class ProgressFile:
    """Writes the file of one run.

    Args:
        folder: the run's.
        total: cases of the run.
        slot: the deployment that these cases are measured on, where the run has several: a file each.
    """

    def __init__(self, folder: Path, total: int, slot: str = "") -> None:
        self._path = folder / (f"progress-{slot}.json" if slot else FILE)
        self._slot = slot
        self._total = total
        self._ended = 0
        self._written_s = 0.0
        self._state: dict[str, Any] = {}

    def case_begins(self, case_id: str) -> None:
        """Another case runs."""
        place = self._slot or f"{self._ended + 1}/{self._total}"
        self._state = {"case": case_id, "place": place, "pid": os.getpid()}
        self._ended += 1

    @property
    def left(self) -> int:
        """Cases that have not begun."""
        return self._total - self._ended

    def tell(self, phase: str, text: str = "", *, at_once: bool = False) -> None:
        """How far it is; left out when the last was written just now, unless it must be told *at_once*."""
        now_s = time.monotonic()
        if at_once or now_s - self._written_s >= _EVERY_S:
            self._written_s = now_s
            self._write({**self._state, "phase": phase, "text": text, "at_s": time.time()})

    def run_ends(self) -> None:
        """There is nothing more to watch."""
        self._write({**self._state, "ended": True, "at_s": time.time()})

    def _write(self, state: dict[str, Any]) -> None:
        temporary = self._path.with_name(f".{self._path.name}")
        with suppress(OSError):  # a full disk ends no case for the sake of those who watch
            temporary.write_text(without_secrets(json.dumps(state)), encoding="utf-8")
            temporary.replace(self._path)


class CaseProgress:
    """How far a case is: told to the terminal, the progress file and Allure's steps.

    Args:
        line: of the terminal or the log.
        file: of the run.
        step: a step of another report, such as Allure's, for a phase.
    """

    def __init__(
        self,
        line: LiveLine | QuietLine,
        file: ProgressFile,
        step: Callable[[str], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._step = step
        self._line = line
        self._file = file
        self._phase = ""
        #: The phases so far, in the order they began; those that run have no end.
        self._phases: list[tuple[str, float, float | None]] = []

    @property
    def phases(self) -> tuple[Phase, ...]:
        """Those that have ended, in the order they began."""
        return tuple(Phase(name, begin_s, end_s) for name, begin_s, end_s in self._phases if end_s)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """A phase begins, and ends with the block."""
        self._phase = name
        self._file.tell(name, at_once=True)
        place, begin_s = len(self._phases), time.time()
        self._phases.append((name, begin_s, None))
        try:
            with self._step(name), self._line.phase(name):
                yield
        finally:
            self._phases[place] = (name, begin_s, time.time())

    def note(self, text: str) -> None:
        """What the phase has come to, in words of its own."""
        self._line.note(text)
        self._file.tell(self._phase, text)

    def show(self, progress: Progress) -> None:
        """How far the tasks are."""
        self._line.show(progress)
        self._file.tell(self._phase, progress_text(progress))


def follow(
    folder: Path,
    write: Callable[[str], None],
    *,
    poll_s: float = 0.5,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Show what a run writes of itself until it ends.

    Returns:
        0 when it ended in order, 1 when its process is gone without having said so.

    Raises:
        UsageError: there is nothing to follow.
    """
    shown: dict[Path, str] = {}
    while True:
        states = {path: _read(path) for path in sorted(folder.glob("progress*.json")) or [folder / FILE]}
        running = {path: state for path, state in states.items() if not state.get("ended")}
        if not running:
            write(f"{folder}: the run has ended")
            return 0
        for path, state in running.items():
            text = _text(state)
            if text != shown.get(path):
                write(text)
                shown[path] = text
        pids = [int(state["pid"]) for state in running.values()]
        if not any(map(psutil.pid_exists, pids)):
            write(f"{folder}: the run's process {pids[0]} is gone and did not say that it ended")
            return 1
        sleep(poll_s)


def _text(state: dict[str, Any]) -> str:
    return f"[{state['place']}] {state['case']}  {state['phase']}  {state['text']}".rstrip()


def _read(path: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(state, dict) or not (state.get("ended") or _is_running(state)):
            raise ValueError("not what a run writes")
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path}: nothing to watch here; give the folder of a running run: {error}"
        ) from error
    return state


def _is_running(state: dict[str, Any]) -> bool:
    """Whether all is there that is shown."""
    pid = state.get("pid")
    return {"place", "case", "phase", "text"} <= state.keys() and isinstance(pid, int) and 0 < pid < 2**31
