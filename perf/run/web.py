"""How a case of the web tier runs, from the quiet deployment to the verdict."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from perf.cases.case import Variant
from perf.cases.endpoints import SHIPPED, read_endpoints
from perf.cases.errors import HarnessError, UsageError
from perf.cases.options import nearest
from perf.cases.web import CLOSED, OPTIONS, STABLE_SHARE, WebCase, WebMode, web_cases
from perf.judge.check import Problem, problems
from perf.judge.evidence import LoadEvidence, Observed
from perf.judge.load_checks import LOAD_CHECKS, crowded
from perf.judge.run_checks import RUN_CHECKS
from perf.judge.slos import Slo, SloBook
from perf.judge.verdict import Verdict, VerdictKind, judge
from perf.load.intent import intent_path
from perf.load.locust_run import LoadSpec, Site, records_folder
from perf.measure.figures import Metric
from perf.measure.intervals import Interval
from perf.measure.numbers import number
from perf.measure.web import Second, Window, merged, per_second, start_of
from perf.measure.web_intervals import web_intervals
from perf.measure.web_summary import WebSummary, web_metrics
from perf.observe.machine import MachineObserver
from perf.observe.observer import observing
from perf.observe.tasks import ClockObserver, WorkersObserver
from perf.pipeline import Clip, WebTier
from perf.run.context import Context, KneeFound
from perf.run.deciding import decided
from perf.run.kind import Kind
from perf.run.web_load import (
    STEP_METRICS,
    KneeSearch,
    Loads,
    MeasuredLoad,
    Step,
    Uploads,
    bottleneck_of,
)
from perf.store.files import numbers
from perf.store.result import Result, Table


@dataclass(frozen=True, slots=True)
class WebFacts:
    """What a web case ran with.

    Attributes:
        load_source: users, or a rate and where it comes from.
        clip: what was uploaded. What was downloaded is the same, made done by the suite, never processed.
        bottleneck: the cores that each part of the pipeline used during the load that was judged.
        bottleneck_at_knee: the same at the lowest rate that broke.
        attempts: what was undecided before, a line each, where more was sent.
    """

    load_source: str
    clip: Clip
    bottleneck: str
    bottleneck_at_knee: str = ""
    attempts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WebResult(Result):
    """All that a web case gave.

    Attributes:
        load: what was sent in the load that was judged.
        window: what of it is measured.
        requests: the folder of its raw requests.
        seconds: it, second by second; *users* beside it, of a closed loop.
        steps: the search for the knee, where there was one.
    """

    case: WebCase
    summary: WebSummary
    load: LoadSpec
    window: Window
    requests: str
    facts: WebFacts
    seconds: tuple[Second, ...] = ()
    users: tuple[int, ...] = ()
    steps: tuple[Step, ...] = ()


class WebKind(Kind[WebCase, WebResult]):
    """From smoke to the knee of the web tier, while nothing is processed."""

    name = "web"
    parameter = "web_case"
    feature = "Scenario 1: web capacity"
    case = WebCase
    result = WebResult
    summary = WebSummary
    options = OPTIONS
    headlines = (
        "knee_per_s",
        "throughput_per_s",
        "error_ratio",
        "response_p50_s",
        "response_p95_s",
    )
    consolidated = "scenario1_consolidated.csv"

    def __init__(self, api: Path = SHIPPED) -> None:
        self._api = api
        self._endpoints = read_endpoints(api)

    def configured(self, options: Mapping[str, Any]) -> Self:
        """With the endpoints of the file that --api names, among which those of --endpoints are."""
        kind = type(self)(options.get("api") or SHIPPED)
        known = [each.name for each in kind._endpoints]
        for name in options.get("endpoints") or ():
            if name not in known:
                raise UsageError(
                    f"--endpoints {name}: unknown{nearest(name, known)}; expected some of {','.join(known)}"
                )
        return kind

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Those of all requests, and those of each endpoint."""
        return web_metrics(self._endpoints)

    def cases(self, variant: Variant, options: Mapping[str, Any]) -> Sequence[WebCase]:
        """See perf.cases.web."""
        return web_cases(variant, options)

    def slos(self, book: SloBook, case: WebCase) -> tuple[Slo, ...]:
        """Without those of endpoints that the case does not call."""
        called = case.endpoints or [each.name for each in self._endpoints]
        silent = {each.name for each in self._endpoints if each.name not in called}
        return tuple(slo for slo in book.for_case(case) if slo.metric.partition("_")[0] not in silent)

    def run(self, case: WebCase, context: Context) -> WebResult:
        """Send the case's load, judge what was measured; a knee is found first."""
        if context.deployment.web is None:
            raise HarnessError(f"{case.id}: this pipeline has no web tier; leave its cases out: -k 'not web'")
        names = tuple(endpoint.name for endpoint in self._endpoints)
        spec = LoadSpec(run_s=case.run_s, api=self._api, endpoints=case.endpoints)
        return _WebRun(
            case, context, context.deployment.web, names, spec, self.slos(context.book, case)
        ).run()

    def row(self, result: WebResult) -> Mapping[str, object]:
        """The load, the verdict, and all metrics."""
        rate_per_s = result.load.rate_per_s
        row: dict[str, object] = {"case": result.case.id, "variant": result.case.variant, **result.case.axes}
        row |= {"rate_per_s": rate_per_s, "users": None if rate_per_s else result.case.users}
        row["verdict"] = result.verdict.kind
        return row | {name: result.summary.value(name) for name in self.metrics}

    def tables(self, result: WebResult) -> Mapping[str, Table]:
        """The load second by second, and the steps of the search."""
        names = tuple(each.name for each in fields(Second))
        seconds = [names, *(tuple(getattr(each, name) for name in names) for each in result.seconds)]
        if not result.steps:
            return {"seconds": seconds}
        steps = [
            (each.rate_per_s, each.broken, *map(each.figures.get, STEP_METRICS)) for each in result.steps
        ]
        return {"seconds": seconds, "knee": [("rate_per_s", "broken", *STEP_METRICS), *steps]}

    def alike(self, result: WebResult) -> Mapping[str, str]:
        """Parameters, load and clip."""
        case = result.case
        share = "a share of the knee" if case.rate_per_s is None else f"{case.rate_per_s:g}/s"
        load = share if case.mode in (WebMode.KNEE, WebMode.STABLE) else f"{case.run_s:g} s"
        called = {"endpoints": ", ".join(case.endpoints)} if case.endpoints else {}
        return {**case.parameters, "load": load, "clip": result.facts.clip.what, **called}

    def circumstances(self, result: WebResult) -> Mapping[str, str]:
        """Load and clip."""
        facts = result.facts
        return {
            "load": facts.load_source,
            "clip": facts.clip.what,
            "tried before": "; ".join(facts.attempts),
        }


WEB = WebKind()


@dataclass
class _WebRun:
    case: WebCase
    context: Context
    web: WebTier
    endpoints: tuple[str, ...]
    spec: LoadSpec
    slos: tuple[Slo, ...]
    attempts: list[str] = field(default_factory=list)

    def run(self) -> WebResult:
        with self.context.listener.phase("deploy"):
            self.context.deployment.idle()
            clip = self.context.deployment.clip(self.case.size_mb)
        pipeline = self.context.deployment.pipeline
        machine, clock, workers = MachineObserver(), ClockObserver(pipeline), WorkersObserver(pipeline)
        intent = intent_path(self.context.folder, self.case.id)
        uploads = Uploads(self.web, pipeline.clock_s(), clip.path, intent)
        with observing(machine, clock, workers), uploads.removed(), self.web.downloadable(clip) as done:
            site = Site(self.web.url, clip.path, done)
            loads = Loads(self.case, self.context, self.endpoints, site, uploads)
            search = self._search(loads)
            judged, spread = self._until_decided(loads, search)
        use = self.context.use_of(machine)
        with self.context.listener.phase("judge"):
            observed = Observed(machine=use, clock=clock.seen, workers=workers.seen)
            return self._result(judged, spread, search, clip, observed)

    def _result(
        self,
        judged: MeasuredLoad,
        spread: Mapping[str, Interval],
        search: KneeSearch,
        clip: Clip,
        observed: Observed,
    ) -> WebResult:
        summary, knee = judged.summary, search.knee
        if self.case.mode is WebMode.KNEE:
            summary = replace(summary, knee_per_s=knee.per_s, knee_broken_per_s=knee.broken_per_s)
        evidence = LoadEvidence(judged.logs, summary, observed, self.context.tolerances)
        found = [*problems((*LOAD_CHECKS, *RUN_CHECKS), evidence), *knee.doubts]
        requests = merged(judged.logs)
        stats = judged.prefix.with_name(f"{judged.prefix.name}_stats_history.csv")
        return WebResult(
            case=self.case,
            summary=summary,
            verdict=self._verdict(judged, summary, found, spread),
            intervals=spread,
            machine_use=observed.machine,
            load=judged.load,
            window=judged.window,
            requests=records_folder(judged.prefix).name,
            facts=WebFacts(
                self._source(judged, search.knee),
                clip,
                bottleneck_of(judged.use),
                search.knee.bottleneck,
                tuple(self.attempts),
            ),
            seconds=tuple(per_second(requests, start_of(judged.logs))),
            users=tuple(int(row.get("User Count", 0)) for row in numbers(stats)),
            steps=tuple(search.steps) if self.case.mode is WebMode.KNEE else (),
        )

    def _verdict(
        self,
        judged: MeasuredLoad,
        summary: WebSummary,
        found: Sequence[Problem],
        spread: Mapping[str, Interval],
    ) -> Verdict:
        verdict = judge(summary, self.slos, found, spread)
        if verdict.kind is VerdictKind.FAIL:
            verdict = judge(summary, self.slos, [*found, *crowded(judged.use)], spread)
        return decided(verdict, self.case.decide_s, "requests", more_requests(self.case.mode))

    def _search(self, loads: Loads) -> KneeSearch:
        """The search for the knee, made now; what an earlier case found; nothing where none is needed."""
        case, known = self.case, self.context.references.knees
        if case.mode in CLOSED or (case.mode is WebMode.STABLE and case.rate_per_s):
            return KneeSearch(KneeFound(None, None))
        if case.mode is WebMode.STABLE and case.variant in known:
            return KneeSearch(known[case.variant])
        search = loads.search(self.slos, self._step_spec)
        search.knee = replace(search.knee, doubts=tuple(search.problems()))
        known[case.variant] = search.knee
        return search

    def _until_decided(self, loads: Loads, search: KneeSearch) -> tuple[MeasuredLoad, Mapping[str, Interval]]:
        """The load that the verdict is about, and its intervals: undecided, it is sent for twice as long.

        Of a knee that is the hold at its share, if there is a knee.
        """
        if self.case.mode is WebMode.KNEE and search.knee.per_s is None and search.last is not None:
            return search.last, self._spread(search.last)
        spec = self._spec(self._rate_per_s(search))
        judged = loads.send("", spec)
        spread, end_s = self._spread(judged), time.monotonic() + self.case.decide_s  # beyond the first
        while self._is_open(judged, spread) and time.monotonic() + 2 * spec.run_s < end_s:
            self.attempts.append(f"{judged.summary.due} requests in {number(spec.run_s)} s")
            self.context.listener.note(f"once more: {self.attempts[-1]}")
            spec = replace(spec, run_s=2 * spec.run_s)
            judged = loads.send(f"-more{len(self.attempts)}", spec)
            spread = self._spread(judged)
        return judged, spread

    def _is_open(self, judged: MeasuredLoad, spread: Mapping[str, Interval]) -> bool:
        """Whether more requests could say something else, as far as its objectives tell."""
        slos = [slo for slo in self.slos if not slo.metric.startswith("knee_")]
        return judge(judged.summary, slos, (), spread).open

    def _spread(self, judged: MeasuredLoad) -> dict[str, Interval]:
        """The intervals: about a load whose rate holds. Of one that grows they would say nothing."""
        if self.case.mode in (WebMode.RAMP, WebMode.STEPS):
            return {}
        return web_intervals(merged(judged.logs), judged.window, self.endpoints)

    def _rate_per_s(self, search: KneeSearch) -> float | None:
        """The rate of an open load; None of a closed one."""
        if self.case.mode in CLOSED:
            return None
        rate_per_s = STABLE_SHARE * search.knee.per_s if search.knee.per_s else self.case.rate_per_s
        if rate_per_s is None:
            raise HarnessError(
                f"{self.case.id}: no knee was found, of which it is a share; see web-knee, or give --web-rate"
            )
        return rate_per_s

    def _spec(self, rate_per_s: float | None) -> LoadSpec:
        case = self.case
        return replace(
            self.spec,
            rate_per_s=rate_per_s,
            shape={WebMode.RAMP: "ramp", WebMode.STEPS: "steps"}.get(case.mode, "stable"),
            users=case.users,
            spawn_per_s=case.spawn_per_s,
            step_users=case.step_users,
            step_s=case.step_s,
            think_s=case.think_s,
            generators=case.generators,
        )

    def _step_spec(self, rate_per_s: float) -> LoadSpec:
        """The load of a step of the search."""
        return replace(self._spec(rate_per_s), run_s=self.case.step_s + self.case.warm_up_s)

    def _source(self, judged: MeasuredLoad, knee: KneeFound) -> str:
        rate = judged.load.rate_per_s
        if rate is None:
            return "users who wait"
        if knee.per_s:
            return f"{number(rate)}/s, {STABLE_SHARE:g} of the knee at {number(knee.per_s)}/s"
        return f"{number(rate)}/s, given"


def more_requests(mode: WebMode) -> str:
    """What brings a case more of them: where users wait for each answer there is no rate to raise."""
    return "give it more time" if mode in CLOSED else "give a higher --web-rate, or more time"
