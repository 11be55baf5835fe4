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
    """Hold the machine for measuring.

    Raises:
        FixtureError: another run holds it; the lock ends with that run's process, however it ends.
    """
    path = path or Path(tempfile.gettempdir()) / f"video-perf-{os.getuid()}.lock"
    with path.open("a+") as file:
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
