"""Observers: each begins with a case, ends with it, and says what it saw."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol, TypeVar

S_co = TypeVar("S_co", covariant=True)


class Observer(Protocol[S_co]):
    """Looks at one thing of the world while a case runs, and changes nothing of it."""

    def begin(self) -> None:
        """From now on."""

    def end(self) -> None:
        """Until now. Called however the case ended, if `begin` returned."""

    @property
    def seen(self) -> S_co | None:
        """What was seen; None where it could not be had. Complete after `end`."""


@contextmanager
def observing(*observers: Observer[object]) -> Iterator[None]:
    """All of them look while the block runs; they end in the reverse order."""
    with ExitStack() as stack:
        for observer in observers:
            observer.begin()
            stack.callback(observer.end)
        yield
