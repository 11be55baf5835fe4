"""One measured run at a time on a machine: two would measure each other."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from perf.deploy.errors import FixtureError


@contextmanager
def only_measured_run(path: Path | None = None) -> Iterator[None]:
    """Hold the machine for measuring, against whichever user.

    Raises:
        FixtureError: another run holds it; the lock ends with that run's process, however it ends.
    """
    path = path or Path(tempfile.gettempdir()) / "video-perf.lock"
    try:
        handle = _opened(path)
    except OSError as error:
        raise FixtureError(
            f"cannot open {path}, by which measured runs take turns ({error.strerror}): remove it, or set "
            "TMPDIR to a folder that can be written to"
        ) from error
    with os.fdopen(handle, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise FixtureError(
                f"another measured run (pid {file.read().strip() or 'unknown'}) is under way on this "
                "machine, and two would measure each other: wait for it to end"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _opened(path: Path) -> int:
    """The file for whoever comes; not by O_CREAT where it is there, which Linux may refuse for another's."""
    try:
        return os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        os.fchmod(handle, 0o666)  # whatever the umask was
        return handle
