"""The loads of a web case: sending one, removing what it uploaded, searching for the knee."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from perf.cases.web import WebCase
from perf.judge.check import Problem
from perf.judge.load_checks import generator_saturated, stalls
from perf.judge.slos import Slo
from perf.load.intent import Intent, write_intent
from perf.load.locust_run import LoadSpec, Site, records_folder, run_load
from perf.load.request_log import GeneratorLog, made_by, uploads_in
from perf.measure.bisection import Outcome, bounds, next_step
from perf.measure.machine import MachineUse, machine_use
from perf.measure.numbers import number
from perf.measure.web import Window, summarise_web, window_of
from perf.measure.web_summary import WebSummary
from perf.observe.machine import MachineObserver
from perf.observe.tail import LoadTail
from perf.pipeline import WebTier
from perf.run.context import Context, KneeFound

#: What is kept of each step of a search.
STEP_METRICS = ("offered_per_s", "throughput_per_s", "error_ratio", "response_p50_s", "response_p95_s",
                "send_lag_p95_s", "generator_cpu")  # fmt: skip


#: What a load that was cut off has sent takes so long to come to its end, in the API.
CUT_OFF_S = 2.0


@dataclass(frozen=True, slots=True)
class Step:
    """A rate that was tried; *broken* says why it did not hold, and is empty when it did.

    Where it is *saturated* the generator itself was at its end: that it broke says nothing about the API.
    """

    rate_per_s: float
    broken: str
    figures: Mapping[str, float | None] = field(default_factory=dict)
    saturated: bool = False

    @property
    def tried(self) -> tuple[float, Outcome]:
        """The same for the bisection."""
        return self.rate_per_s, Outcome.BROKE if self.broken else Outcome.HELD


@dataclass(frozen=True)
class MeasuredLoad:
    """One load and what was measured of it."""

    prefix: Path
    load: LoadSpec
    logs: tuple[GeneratorLog, ...]
    window: Window
    summary: WebSummary
    use: MachineUse | None


@dataclass
class Uploads:
    """What the loads of a case have uploaded, and its removal."""

    web: WebTier
    since_s: float
    clip: Path
    #: The file that says so while they are there.
    intent: Path
    answered: set[str] = field(default_factory=set)
    #: Where the load that is under way writes what it was answered.
    records: Path | None = None

    @contextmanager
    def removed(self) -> Iterator[None]:
        """Whatever is left at the end of the block is removed, however it ends."""
        write_intent(self.intent, Intent(uploads_since_s=self.since_s, clip=str(self.clip)))
        try:
            yield
        finally:
            if self.records is not None:
                time.sleep(CUT_OFF_S)
                self.answered |= uploads_in(self.records)
            self.web.remove(self._left())
            self.intent.unlink()

    def remove(self, logs: Sequence[GeneratorLog]) -> int:
        """Remove the uploads of a load; how many of those acknowledged the pipeline does not know."""
        acknowledged = made_by(logs)
        self.answered |= acknowledged
        found = self._left()
        self.web.remove(found)
        self.answered -= acknowledged
        self.records = None
        return len(acknowledged - set(found))

    def _left(self) -> Collection[str]:
        return self.web.made_since(self.since_s, self.answered, self.clip)


@dataclass
class KneeSearch:
    """Where a search for the knee ended, its steps, and the last load it sent."""

    knee: KneeFound
    steps: list[Step] = field(default_factory=list)
    last: MeasuredLoad | None = None

    def problems(self) -> list[Problem]:
        """What makes the knee doubtful."""
        found = []
        broke = (step for step in self.steps if step.broken)
        first = min(broke, key=lambda step: step.rate_per_s, default=None)
        if first is not None and first.saturated:
            held = f"above {number(self.knee.per_s)}/s, which held: " if self.knee.per_s else ""
            rate = number(first.rate_per_s)
            said = f"no knee: {held}at {rate}/s the load generator was the limit, not the API"
            found.append(Problem(said, "spread the load: --generators 2, or give it a core of its own"))
        if self.knee.per_s is None:
            found.append(Problem("no rate held, not even the lowest", "see why in the first steps' reports"))
        if self.knee.broken_per_s is None:
            found.append(Problem("no rate broke it", "raise the first rate or the number of steps"))
        return [replace(each, check="knee") for each in found]


@dataclass
class Loads:
    """Sends the loads of one case, one after the other, each on an emptied deployment.

    Attributes:
        case: whose loads.
        context: what it runs with.
        endpoints: those that have metrics of their own.
        site: what they are sent to.
        uploads: what they leave.
    """

    case: WebCase
    context: Context
    endpoints: tuple[str, ...]
    site: Site
    uploads: Uploads

    def send(self, suffix: str, spec: LoadSpec) -> MeasuredLoad:
        """Send one load, measure it, remove what it uploaded."""
        context, case = self.context, self.case
        prefix = context.folder / f"{case.id}{suffix}"
        machine = MachineObserver()
        self.uploads.records = records_folder(prefix)
        tail = LoadTail(records_folder(prefix), self._note, machine, spec.run_s)
        with context.listener.phase(f"{suffix.strip('-') or 'load'} {_what(spec)}"):
            try:
                logs = run_load(spec, self.site, prefix, tail)
            finally:
                tail.close()
        with context.listener.phase("remove uploads"):
            lost = self.uploads.remove(logs)
        window = window_of(logs, spec.run_s, case.warm_up_s)
        summary = summarise_web(
            logs,
            window,
            is_open=spec.rate_per_s is not None,
            endpoints=self.endpoints,
            lost=lost,
        )
        return MeasuredLoad(prefix, spec, logs, window, summary, machine_use(machine.seen))

    def _note(self, text: str) -> None:
        self.context.listener.note(text)
        self.context.ceiling.check()

    def search(self, slos: Sequence[Slo], spec: Callable[[float], LoadSpec]) -> KneeSearch:
        """Raise the load until an SLO breaks or throughput stops growing, then close in on the knee.

        Args:
            slos: what each step is held against.
            spec: the load of a step at a rate.
        """
        slos = [slo for slo in slos if not slo.metric.startswith("knee_")]
        steps: list[Step] = []
        measured: dict[float, MeasuredLoad] = {}
        first_per_s = self.case.rate_per_s or 1.0
        while (
            rate := next_step([step.tried for step in steps], first_per_s, self.case.resolution)
        ) is not None:
            last = self.send(f"-step{len(steps) + 1:02d}", spec(rate))
            steps.append(_step(rate, last.summary, slos))
            measured[rate] = last
        held, broken = bounds(step.tried for step in steps)
        use = measured[broken].use if broken is not None else None
        return KneeSearch(KneeFound(held, broken, bottleneck_of(use) if broken else ""), steps, last)


def _step(rate_per_s: float, summary: WebSummary, slos: Sequence[Slo]) -> Step:
    """A step of the search, and why the load did not hold."""
    broken = [
        f"{slo} broken: {number(summary.value(slo.metric))}"
        for slo in slos
        if (value := summary.value(slo.metric)) is None or not slo.holds(value)
    ]
    stalled = stalls(summary)
    why = "; ".join([*([stalled] if stalled else []), *broken])
    saturated = bool(why) and any(generator_saturated(summary))
    return Step(rate_per_s, why, {name: summary.value(name) for name in STEP_METRICS}, saturated)


def _what(spec: LoadSpec) -> str:
    return f"{number(spec.rate_per_s)}/s" if spec.rate_per_s else f"{spec.shape}, {spec.users} users"


def bottleneck_of(use: MachineUse | None) -> str:
    """Which part of the pipeline used this machine's processors, as far as processor time tells."""
    if use is None:
        return "nobody watched the processors"
    shares = {**use.parts, "other": max(0.0, use.busy_share * use.cpus - math.fsum(use.parts.values()))}
    parts = ", ".join(
        f"{name} {number(round(share, 3))}"
        for name, share in sorted(shares.items(), key=lambda each: -each[1])
        if share >= 0.05
    )
    return f"this machine was {100 * use.busy_share:.0f} % busy; cores used: {parts}"
