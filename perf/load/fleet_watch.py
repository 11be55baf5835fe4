"""Looks at the nodes of a fleet while tasks go through it, in a thread beside the injector's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from perf.cases.errors import HarnessError
from perf.load.clock import PipelineClock
from perf.pipeline import Pipeline, by_node

EVERY_S = 1.0
_END_S = 10.0


class FleetWatch:
    """Which nodes report themselves, once a second. What cannot be asked is asked again a second later.

    Args:
        pipeline: is asked.
        told: how many nodes there are, whenever that has changed.
        every_s: how often it is asked.

    Attributes:
        seen: when, in Unix seconds by the pipeline's clock, and how many nodes.
    """

    def __init__(self, pipeline: Pipeline, told: Callable[[int], None], every_s: float = EVERY_S) -> None:
        self._pipeline = pipeline
        self._told = told
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fleet", daemon=True)
        self._clock = PipelineClock(0.0, 0.0)
        self.seen: list[tuple[float, int]] = []

    def start(self, started_s: float, clock: PipelineClock) -> None:  # noqa: ARG002 - what runs beside is told
        """Look from now on."""
        self._clock = clock
        self._thread.start()

    def look(self, task_ids: Sequence[str]) -> None:
        """Every task has ended: nothing more is to be seen."""

    def stop(self) -> None:
        """Look no more; safe to call at any time."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(_END_S)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            with suppress(HarnessError):
                nodes = len(by_node(self._pipeline.workers()))
                if not self.seen or self.seen[-1][1] != nodes:
                    self._told(nodes)
                self.seen.append((self._clock.now(), nodes))
