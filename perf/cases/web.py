"""The web cases, from smoke to the knee, and the load of each. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from perf.cases.candidates import compares
from perf.cases.case import Case, Variant, axis, shown
from perf.cases.defaults import DEFAULTS
from perf.cases.endpoints import SHIPPED, read_endpoints
from perf.cases.options import Option, items, number_above_0, seconds, text, whole_number
from perf.cases.worker import sizes_of

#: The share of the knee at which the tier must hold: what the procedure we replace took of its "48 users".
STABLE_SHARE = 0.8
DEFAULT_SIZE_MB = 50


class WebMode(StrEnum):
    """What a case of the web tier does. The order counts: the knee is what `stable` is a share of."""

    SMOKE = "web-smoke"
    RAMP = "web-ramp"
    STEPS = "web-steps"
    KNEE = "web-knee"
    STABLE = "web-stable"


#: Closed loops: users who wait for an answer before they go on. The others are open: a rate, whatever the
#: answers.
CLOSED = frozenset({WebMode.SMOKE, WebMode.RAMP, WebMode.STEPS})


@dataclass(frozen=True, slots=True, kw_only=True)
class WebCase(Case):
    """One case of the web tier.

    Attributes:
        mode: what it does.
        users: users of a closed loop at most.
        step_users: users that each step adds.
        step_s: length of a step; of users, or of the search for the knee.
        spawn_per_s: users started per second.
        think_s: a user's pause between visits.
        rate_per_s: requests per second of a stable case, None = a share of the knee; or a search's first.
        run_s: how long the load lasts; of a knee, the hold at its end.
        warm_up_s: how much of that is not measured.
        size_mb: size of the video that is uploaded, in MB (2**20 bytes).
        generators: load processes.
        resolution: how closely the search closes in on the knee.
        decide_s: how long it may go on where its requests are too few to decide.
        endpoints: what is called, in this order; empty = all that there are.
    """

    kind: ClassVar[str] = "web"

    mode: WebMode = axis("{}", "mode", table=True)
    users: int = shown("users")
    step_users: int
    step_s: float
    spawn_per_s: float
    think_s: float
    rate_per_s: float | None
    run_s: float
    warm_up_s: float
    size_mb: int = DEFAULT_SIZE_MB
    generators: int = 1
    resolution: float = 1.1
    decide_s: float = 0.0
    endpoints: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Such as ``Web tier: smoke (mocked)``."""
        return f"Web tier: {self.mode.removeprefix('web-')} ({self.variant})"


def _api(_: str, path: str) -> Path:
    """The file of the endpoints, which is read to see that it can be."""
    file = Path(path) if path else SHIPPED
    read_endpoints(file)
    return file


OPTIONS = (
    Option(
        "load-users",
        "web cases: users at the top of ramp and steps (mocked 8, else 50)",
        whole_number("users at the top, e.g. 50"),
    ),
    Option(
        "step-users",
        "web cases: users that each step adds (mocked 2, else 10)",
        whole_number("users that each step adds, e.g. 10"),
    ),
    Option(
        "step-time",
        "web cases: seconds of each step, or such as 2m (mocked 2, else 30)",
        seconds,
    ),
    Option(
        "spawn-rate",
        "web cases: users started per second (mocked 2, else 1)",
        number_above_0("users started per second, e.g. 1", least=0.01),
    ),
    Option(
        "web-rate",
        f"requests/s of the stable web case ({STABLE_SHARE} of the knee)",
        number_above_0("requests per second, e.g. 40", least=0.1),
    ),
    Option(
        "generators", "load processes of the web cases (1)", whole_number("load processes, e.g. 2", most=64)
    ),
    Option("endpoints", "web cases: which endpoints are called, e.g. health (all of --api)", items(text)),
    Option("api", "the file of the web tier's endpoints (perf/cases/endpoints.toml)", _api),
)


def web_cases(variant: Variant, options: Mapping[str, Any]) -> tuple[WebCase, ...]:
    """The variant's cases in the order they run; the values of OPTIONS, and of the worker cases'.

    None where the run compares two sides, which are workers.
    """
    if compares(options):
        return ()
    return tuple(_case(variant, mode, options) for mode in WebMode)


def _case(variant: Variant, mode: WebMode, options: Mapping[str, Any]) -> WebCase:
    scale, decide_s = DEFAULTS[variant].web, options.get("decide-within")
    users = options.get("load-users") or scale.users
    step_users = min(options.get("step-users") or scale.step_users, users)
    spawn_per_s = options.get("spawn-rate") or scale.spawn_per_s
    step_s = options.get("step-time") or scale.step_s
    run_s = {
        WebMode.SMOKE: scale.smoke_s,
        WebMode.RAMP: users / spawn_per_s + step_s,
        WebMode.STEPS: -(-users // step_users) * step_s,
        WebMode.KNEE: scale.stable_s * 2 / 3,
        WebMode.STABLE: scale.stable_s,
    }[mode]
    return WebCase(
        variant=variant,
        mode=mode,
        users=2 if mode is WebMode.SMOKE else users,
        step_users=step_users,
        step_s=scale.knee_step_s if mode is WebMode.KNEE else step_s,
        spawn_per_s=spawn_per_s,
        think_s=scale.think_s,
        rate_per_s={WebMode.KNEE: scale.knee_from_per_s, WebMode.STABLE: options.get("web-rate")}.get(mode),
        run_s=run_s,
        warm_up_s=min(scale.warm_up_s, run_s / 4),
        size_mb=min(sizes_of(options)),
        generators=options.get("generators") or 1,
        resolution=scale.resolution,
        decide_s=DEFAULTS[variant].decide_s if decide_s is None else decide_s,
        endpoints=options.get("endpoints") or (),
    )
