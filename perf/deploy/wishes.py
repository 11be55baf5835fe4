"""What the command line asks of a deployment, whoever makes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wishes:
    """Of one run.

    Attributes:
        say: tells people.
        terminal: whether somebody can be asked.
        workers_s: how long a new fleet may take; None = as long as it usually may.
        clip: a video in place of the clips that are made; None = those.
    """

    say: Callable[[str], None]
    terminal: bool
    workers_s: float | None = None
    clip: Path | None = None
