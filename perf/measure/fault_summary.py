"""The metrics of a fault case, and how they follow from what became of its tasks. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from perf.breakable import Fate
from perf.load.strikes import Struck
from perf.measure.figures import Figures, metric
from perf.measure.ledger import Bools, Ledger
from perf.measure.recovery import recovery
from perf.measure.series import backlog_series
from perf.pipeline import State


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSummary(Figures):
    """What a fault case found. None = it did not come to that; never 0 in its place."""

    total: int = metric("count", "tasks scheduled")
    sent: int = metric("count", "of them, sent")
    unsent: int = metric("count", "of them, not sent")
    done: int = metric("count", "tasks done")
    failed: int = metric("count", "tasks failed, with a reason: all videos are good ones")
    dead_lettered: int = metric("count", "unfinished tasks whose message is in the dead-letter queue")
    lost: int = metric("count", "tasks sent that are none of these three")
    done_twice: int = metric("count", "tasks that came to an end more than once")
    retries: int = metric("count", "repeated work: attempts beyond a task's first")
    duplicates: int = metric("count", "deliveries burnt: beyond a task's first")
    hits: int = metric("count", "what the strike did: requests answered by it, processes ended")
    outage_s: float | None = metric("s", "from the strike until what was struck was there again")
    resumed_s: float | None = metric("s", "from then on to the first completion")
    recovery_s: float | None = metric("s", "from then on until completions were back on their course")
    backlog_max: int | None = metric("count", "most tasks scheduled and not finished at one instant")
    oldest_s: float | None = metric("s", "longest that a task was in the queue: last started - sent")


def fault_summary(ledger: Ledger, fates: Mapping[str, Fate], struck: Sequence[Struck]) -> FaultSummary:
    """Every metric of a fault case.

    Args:
        ledger: a record for each task scheduled.
        fates: what became of each beside that.
        struck: the strikes; recovery is that from the last one.
    """
    ids = ledger.task_id.tolist()
    dead = np.array([task in fates and fates[task].dead for task in ids], dtype=np.bool_)
    done, failed, unsent = ledger.is_in(State.DONE), _failed(ledger), ledger.is_in(State.UNSENT)
    begun_s = min((each.begun_s for each in struck), default=None)
    ended_s = max((each.ended_s for each in struck), default=None)
    after = None if begun_s is None or ended_s is None else recovery(ledger, begun_s, ended_s)
    waits_s = (ledger.started_s - ledger.sent_s)[~np.isnan(ledger.started_s - ledger.sent_s)]
    return FaultSummary(
        total=len(ledger),
        sent=int((~unsent).sum()),
        unsent=int(unsent.sum()),
        done=int(done.sum()),
        failed=int(failed.sum()),
        dead_lettered=int((dead & ~done & ~failed).sum()),
        lost=int((~(done | failed | dead | unsent)).sum()),
        done_twice=sum(fate.endings > 1 for fate in fates.values()),
        retries=int(np.maximum(ledger.attempts - 1, 0).sum()),
        duplicates=int(np.maximum(ledger.deliveries - 1, 0).sum()),
        hits=sum(len(each.hits) for each in struck),
        outage_s=None if begun_s is None or ended_s is None else ended_s - begun_s,
        resumed_s=after.resumed_s if after else None,
        recovery_s=after.recovered_s if after else None,
        backlog_max=backlog_series(ledger).peak() if len(ledger) else None,
        oldest_s=float(waits_s.max()) if len(waits_s) else None,
    )


def _failed(ledger: Ledger) -> Bools:
    """Those with a reason: one without tells nobody what became of it."""
    told: Bools = np.array([bool(error) for error in ledger.error], dtype=np.bool_)
    return ledger.is_in(State.FAILED) & told
