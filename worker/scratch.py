"""A task's temporary folder, and the removal of those whose owner was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "video-worker-"

#: A folder this young may not be locked yet by its maker.
_SETTLED_S = 60.0


@contextmanager
def scratch() -> Iterator[Path]:
    """A fresh folder, locked by this process for as long as it is in use and removed at the end."""
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
        handle = os.open(name, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield Path(name)
        finally:
            os.close(handle)


def sweep(now_s: float | None = None) -> int:
    """Remove the folders that nobody holds any more; how many there were.

    The lock tells, not a process id: workers in several containers may share the folder.
    """
    now_s = time.time() if now_s is None else now_s
    folders = [path for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*") if path.is_dir()]
    return sum(_remove_if_left(folder, now_s) for folder in folders)


def _remove_if_left(folder: Path, now_s: float) -> bool:
    try:
        if now_s - folder.stat().st_mtime < _SETTLED_S:
            return False
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return False
    finally:
        os.close(handle)
    return not folder.exists()
