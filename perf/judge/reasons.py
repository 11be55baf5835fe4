"""Why tasks failed, beside the SLO that this breaks. Pure."""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import replace

from perf.judge.verdict import Verdict
from perf.measure.ledger import Ledger
from perf.pipeline import State

#: The metric that counts them.
FAILED = "failed"
#: Characters of a reason: it stands in a line with others, and whole in the case's ledger.
_LONGEST = 120


def with_reasons(verdict: Verdict, ledger: Ledger) -> Verdict:
    """The verdict; where failed tasks break it, with the commonest of their reasons and a task with it."""
    if not (said := _commonest(ledger)):
        return verdict
    results = tuple(
        replace(each, note=said) if each.slo.metric == FAILED and not each.passed else each
        for each in verdict.results
    )
    return replace(verdict, results=results)


def _commonest(ledger: Ledger) -> str:
    failed = ledger.select(State.FAILED)
    reasons = [textwrap.shorten(error or "", _LONGEST, placeholder=" ...") for error in failed.error.tolist()]
    if not any(reasons):
        return ""
    ((reason, times),) = Counter(filter(None, reasons)).most_common(1)
    return f"{times} of them, such as {failed.task_id[reasons.index(reason)]}: {reason}"
