"""What a load is about to make in a deployment: on disk before the first send, and until it is removed again.

Where a run was killed, ``intent_<case id>.json`` stays, and `python -m perf clean` goes by it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from perf.cases.errors import UsageError


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be made.

    Attributes:
        tasks: the ids of tasks.
        uploads_since_s: from when on the clip is uploaded to the web tier, by the pipeline's clock; None =
            it is not.
        clip: the file that is uploaded.
    """

    tasks: Sequence[str] = ()
    uploads_since_s: float | None = None
    clip: str = ""


def intent_path(folder: Path, name: str) -> Path:
    """Where the intent of this load is kept."""
    return folder / f"intent_{name}.json"


def write_intent(path: Path, intent: Intent) -> None:
    """Write it, down to the disk: whole or not at all."""
    temporary = path.with_suffix(".new")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(asdict(intent), file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_intent(path: Path) -> Intent:
    """Read it again.

    Raises:
        UsageError: the file is none.
    """
    try:
        return Intent(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{path}: not what a run wrote: {error}; see what it is") from error
