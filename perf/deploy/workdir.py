"""A temporary folder that is removed with the run, also when the run is killed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from perf.deploy.reaper import reaper


@contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """A new folder under the system's temporary one, gone at the end."""
    path = Path(tempfile.mkdtemp(prefix=f"video-perf-{purpose}-"))
    reaper().watch_folder(path)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        reaper().forget_folder(path)
