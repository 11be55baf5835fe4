"""Kinds as slos.toml knows them: a name, the cases and the metrics. Nothing of them can be run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from perf.cases.against import AgainstCase
from perf.cases.case import Case
from perf.cases.endpoints import read_endpoints
from perf.cases.faults import FaultCase
from perf.cases.scale_out import ScaleOutCase
from perf.cases.search import SearchCase
from perf.cases.web import WebCase
from perf.cases.worker import WorkerCase
from perf.measure.fault_summary import FaultSummary
from perf.measure.figures import Metric
from perf.measure.scale_out import ScaleOutSummary
from perf.measure.summary import METRICS
from perf.measure.web_summary import web_metrics
from perf.run.against import AgainstSummary


@dataclass(frozen=True)
class StandIn:
    name: str
    case: type[Case]
    metrics: Mapping[str, Metric]


WORKER = StandIn("worker", WorkerCase, METRICS)
WEB = StandIn("web", WebCase, web_metrics(read_endpoints()))
SEARCH = StandIn("search", SearchCase, {"trials": Metric("trials", "count", "rates that were tried")})
AGAINST = StandIn("against", AgainstCase, AgainstSummary.metrics())
FAULTS = StandIn("faults", FaultCase, FaultSummary.metrics())
SCALE_OUT = StandIn("autoscaling", ScaleOutCase, ScaleOutSummary.metrics())
KINDS = (WORKER, WEB, SEARCH, AGAINST, FAULTS, SCALE_OUT)
