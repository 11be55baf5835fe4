"""What is taken where the user says nothing: for each variant one table. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from perf.cases.case import Variant

#: The thresholds.
SLOS = Path(__file__).parents[1] / "slos.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebScale:
    """How large the cases of the web tier are.

    Attributes:
        users: users at the top of ramp and steps.
        step_users: users that each step adds.
        step_s: length of a step of users.
        spawn_per_s: users started per second within a ramp or step.
        think_s: a user's pause between two visits.
        smoke_s: length of the smoke case: some 185 requests, without an error, tell less than 2 % from 1 %.
        knee_from_per_s: the first rate of the search.
        knee_step_s: measured length of each of its steps.
        resolution: it ends when the rate that broke / the one that held is at most this.
        stable_s: length of the stable case.
        warm_up_s: the first seconds of any load, which are not measured.
    """

    users: int
    step_users: int
    step_s: float
    spawn_per_s: float
    think_s: float
    smoke_s: float
    knee_from_per_s: float
    knee_step_s: float
    resolution: float
    stable_s: float
    warm_up_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What a variant takes.

    Attributes:
        count: tasks of a worker case.
        trial_count: tasks of a trial in the search for the sustainable rate; enough for an interval.
        budget_s: how long that search may take: at one task a minute an hour goes fast.
        block_rounds: tasks per worker process in a block of a comparison.
        comparison_s: how long a comparison may take, once both sides' workers are ready.
        fault_load_s: how long tasks are sent in a fault case.
        outage_s: how long the fault lasts.
        decide_s: how long a case may go on where its tasks are too few to decide.
        drain_deadline_s: how long the queue may take to drain after the last task was due.
        poll_s: pause between looks at the tasks.
        calibration_rounds: bare runs per lane: enough to see the machine's spread, few enough not to wait
            for. 0 where the workers are elsewhere.
        web: the scale of the web cases.
    """

    count: int
    trial_count: int
    budget_s: float
    block_rounds: int
    comparison_s: float
    fault_load_s: float
    outage_s: float
    decide_s: float
    drain_deadline_s: float
    poll_s: float
    calibration_rounds: int
    web: WebScale


_FULL = WebScale(
    users=50,
    step_users=10,
    step_s=30,
    spawn_per_s=1,
    think_s=1,
    smoke_s=30,
    knee_from_per_s=4,
    knee_step_s=20,
    resolution=1.1,
    stable_s=120,
    warm_up_s=5,
)
_SMALL = WebScale(
    users=8,
    step_users=2,
    step_s=2,
    spawn_per_s=2,
    think_s=0.5,
    smoke_s=15,
    knee_from_per_s=48,
    knee_step_s=1.5,
    resolution=1.2,
    stable_s=12,
    warm_up_s=0.5,
)

DEFAULTS = {
    Variant.MOCKED: Defaults(
        count=16,
        trial_count=12,
        budget_s=40,
        block_rounds=3,
        comparison_s=90,
        fault_load_s=18.0,
        outage_s=4.0,
        decide_s=60,
        drain_deadline_s=120,
        poll_s=0.2,
        calibration_rounds=3,
        web=_SMALL,
    ),
    Variant.LOCAL: Defaults(
        count=12,
        trial_count=12,
        budget_s=1800,
        block_rounds=2,
        comparison_s=3600,
        fault_load_s=600.0,
        outage_s=30.0,
        decide_s=900,
        drain_deadline_s=1800,
        poll_s=0.5,
        calibration_rounds=1,
        web=_FULL,
    ),
    Variant.AWS: Defaults(
        count=30,
        trial_count=30,
        budget_s=3600,
        block_rounds=2,
        comparison_s=7200,
        fault_load_s=600.0,
        outage_s=30.0,
        decide_s=3600,
        drain_deadline_s=3600,
        poll_s=1,
        calibration_rounds=0,
        web=_FULL,
    ),
}
