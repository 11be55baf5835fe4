"""What a way to strike a part of a pipeline is: begun, ended, and what it did."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from perf.breakable import Hit


class Strike(Protocol):
    """One way; every method may raise FixtureError."""

    def begin(self) -> None:
        """Returns once it is there."""

    def end(self) -> None:
        """Returns once what was struck is there again."""

    @property
    def hits(self) -> Sequence[Hit]:
        """What it did since it was begun."""

    @property
    def how(self) -> str:
        """Exactly enough to do it again."""


@dataclass
class Done:
    """Something is done to a part, and undone in the end.

    Attributes:
        where: the part.
        how: what is done.
        do: does it; says what it did, a line each.
        undo: undoes it.
    """

    where: str
    how: str
    do: Callable[[], Sequence[str]]
    undo: Callable[[], object] = lambda: None
    hits: list[Hit] = field(default_factory=list)

    def begin(self) -> None:
        """See Strike."""
        began_s = time.time()
        self.hits = [Hit(began_s, self.where, self.how, each) for each in self.do()]

    def end(self) -> None:
        """See Strike."""
        self.undo()
