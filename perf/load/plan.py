"""The tasks of a case before they are sent, and what became of the sending. Data only."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Planned:
    """A task that is due at an offset from the start."""

    task_id: str
    offset_s: float


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a planned task. Instants are Unix seconds by the pipeline's clock.

    Attributes:
        task_id: the id of the task and of its row.
        scheduled_s: when it was due.
        sent_s: when its send began; None when it was not sent.
        error: why it was not.
    """

    task_id: str
    scheduled_s: float
    sent_s: float | None
    error: str | None = None


def plan(offsets_s: Sequence[float]) -> list[Planned]:
    """An id for each offset."""
    return [Planned(str(uuid.uuid4()), float(offset)) for offset in offsets_s]
