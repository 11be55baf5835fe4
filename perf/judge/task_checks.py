"""Whether what was measured of tasks can be trusted: one function for each way in which it cannot.

Those of everything else that a case needs are in `perf.judge.run_checks`.
"""

from __future__ import annotations

from perf.judge.check import Check
from perf.judge.evidence import TaskEvidence
from perf.judge.ledger_checks import LEDGER_CHECKS
from perf.judge.work_checks import WORK_CHECKS
from perf.judge.worker_checks import WORKER_CHECKS

TASK_CHECKS: tuple[Check[TaskEvidence], ...] = (*LEDGER_CHECKS, *WORKER_CHECKS, *WORK_CHECKS)
