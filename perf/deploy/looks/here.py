"""What a run needs of the machine that it is started on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from perf.deploy.looks.look import note, wrong
from perf.pipeline import Finding

#: The clips of 50 and 100 MB, what Locust and the results take, and as much again.
ENOUGH_BYTES = 1 << 30


def clips(folder: Path, ffmpeg: Path) -> Iterator[Finding]:
    """Whether clips can be made and kept."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield wrong("clips", f"{there} is no folder to write to: let PERF_CACHE_DIR name one")
        return
    free = shutil.disk_usage(there).free
    if free < ENOUGH_BYTES:
        yield note(
            "clips", f"{folder} has {free >> 20} MiB left: make room, or name another by PERF_CACHE_DIR"
        )
    yield Finding("clips", f"made by {ffmpeg}, kept in {folder}")
