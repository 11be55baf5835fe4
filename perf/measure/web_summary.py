"""The metrics of a web case: their names, units and meanings, in one place. web.py computes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from perf.cases.endpoints import Endpoint
from perf.cases.errors import UsageError
from perf.cases.web import CLOSED, WebMode
from perf.measure.figures import Figures, Metric, metric

OPEN = tuple(mode for mode in WebMode if mode not in CLOSED)
KNEE = (WebMode.KNEE,)
#: After this one the metrics of the endpoints stand.
_BEFORE_ENDPOINTS = "from_sent_p95_s"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointFigures(Figures):
    """The same of one endpoint."""

    answered: int = metric("count", "{} answered well")
    error_ratio: float | None = metric("ratio", "its error ratio", most=1, default=None)
    p50_s: float | None = metric("s", "its median of R", quantile=50, default=None)
    p95_s: float | None = metric("s", "its 95th percentile of R", quantile=95, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSummary(Figures):
    """Every metric of a load on the web tier. None = there is no data for it; never 0 or NaN in its place.

    Over the arrivals that were due within the measured time: after the warm-up, until the load ends. The
    response time R of a request runs from the instant at which it was due, which in a closed loop is the
    one at which it was sent. Times are over the requests that were answered well; one still outstanding
    counts with its age, which its R can only exceed. Failures are counted beside them, and never mixed in.
    """

    due: int = metric("count", "requests due within the measured time")
    sent: int = metric("count", "of them, sent")
    answered: int = metric("count", "of them, answered well, with a status that is good for the endpoint")
    failed: int = metric("count", "of them, refused, answered otherwise, or broken off")
    outstanding: int = metric("count", "of them, without an answer when the load had ended")
    dropped: int = metric("count", "due and never sent: too many were outstanding")
    warm_up: int = metric("count", "requests before the measured time, left out")
    lost: int = metric("count", "uploads acknowledged of which the database has no row")

    offered_per_s: float | None = metric("per_s", "requests due per second")
    throughput_per_s: float | None = metric("per_s", "requests answered well per second")
    throughput_vs_offered: float | None = metric("ratio", "answers / requests due, within the measured time")
    error_ratio: float | None = metric("ratio", "(failed + outstanding + dropped) / due", most=1)

    response_mean_s: float | None = metric("s", "mean of R = ended - due")
    response_p50_s: float | None = metric("s", "median of R", quantile=50, better="lower")
    response_p95_s: float | None = metric("s", "95th percentile of R", quantile=95, better="lower")
    response_p99_s: float | None = metric("s", "99th percentile of R", quantile=99)
    response_max_s: float | None = metric("s", "largest R")
    from_sent_p95_s: float | None = metric("s", "95th percentile of ended - sent", quantile=95)

    #: Of each endpoint, by its name; its metrics are ``<name>_answered`` and so on.
    endpoints: Mapping[str, EndpointFigures] = field(default_factory=dict)

    in_flight_max: int = metric("count", "most requests sent and not answered at one instant")
    in_flight_growth: int = metric(
        "count", "requests due and not answered: at the end, less at the beginning"
    )
    send_lag_p50_s: float | None = metric("s", "median of sent - due", OPEN, quantile=50)
    send_lag_p95_s: float | None = metric("s", "95th percentile of sent - due", OPEN, quantile=95)
    send_lag_max_s: float | None = metric("s", "largest sent - due", OPEN)
    loop_lag_p95_s: float | None = metric("s", "95th percentile of the generators' lateness", quantile=95)
    loop_lag_max_s: float | None = metric("s", "their largest lateness")
    generator_cpu: float | None = metric("ratio", "processor time / time, of the busiest generator")

    closed_loop_users: int | None = metric("count", "users that a closed loop would need for this rate", OPEN)
    closed_loop_unsent: int | None = metric("count", "requests they would not have sent, waiting", OPEN)
    closed_loop_p95_s: float | None = metric(
        "s", "95th percentile that they would have seen", OPEN, quantile=95
    )
    closed_loop_p99_s: float | None = metric(
        "s", "99th percentile that they would have seen", OPEN, quantile=99
    )

    knee_per_s: float | None = metric("per_s", "highest rate that held", KNEE, better="higher")
    knee_broken_per_s: float | None = metric("per_s", "lowest rate that did not", KNEE)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The summary again, of what `values` gave; the endpoints are those whose answers it counts."""
        own: dict[str, Any] = {name: values.get(name) for name in cls.metrics()}
        names = [name.removesuffix("_answered") for name in values if name.endswith("_answered")]
        return cls(**own, endpoints={name: EndpointFigures.of(_without(name, values)) for name in names})

    def values(self) -> dict[str, float | None]:
        """The value of every metric by its name, those of the endpoints after the others."""
        found = super(WebSummary, self).values()
        for endpoint, figures in self.endpoints.items():
            found |= {f"{endpoint}_{name}": value for name, value in figures.values().items()}
        return found

    def quantile(self, metric: str) -> int | None:
        """Which percentile the metric is, if it is one."""
        endpoint, _, own = metric.partition("_")
        if endpoint in self.endpoints:
            return self.endpoints[endpoint].quantile(own)
        return super(WebSummary, self).quantile(metric)

    def samples(self, metric: str) -> int:
        """How many values a percentile rests on."""
        endpoint = self.endpoints.get(metric.partition("_")[0])
        if endpoint is not None:
            return endpoint.answered
        return self.sent if metric.startswith("send_lag") else self.answered


def _without(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(f"{prefix}_"): value for name, value in values.items()}


def web_metrics(endpoints: Iterable[Endpoint]) -> dict[str, Metric]:
    """Every metric of a web case by its name, with those of these endpoints among them.

    Raises:
        UsageError: the metrics of an endpoint of this name would be taken for others.
    """
    endpoints = tuple(endpoints)
    taken = {name.partition("_")[0] for name in WebSummary.metrics()}
    if wrong := sorted({endpoint.name for endpoint in endpoints} & taken):
        raise UsageError(f"an endpoint cannot be called {wrong[0]!r}: metrics of all requests begin so")
    found: dict[str, Metric] = {}
    for name, own in WebSummary.metrics().items():
        found[name] = own
        if name == _BEFORE_ENDPOINTS:
            found |= {each.name: each for endpoint in endpoints for each in _of_endpoint(endpoint)}
    return found


def _of_endpoint(endpoint: Endpoint) -> Iterable[Metric]:
    what = f"{endpoint}{', to the last byte' if endpoint.streams else ''}"
    for name, own in EndpointFigures.metrics().items():
        meaning = own.meaning.replace("{} answered well", f"{what} answered well")
        yield Metric(f"{endpoint.name}_{name}", own.unit, meaning, quantile=own.quantile, most=own.most)
