"""Brings the faults of a schedule about at their instants, in a thread beside the injector's."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from perf.breakable import Breakable, Fate
from perf.cases.errors import HarnessError
from perf.deploy.waiting import until
from perf.load.clock import PipelineClock
from perf.load.strikes import Strike, Struck

#: No strike takes longer than this beyond its own time: workers are stopped and started within it.
LONGEST_S = 120.0
_POLL_S = 0.2


class Striker:
    """Strikes beside an injection, then looks at what became of its tasks.

    Args:
        breakable: what is struck.
        strikes: in the order they are due, one after the other.
        settle_s: how long the queue may take to be empty once every task has ended: a message whose
            delete was lost comes back only then, and whether its task is done twice shows only then.
    """

    def __init__(self, breakable: Breakable, strikes: Sequence[Strike], settle_s: float) -> None:
        self._breakable = breakable
        self._strikes = strikes
        self._settle_s = settle_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="striker", daemon=True)
        self._error: BaseException | None = None
        self._start_s = 0.0
        self._clock = PipelineClock(0.0, 0.0)
        self.struck: list[Struck] = []
        #: What became of each task beside what its row says.
        self.fates: dict[str, Fate] = {}

    def start(self, started_s: float, clock: PipelineClock) -> None:
        """Begin; offsets count from *started_s*, a reading of `time.monotonic`."""
        self._start_s, self._clock = started_s, clock
        self._thread.start()

    def stop(self) -> None:
        """Strike no more, and see that what was struck is there again; safe to call at any time."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(LONGEST_S)

    def look(self, task_ids: Sequence[str]) -> None:
        """Every task has ended or had its time: what became of each.

        Raises:
            HarnessError: a strike could not be made or ended.
        """
        self._thread.join(LONGEST_S)
        if self._error is not None:
            raise HarnessError(f"a strike failed: {self._error}") from self._error
        until(lambda: not self._breakable.deployment.queued(), self._settle_s, _POLL_S)
        self.fates = dict(self._breakable.fates(task_ids))

    def _run(self) -> None:
        try:
            for strike in self._strikes:
                if self._stop.wait(max(0.0, self._start_s + strike.offset_s - time.monotonic())):
                    return
                self.struck.append(self._struck(strike))
        except BaseException as error:  # raised again by look()
            self._error = error

    def _struck(self, strike: Strike) -> Struck:
        begun_s = self._clock.now()
        try:
            self._breakable.strike(strike.fault)
            self._stop.wait(strike.lasts_s)
        finally:
            self._breakable.relieve(strike.fault)
        how, hits = self._breakable.how(strike.fault), tuple(self._breakable.hits())
        return Struck(strike, begun_s, self._clock.now(), how, hits)
