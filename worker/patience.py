"""Waiting for a part that every video needs: the database, the storage, the disk.

A child that meets such a fault keeps its message and tries the same step again. It thus takes no further
messages while nothing can be done with them, burns no deliveries, and goes on where it was within
seconds of the part's return. What it cannot wait for it gives back, for another node may be better off.
"""

from __future__ import annotations

import os
import random
import select
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import TypeVar

from kombu.log import get_logger

from app.errors import first_line
from app.pauses import pause_s

logger = get_logger(__name__)

T = TypeVar("T")

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0


class Stopping:
    """Something that is so from now on: said by the main process, heard by all children forked after this.

    A pipe and no multiprocessing.Event, whose set() waits for ever for a waiting child that was killed.
    """

    def __init__(self) -> None:
        self._hear, self._say = os.pipe()

    def say(self) -> None:
        """Tell; may be called from a signal handler."""
        os.write(self._say, b"x")

    @property
    def said(self) -> bool:
        """Whether it was told."""
        return self.wait(0)

    def wait(self, pause_s: float | None = None) -> bool:
        """Wait for so long, or until it is told; whether it was."""
        ready, _, _ = select.select([self._hear], [], [], pause_s)
        return bool(ready)


#: The worker stops: it takes no more, and what it cannot do now it gives back.
stopping = Stopping()
#: What is not done by now will not be done by this worker.
time_is_up = Stopping()


def pauses(draw: Callable[[], float] = random.random) -> Iterator[float]:
    """Seconds between tries, without an end; see app.pauses.

    Args:
        draw: numbers from 0 to 1.
    """
    return (pause_s(tries, FIRST_PAUSE_S, LONGEST_PAUSE_S, draw) for tries in count(1))


def patiently(
    what: str,
    step: Callable[[], T],
    faults: tuple[type[Exception], ...],
    patience_s: float,
    wait: Callable[[float], bool] = stopping.wait,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """What *step* returns, which is tried again while it raises one of *faults*.

    Raises:
        Exception: the last fault, when *patience_s* seconds are over or the worker stops.
    """
    end_s = clock() + patience_s
    for tries, until_next_s in enumerate(pauses(), start=1):
        try:
            done = step()
        except faults as error:
            if clock() + until_next_s > end_s or wait(until_next_s):
                raise
            if tries == 1:
                logger.warning(
                    "%s does not work (%s): trying again for %g s", what, first_line(error), patience_s
                )
        else:
            if tries > 1:
                logger.warning("%s works again, after %d failures", what, tries - 1)
            return done
    raise AssertionError("pauses do not end")
