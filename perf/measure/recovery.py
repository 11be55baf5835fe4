"""How soon a pipeline is back on its course after an outage. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perf.measure.ledger import Floats, Ledger
from perf.measure.series import Steps, backlog_series

#: A task is late when it took so many times the longest response before the strike, and a second more.
LATE = 2.0
LATE_S = 1.0


@dataclass(frozen=True, slots=True)
class Recovery:
    """What came after an outage; None = it did not come to that.

    Attributes:
        resumed_s: from its end to the first completion after it.
        recovered_s: from its end until completions were back on their course.
    """

    resumed_s: float | None
    recovered_s: float | None


def recovery(ledger: Ledger, begun_s: float, ended_s: float) -> Recovery:
    """From the end of an outage on, which lasted from *begun_s* to *ended_s* (Unix seconds).

    Completions are on their course when the backlog is what it was before the strike, and none of the
    tasks that were due by then is still missing: one whose worker was killed may come long after all
    others. A task that comes as soon as one did before the strike is none of them.
    """
    finished_s = ledger.finished_s[~np.isnan(ledger.finished_s)]
    after = finished_s[finished_s > ended_s]
    resumed_s = float(after.min()) - ended_s if len(after) else None
    back_s = _back(backlog_series(ledger), begun_s, ended_s)
    if back_s is None:
        return Recovery(resumed_s, None)
    due = ledger.where(ledger.scheduled_s <= back_s)
    if np.isnan(due.finished_s).any():
        return Recovery(resumed_s, None)
    late = due.finished_s - due.scheduled_s > _usual_s(ledger, begun_s)
    last_s = float(due.finished_s[late].max(initial=back_s))
    return Recovery(resumed_s, max(back_s, last_s) - ended_s)


def _back(backlog: Steps, begun_s: float, ended_s: float) -> float | None:
    """The first instant after the outage at which the backlog is no longer than before the strike."""
    before = backlog.level[backlog.times_s < begun_s]
    usual = int(before.max(initial=1))
    if backlog.at(ended_s) <= usual:
        return ended_s
    later = backlog.times_s[(backlog.times_s > ended_s) & (backlog.level <= usual)]
    return float(later[0]) if len(later) else None


def _usual_s(ledger: Ledger, begun_s: float) -> float:
    """A response time that no task has which the fault has not delayed."""
    before: Floats = (ledger.finished_s - ledger.scheduled_s)[ledger.finished_s < begun_s]
    return LATE * float(before.max(initial=0.0)) + LATE_S
