"""The file system that the workers' temporary files are on: full."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from subprocess import TimeoutExpired

from perf.breakable import Hit
from perf.deploy.errors import FixtureError
from perf.deploy.local_fleet import LocalFleet
from perf.deploy.processes import run_to_end

#: No file system that is larger is filled: it would be the machine's.
LARGEST_DISK = 2 * 2**30


def disk_of_its_own(scratch: Path, size: str) -> tuple[list[str], str]:
    """A command that gives what it runs a small file system there, which ends with it; else why not."""
    mount = f"mount -t tmpfs -o size={size} tmpfs '{scratch}'"
    why = ""
    for rights in ([], ["--map-root-user"]):
        unshare = ["unshare", *rights, "--mount", "sh", "-c"]
        try:
            tried = run_to_end([*unshare, mount], timeout_s=10)
        except (OSError, TimeoutExpired) as error:
            return [], f"a file system for the workers alone cannot be had: {error}"
        if tried.returncode == 0:
            return [*unshare, f'{mount} && exec "$0" "$@"'], ""
        why = tried.stderr.strip()
    return [], f"a file system for the workers alone cannot be had, run as root or leave it out: {why}"


class DiskFull:
    """The file system of each node's temporary files is full, and stays so whatever is removed.

    Args:
        fleet: each of its nodes has a small file system of its own at *scratch*, which the others do not see.
        scratch: where its temporary files are.
    """

    how = "a file takes all room that there is on the workers' file system for temporary files"

    def __init__(self, fleet: LocalFleet, scratch: Path) -> None:
        self._fleet, self._scratch = fleet, scratch
        self._relieved = threading.Event()
        self._thread: threading.Thread | None = None
        self.hits: list[Hit] = []

    def begin(self) -> None:
        """See Strike."""
        self._relieved.clear()
        fillers = [self._filler(process.pid) for process in self._fleet.nodes.values()]
        self.hits = [Hit(time.time(), "disk", str(self._scratch), _fill(each)) for each in fillers]
        self._thread = threading.Thread(target=self._keep_full, args=(fillers,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """See Strike."""
        self._relieved.set()
        if self._thread is not None:
            self._thread.join(10)
        for process in self._fleet.nodes.values():
            self._filler(process.pid).unlink(missing_ok=True)

    def _filler(self, pid: int) -> Path:
        folder = Path(f"/proc/{pid}/root{self._scratch}")
        room = os.statvfs(folder)
        if room.f_blocks * room.f_frsize > LARGEST_DISK:
            raise FixtureError(f"{self._scratch} of worker {pid} is no small file system: it is not filled")
        return folder / "filler"

    def _keep_full(self, fillers: Sequence[Path]) -> None:
        while not self._relieved.wait(0.02):
            for each in fillers:
                _fill(each)


def _fill(filler: Path) -> str:
    """Take all room there is: by blocks, and byte by byte in the end."""
    taken = 0
    handle = os.open(filler, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for block in (2**20, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    taken += os.write(handle, b"\0" * block)
    finally:
        os.close(handle)
    return f"{taken} bytes taken, no room left"
