"""The cases of the web tier, from smoke to the knee, and the load of each. Data only, as matrix.py."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from perf.matrix import Variant, positive_number, whole_number

#: What a user of the API calls: its health, and a video's way through it.
ENDPOINTS = ("health", "upload", "status", "download")
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


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the cases of a variant are, unless the user says otherwise.

    Attributes:
        users: users at the top of ramp and steps.
        step_users: users that each step adds.
        step_s: length of a step of users.
        spawn_per_s: users started per second within a ramp or step.
        think_s: a user's pause between two visits.
        smoke_s: length of the smoke case.
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


_FULL = Scale(50, 10, 30, 1, 1, 10, 4, 20, 1.1, 120, 5)
SCALES = {
    Variant.MOCKED: Scale(8, 2, 2, 2, 0.5, 3, 48, 1.5, 1.2, 6, 0.5),
    Variant.LOCAL: _FULL,
    Variant.AWS: _FULL,
}


@dataclass(frozen=True, slots=True)
class WebAxes:
    """What the user may set of the web cases; None means the variant's own."""

    users: int | None = None
    step_users: int | None = None
    step_s: float | None = None
    spawn_per_s: float | None = None
    rate_per_s: float | None = None
    generators: int = 1
    size_mb: int = DEFAULT_SIZE_MB

    @classmethod
    def parse(
        cls,
        *,
        load_users: str = "",
        step_users: str = "",
        step_time: str = "",
        spawn_rate: str = "",
        web_rate: str = "",
        generators: str = "",
        size_mb: int = DEFAULT_SIZE_MB,
    ) -> WebAxes:
        """From the strings of a command line or an ini file; empty ones are the defaults.

        Raises:
            UsageError: one line that names the option, the text and what would be right.
        """
        return cls(
            users=whole_number("--load-users", load_users, "users at the top, e.g. 50"),
            step_users=whole_number("--step-users", step_users, "users that each step adds, e.g. 10"),
            step_s=positive_number("--step-time", step_time, "seconds per step, e.g. 30"),
            spawn_per_s=positive_number("--spawn-rate", spawn_rate, "users started per second, e.g. 1"),
            rate_per_s=positive_number("--web-rate", web_rate, "requests per second, e.g. 40"),
            generators=whole_number("--generators", generators, "load processes, e.g. 2") or 1,
            size_mb=size_mb,
        )


@dataclass(frozen=True, slots=True)
class WebCase:
    """One case of the web tier.

    Attributes:
        variant: where it runs.
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
    """

    variant: Variant
    mode: WebMode
    users: int
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

    @property
    def key(self) -> str:
        """The case's name within its variant, as slos.toml spells it: ``web-smoke``."""
        return str(self.mode)

    @property
    def id(self) -> str:
        """The stable id, such as ``mocked-web-smoke``."""
        return f"{self.variant}-{self.key}"


def web_cases(variant: Variant, axes: WebAxes) -> tuple[WebCase, ...]:
    """The variant's cases in the order they run."""
    return tuple(_case(variant, mode, axes) for mode in WebMode)


def _case(variant: Variant, mode: WebMode, axes: WebAxes) -> WebCase:
    scale = SCALES[variant]
    users = axes.users or scale.users
    step_users = min(axes.step_users or scale.step_users, users)
    spawn_per_s = axes.spawn_per_s or scale.spawn_per_s
    step_s = axes.step_s or scale.step_s
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
        rate_per_s={WebMode.KNEE: scale.knee_from_per_s, WebMode.STABLE: axes.rate_per_s}.get(mode),
        run_s=run_s,
        warm_up_s=min(scale.warm_up_s, run_s / 4),
        size_mb=axes.size_mb,
        generators=axes.generators,
        resolution=scale.resolution,
    )
