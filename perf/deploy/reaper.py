"""Ends what a killed test run left behind: `python -m perf.deploy.reaper`, one beside each run.

The run tells the reaper, a JSON line each on its standard input, which processes and folders it has
made and which it has removed. When the run dies, even by SIGKILL, the kernel closes the pipe: the
reaper then stops every process group still on its list, removes the folders and ends.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from functools import lru_cache
from pathlib import Path
from typing import IO

GRACE_S = 5.0


class Reaper:
    """The run's side of the pipe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "perf.deploy.reaper"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C on the terminal is not for it
            cwd=Path(__file__).parents[2],
            text=True,
        )
        atexit.register(self.close)

    def close(self) -> None:
        """The run ends in order: whatever is still on the list goes with it."""
        self._process.communicate(timeout=2 * GRACE_S)

    def watch_process(self, pid: int, stop: signal.Signals = signal.SIGKILL) -> None:
        """Stop the process group *pid* with *stop*, then with SIGKILL, when this run dies."""
        self._tell("add_process", [pid, int(stop)])

    def forget_process(self, pid: int) -> None:
        """The run itself has ended this group."""
        self._tell("drop_process", [pid])

    def watch_folder(self, path: Path) -> None:
        """Remove *path* when this run dies."""
        self._tell("add_folder", [str(path)])

    def forget_folder(self, path: Path) -> None:
        """The run itself has removed it."""
        self._tell("drop_folder", [str(path)])

    def _tell(self, verb: str, args: list[int | str]) -> None:
        pipe = self._process.stdin
        assert pipe is not None  # noqa: S101 - opened above
        with self._lock:
            pipe.write(json.dumps([verb, *args]) + "\n")
            pipe.flush()


@lru_cache
def reaper() -> Reaper:
    """This process's reaper, started when it is first needed."""
    return Reaper()


def _serve(lines: IO[str]) -> tuple[dict[int, int], list[str]]:
    """What is on the list when the pipe closes."""
    processes: dict[int, int] = {}
    folders: list[str] = []
    for line in lines:
        match json.loads(line):
            case ["add_process", pid, stop]:
                processes[pid] = stop
            case ["drop_process", pid]:
                processes.pop(pid, None)
            case ["add_folder", path]:
                folders.append(path)
            case ["drop_folder", path] if path in folders:
                folders.remove(path)
    return processes, folders


def _signal_group(pid: int, number: int) -> bool:
    """Whether the group was there to be signalled."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _reap(processes: dict[int, int], folders: list[str]) -> None:
    for pid, stop in reversed(processes.items()):
        _signal_group(pid, stop)
    end = time.monotonic() + GRACE_S
    while time.monotonic() < end and any(_signal_group(pid, 0) for pid in processes):
        time.sleep(0.05)
    for pid in processes:
        _signal_group(pid, signal.SIGKILL)
    for path in folders:
        with contextlib.suppress(OSError):
            shutil.rmtree(path)


if __name__ == "__main__":
    _reap(*_serve(sys.stdin))
