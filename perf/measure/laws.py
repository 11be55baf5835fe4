"""Operational laws that the numbers of a case must keep. Pure.

They hold for any queue, whatever its arrivals, services and order (Denning and Buzen, "The Operational
Analysis of Queueing Network Models", Computing Surveys 10 (1978) 225-261).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from perf.measure.ledger import Ledger
from perf.measure.series import backlog_series
from perf.observe.seen import Poll


@dataclass(frozen=True, slots=True)
class Areas:
    """Both sides of Little's law over a case, in tasks * s, and by how much they may differ."""

    backlog: float
    responses: float
    slack: float

    @property
    def agree(self) -> bool:
        """Whether the law holds."""
        return abs(self.backlog - self.responses) <= self.slack


def little(ledger: Ledger) -> Areas | None:
    """The integral of the backlog and the sum of the response times; None where a task did not finish.

    L = lambda W (Little, "A Proof for the Queuing Formula L = lambda W", Operations Research 9 (1961)
    383-387); over a case that begins and ends empty it is exact, and not a statement about long runs. Both
    sides come from the same records here, so all it can find is a ledger that contradicts itself, or code
    that does. `little_polled` holds the records against something that was read independently.
    """
    if len(ledger) == 0 or np.isnan(ledger.finished_s).any():
        return None
    end_s = float(ledger.finished_s.max())
    backlog = backlog_series(ledger).integral(float(ledger.scheduled_s.min()), end_s)
    responses = float((ledger.finished_s - ledger.scheduled_s).sum())
    return Areas(backlog, responses, 1e-6 * max(1.0, abs(responses)))


def little_polled(ledger: Ledger, polls: Sequence[Poll], tolerance_s: float) -> Areas | None:
    """The same with the backlog as it was seen live; None where a task did not finish or nobody looked.

    A task that finishes between two looks is seen at the second, or at the one after if the database was
    slow to answer: the slack is that time for every task, which a sound case cannot exceed.
    """
    records = little(ledger)
    if records is None or len(polls) < 2:
        return None
    gaps_s = [b.at_s - a.at_s for a, b in pairwise(polls)]
    seen = sum(a.backlog * gap_s for a, gap_s in zip(polls, gaps_s, strict=False))
    seen += polls[0].backlog * polls[0].at_s
    slack = len(ledger) * (2 * max(*gaps_s, polls[0].at_s, 0.0) + tolerance_s)
    return Areas(seen, records.responses, slack)
