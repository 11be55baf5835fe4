"""The fault cases: what is struck while tasks go through the workers, for how long, and what that explains.

Data only. How a fault is brought about is the deployment's own (perf.breakable); what a task must come to
all the same is perf.judge.faults.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from perf.cases.case import Case, Variant, axis, shown, spanned
from perf.cases.defaults import DEFAULTS
from perf.cases.options import Option, items, one_of
from perf.cases.worker import Mode, WorkerCase, concurrency_of, sizes_of

#: When the strike begins, as a share of the load: after it there is load enough to recover under.
STRIKES_AT = 0.25
#: Of the capacity: what an outage has piled up is worked off in less time than it lasted.
UTILISATION = 0.4
#: Fewer tasks say nothing, however slow the machine is.
LEAST_TASKS = 10


class Fault(StrEnum):
    """What is struck, and how."""

    S3_503 = "s3-503"
    S3_AWAY = "s3-away"
    S3_SLOW = "s3-slow"
    S3_DENIED = "s3-denied"
    S3_THROTTLED = "s3-throttled"
    S3_RESET = "s3-reset"
    S3_SILENT = "s3-silent"
    SQS_503 = "sqs-503"
    SQS_AWAY = "sqs-away"
    SQS_THROTTLED = "sqs-throttled"
    SQS_RESET = "sqs-reset"
    SQS_SILENT = "sqs-silent"
    SEND_LOST = "send-lost"
    DELETE_LOST = "delete-lost"
    RECEIPT_EXPIRED = "receipt-expired"
    DATABASE_AWAY = "database-away"
    DATABASE_SILENT = "database-silent"
    DATABASE_FULL = "database-full"
    DATABASE_RESTART = "database-restart"
    DATABASE_CRASH = "database-crash"
    WORKER_KILLED = "worker-killed"
    ROLLING_RESTART = "rolling-restart"
    SCALE_IN = "scale-in"
    SLOW_NODE = "slow-node"
    KILLER_CLIP = "killer-clip"
    DISK_FULL = "disk-full"


@dataclass(frozen=True, slots=True)
class Striking:
    """A fault for people, and for the checks of a measurement (perf.judge).

    Attributes:
        what: what happens, in a few words.
        lasts: how long, as a share of the variant's outage; 0 = as long as it takes.
        explains: the checks whose finding it explains, so that it is no reason to distrust the case.
    """

    what: str
    lasts: float = 1.0
    explains: frozenset[str] = frozenset()


#: Processes are idle while tasks wait: that is what an outage is.
_IDLE = frozenset({"all worked"})
#: The suite sends and looks through what is struck too, and is held up.
_HELD_UP = frozenset({"injector on time", "rate as asked"})
#: And sees the backlog late.
_BLIND = _IDLE | _HELD_UP | {"Little's law"}
#: Workers go and others come; what the dead ones have used nobody can read any more.
_REPLACED = _IDLE | {"same workers", "as many processes", "processors did the work"}
#: And its task counts as in service from its last attempt until it is given up, though nobody works on it.
_GIVEN_UP = _REPLACED | {"parallelism as set", "utilisation law"}

FAULTS: Mapping[Fault, Striking] = {
    Fault.S3_503: Striking("S3 answers 503", explains=_IDLE),
    Fault.S3_AWAY: Striking("S3 refuses every connection", explains=_IDLE),
    Fault.S3_SLOW: Striking("S3 takes a second longer to answer", explains=_IDLE),
    Fault.S3_DENIED: Striking("S3 says that the credentials have expired", explains=_IDLE),
    Fault.S3_THROTTLED: Striking("S3 answers every second call with 503 SlowDown", explains=_IDLE),
    Fault.S3_RESET: Striking("S3 resets the connection in the middle of a transfer", explains=_IDLE),
    Fault.S3_SILENT: Striking("S3 takes every request and never answers it", explains=_IDLE),
    Fault.SQS_503: Striking("SQS answers receives and deletes with 503", explains=_IDLE),
    Fault.SQS_AWAY: Striking("SQS refuses every connection", explains=_BLIND),
    Fault.SQS_THROTTLED: Striking("SQS throttles every second call", explains=_IDLE),
    Fault.SQS_RESET: Striking("SQS resets the connection in the middle of its answer", explains=_IDLE),
    Fault.SQS_SILENT: Striking("SQS takes every request and never answers it", explains=_IDLE),
    Fault.SEND_LOST: Striking("tasks are sent, every second answer to the sender is lost", explains=_BLIND),
    Fault.DELETE_LOST: Striking("messages are deleted, no answer to the worker comes", explains=_IDLE),
    Fault.RECEIPT_EXPIRED: Striking("SQS says that the receipt of a done task has expired", explains=_IDLE),
    Fault.DATABASE_AWAY: Striking("the database refuses the workers", explains=_IDLE),
    Fault.DATABASE_SILENT: Striking("the workers' connections to it die silently", explains=_IDLE),
    Fault.DATABASE_FULL: Striking("the database has no connection left for the workers", explains=_IDLE),
    Fault.DATABASE_RESTART: Striking("the database is stopped and started", explains=_BLIND),
    Fault.DATABASE_CRASH: Striking("the database crashes and recovers", explains=_BLIND),
    Fault.WORKER_KILLED: Striking("a worker is killed, and another one started", 0.25, _REPLACED),
    Fault.ROLLING_RESTART: Striking("one worker after the other is stopped and started", 0.0, _REPLACED),
    Fault.SCALE_IN: Striking("a busy worker is told to stop and killed at once", explains=_REPLACED),
    Fault.SLOW_NODE: Striking("one of two nodes runs a tenth of the time", explains=_IDLE),
    Fault.KILLER_CLIP: Striking("one clip kills whatever process works on it", 0.0, _GIVEN_UP),
    Fault.DISK_FULL: Striking("the workers' disk is full", explains=_IDLE),
}


CHOSEN = Option(
    "faults",
    "fault cases to run, e.g. s3-away,worker-killed; all of them: -m faults",
    items(one_of(Fault, "fault")),
)
OPTIONS = (CHOSEN,)


@dataclass(frozen=True, slots=True)
class FaultCase(Case):
    """One fault under a load.

    Attributes:
        size_mb: size of each video, in MB (2**20 bytes).
        concurrency: worker processes over the whole deployment.
        fault: what strikes.
        load_s: how long tasks are sent, in s.
        outage_s: how long the strike lasts; 0 = as long as it takes.
        utilisation: arrival rate / capacity.
    """

    kind: ClassVar[str] = "faults"

    size_mb: int = axis("{}MB", "size", text="{} MB")
    concurrency: int = axis("c{}", "concurrency", said="concurrency {}", slow=True)
    fault: Fault = axis("{}", "fault", table=True)
    load_s: float = shown("load, s")
    outage_s: float = shown("outage, s")
    utilisation: float = shown("utilisation", default=UTILISATION)

    @property
    def load(self) -> WorkerCase:
        """The sustained case that the load is."""
        return WorkerCase(
            self.variant, self.size_mb, self.concurrency, Mode.SUSTAINED, LEAST_TASKS,
            utilisation=self.utilisation,
        )  # fmt: skip

    @property
    def nodes(self) -> int:
        """Two where that can be: one of them can then be killed, or stopped before the other."""
        return 1 if self.concurrency % 2 else 2

    def count(self, rate_per_min: float) -> int:
        """Tasks of a load at this rate (tasks/min)."""
        return max(LEAST_TASKS, math.ceil(rate_per_min * self.load_s / 60))


def fault_cases(variant: Variant, options: Mapping[str, Any]) -> tuple[FaultCase, ...]:
    """The variant's fault cases in the order they run; none on aws, where nothing is the suite's to break."""
    if variant is Variant.AWS:
        return ()
    utilisation = options.get("utilisation") or UTILISATION
    default, chosen = DEFAULTS[variant], options.get("faults") or tuple(Fault)
    values: dict[str, tuple[Any, ...]] = {
        "size_mb": sizes_of(options)[:1],
        "concurrency": concurrency_of(options) if options.get("concurrency") else (2,),
        "fault": tuple(each for each in Fault if each in chosen),
    }
    return tuple(
        FaultCase(
            variant,
            **axes,
            load_s=default.fault_load_s,
            outage_s=FAULTS[axes["fault"]].lasts * default.outage_s,
            utilisation=utilisation,
        )
        for axes in spanned(FaultCase, values)
    )
