"""How many tasks were where at every instant, rebuilt exactly from the ledger. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perf.measure.ledger import Floats, Ints, Ledger


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """A step function: ``level[i]`` from ``times_s[i]`` until the next; before the first it is 0.

    ``times_s`` is ascending without repetition: what happens at one instant is one step, so that a
    worker which ends one task and begins the next at the same instant never counts as two.
    """

    times_s: Floats
    level: Ints

    def at(self, instant_s: float) -> int:
        """The level just after an instant."""
        index = int(np.searchsorted(self.times_s, instant_s, side="right")) - 1
        return int(self.level[index]) if index >= 0 else 0

    def peak(self) -> int:
        """The highest level."""
        return int(self.level.max(initial=0))

    def integral(self, begin_s: float, end_s: float) -> float:
        """The area under the steps between two instants, in tasks * s."""
        edges = self._edges(begin_s, end_s)
        return float(np.dot(self.level, np.diff(edges)))

    def slope_per_s(self, begin_s: float, end_s: float) -> float:
        """The slope of the straight line that fits the steps best between two instants, begin < end.

        Least squares in continuous time, the limit of ordinary least squares on an ever denser grid:
        integral of (t - m) L(t) over integral of (t - m)^2, with m the middle of the interval. Exact
        for steps, and there is no sampling interval to choose.
        """
        from_middle = self._edges(begin_s, end_s) - (begin_s + end_s) / 2
        moment = np.dot(self.level, np.diff(from_middle**2) / 2)
        return float(moment / ((end_s - begin_s) ** 3 / 12))

    def _edges(self, begin_s: float, end_s: float) -> Floats:
        """Where each level begins and, last, where the last one ends, cut to the interval."""
        return np.append(np.clip(self.times_s, begin_s, end_s), end_s)


def backlog_series(ledger: Ledger) -> Steps:
    """The backlog: tasks scheduled and not finished. One that never finishes stays in it."""
    return _steps(ledger.scheduled_s, ledger.finished_s[~np.isnan(ledger.finished_s)])


def waiting_series(ledger: Ledger) -> Steps:
    """Tasks sent and not begun; one that never begins goes on waiting. Those not sent never wait."""
    sent = ~np.isnan(ledger.sent_s)
    at_s = np.maximum(ledger.sent_s[sent], ledger.scheduled_s[sent])
    return _steps(at_s, ledger.started_s[sent & ~np.isnan(ledger.started_s)])


def in_service_series(ledger: Ledger) -> Steps:
    """Tasks in service: between their last start and their finish, of those that have both instants.

    A task that was begun and never finished is left out, since nobody knows how long it was worked on.
    """
    both = ~np.isnan(ledger.started_s) & ~np.isnan(ledger.finished_s)
    return _steps(ledger.started_s[both], ledger.finished_s[both])


def _steps(up_s: Floats, down_s: Floats) -> Steps:
    times = np.concatenate([up_s, down_s])
    order = np.argsort(times, kind="stable")
    times = times[order]
    level = np.cumsum(np.repeat([1, -1], [len(up_s), len(down_s)])[order])
    last_of_instant = np.append(times[1:] != times[:-1], True)[: len(times)]
    return Steps(times[last_of_instant], level[last_of_instant])
