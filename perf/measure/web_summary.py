"""The metrics of a web case: their names, units and meanings, in one place. web.py computes them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from perf.measure.summary import Metric, Unit
from perf.web_matrix import CLOSED, ENDPOINTS, WebMode

ALL = frozenset(WebMode)
OPEN = ALL - CLOSED
KNEE = frozenset({WebMode.KNEE})


def _is(unit: Unit, meaning: str, modes: frozenset[WebMode] = ALL, *, quantile: int | None = None) -> Any:
    return field(
        metadata={"unit": unit, "meaning": meaning, "modes": modes, "quantile": quantile, "signed": False}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSummary:
    """Every metric of a load on the web tier. None = there is no data for it; never 0 or NaN in its place.

    Over the arrivals that were due within the measured time: after the warm-up, until the load ends. The
    response time R of a request runs from the instant at which it was due, which in a closed loop is the
    one at which it was sent. Times are over the requests that were answered well; one still outstanding
    counts with its age, which its R can only exceed. Failures are counted beside them, and never mixed in.
    """

    due: int = _is("count", "requests due within the measured time")
    sent: int = _is("count", "of them, sent")
    answered: int = _is("count", "of them, answered well (status below 400)")
    failed: int = _is("count", "of them, refused, answered with 400 or above, or broken off")
    outstanding: int = _is("count", "of them, without an answer when the load had ended")
    dropped: int = _is("count", "due and never sent: too many were outstanding")
    warm_up: int = _is("count", "requests before the measured time, left out")
    lost: int = _is("count", "uploads acknowledged of which the database has no row")

    offered_per_s: float | None = _is("per_s", "requests due per second")
    throughput_per_s: float | None = _is("per_s", "requests answered well per second")
    throughput_vs_offered: float | None = _is("ratio", "answers / requests due, within the measured time")
    error_ratio: float | None = _is("ratio", "(failed + outstanding + dropped) / due")

    response_mean_s: float | None = _is("s", "mean of R = ended - due")
    response_p50_s: float | None = _is("s", "median of R", quantile=50)
    response_p95_s: float | None = _is("s", "95th percentile of R", quantile=95)
    response_p99_s: float | None = _is("s", "99th percentile of R", quantile=99)
    response_max_s: float | None = _is("s", "largest R")
    from_sent_p95_s: float | None = _is("s", "95th percentile of ended - sent", quantile=95)

    health_answered: int = _is("count", "GET /api/health answered well")
    health_error_ratio: float | None = _is("ratio", "its error ratio")
    health_p50_s: float | None = _is("s", "its median of R", quantile=50)
    health_p95_s: float | None = _is("s", "its 95th percentile of R", quantile=95)
    upload_answered: int = _is("count", "POST /api/videos answered well")
    upload_error_ratio: float | None = _is("ratio", "its error ratio")
    upload_p50_s: float | None = _is("s", "its median of R", quantile=50)
    upload_p95_s: float | None = _is("s", "its 95th percentile of R", quantile=95)
    status_answered: int = _is("count", "GET /api/videos/ID answered well")
    status_error_ratio: float | None = _is("ratio", "its error ratio")
    status_p50_s: float | None = _is("s", "its median of R", quantile=50)
    status_p95_s: float | None = _is("s", "its 95th percentile of R", quantile=95)
    download_answered: int = _is("count", "GET /api/videos/ID/download answered well, to the last byte")
    download_error_ratio: float | None = _is("ratio", "its error ratio")
    download_p50_s: float | None = _is("s", "its median of R", quantile=50)
    download_p95_s: float | None = _is("s", "its 95th percentile of R", quantile=95)

    in_flight_max: int = _is("count", "most requests sent and not answered at one instant")
    in_flight_growth: int = _is("count", "requests due and not answered: at the end, less at the beginning")
    send_lag_p50_s: float | None = _is("s", "median of sent - due", OPEN, quantile=50)
    send_lag_p95_s: float | None = _is("s", "95th percentile of sent - due", OPEN, quantile=95)
    send_lag_max_s: float | None = _is("s", "largest sent - due", OPEN)
    loop_lag_p95_s: float | None = _is("s", "95th percentile of the generators' lateness", quantile=95)
    loop_lag_max_s: float | None = _is("s", "their largest lateness")
    generator_cpu: float | None = _is("ratio", "processor time / time, of the busiest generator")

    closed_loop_users: int | None = _is("count", "users that a closed loop would need for this rate", OPEN)
    closed_loop_unsent: int | None = _is("count", "requests they would not have sent, waiting", OPEN)
    closed_loop_p95_s: float | None = _is("s", "95th percentile that they would have seen", OPEN, quantile=95)
    closed_loop_p99_s: float | None = _is("s", "99th percentile that they would have seen", OPEN, quantile=99)

    knee_per_s: float | None = _is("per_s", "highest rate that held", KNEE)
    knee_broken_per_s: float | None = _is("per_s", "lowest rate that did not", KNEE)

    def value(self, metric: str) -> float | None:
        """The value of the metric of this name, one of WEB_METRICS."""
        value: float | None = getattr(self, WEB_METRICS[metric].name)
        return value

    def quantile(self, metric: str) -> int | None:
        """Which percentile the metric is, if it is one."""
        return WEB_METRICS[metric].quantile

    def samples(self, metric: str) -> int:
        """How many values the metric rests on."""
        endpoint = metric.partition("_")[0]
        if endpoint in ENDPOINTS:
            return int(getattr(self, f"{endpoint}_answered"))
        return self.sent if metric.startswith("send_lag") else self.answered


#: Every metric by its name.
WEB_METRICS: dict[str, Metric] = {
    each.name: Metric(each.name, **each.metadata) for each in fields(WebSummary)
}
