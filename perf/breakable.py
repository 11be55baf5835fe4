"""The port of what is broken on purpose: what a fault case asks of a deployment. Beside perf.pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from perf.pipeline import Deployment


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that a strike did: a request it answered, a process it ended.

    Attributes:
        at_s: when, in Unix seconds.
        where: the part that was hit, such as ``sqs``.
        what: what was to be done there, such as ``ReceiveMessage``.
        done: what was done instead.
    """

    at_s: float
    where: str
    what: str
    done: str


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a task beside what its row says.

    Attributes:
        endings: how often its row came to an end: more than once is done twice.
        dead: whether its message is in the dead-letter queue.
    """

    endings: int
    dead: bool


class Breakable(Protocol):
    """A deployment that can be struck. Every method may raise HarnessError, with a reason."""

    @property
    def deployment(self) -> Deployment:
        """What is struck."""

    def lacks(self, fault: str) -> str:
        """Why this fault cannot be brought about here; empty where it can."""

    def strike(self, fault: str) -> None:
        """Begin it; returns once it is there."""

    def relieve(self, fault: str) -> None:
        """End it; returns once what was struck is there again."""

    def hits(self) -> Sequence[Hit]:
        """What the last strike has done so far."""

    def how(self, fault: str) -> str:
        """How it is brought about, exactly enough to do it again."""

    def fates(self, task_ids: Sequence[str]) -> Mapping[str, Fate]:
        """What became of each of these tasks; their dead letters are removed."""


@runtime_checkable
class Strikable(Protocol):
    """A Deployment may have this beside its other methods: the fault cases run where it has."""

    def breakable(self) -> Breakable:
        """A place like this one that can be struck; it ends with this one.

        Raises:
            HarnessError: nothing here is the suite's to break.
        """
