"""How a case runs, from the deployment's preparation to the verdict. Rendering is not done here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perf.errors import HarnessError
from perf.judge.slos import SloBook
from perf.judge.verdict import Verdict, judge, with_stability
from perf.load.injector import Planned, plan
from perf.load.schedule import offsets
from perf.loading import Loaded, Loading, Watcher
from perf.matrix import Case, Mode, Variant
from perf.measure.calibrate import calibrate
from perf.measure.evidence import Limits
from perf.measure.ideal import Ideal, merged
from perf.measure.intervals import Interval, intervals
from perf.measure.ledger import Ledger
from perf.measure.machine import MachineSampler, MachineUse
from perf.measure.metrics import Summary, summarise
from perf.measure.validity import check

if TYPE_CHECKING:
    from fixtures.deployment import Clip, Deployment

#: How long the queue may take to drain after the last task was due, unless --deadline says otherwise.
DRAIN_DEADLINE_S = {Variant.MOCKED: 120.0, Variant.LOCAL: 1800.0, Variant.AWS: 3600.0}
POLL_S = {Variant.MOCKED: 0.2, Variant.LOCAL: 0.5, Variant.AWS: 1.0}
#: Bare runs per lane of a calibration: enough to see the machine's spread, few enough not to wait for.
CALIBRATION_ROUNDS = {Variant.MOCKED: 3, Variant.LOCAL: 1}
#: A probe of the capacity, where no burst case of the cell ran before: so many tasks per worker process.
PROBE_ROUNDS = 4


@dataclass(frozen=True)
class CaseResult:
    """All that a case gave: what the artifacts are made of."""

    case: Case
    ledger: Ledger
    summary: Summary
    verdict: Verdict
    ideal: Ideal | None
    #: The 95 % confidence intervals of the metrics that have one.
    intervals: Mapping[str, Interval]
    #: What the machine did meanwhile, where the workers run on it too.
    machine: MachineUse | None
    #: What the case ran on and with: workers, clip, rate, clock.
    facts: Mapping[str, Any]


@dataclass
class Measured:
    """What a run has measured and later cases build on, by variant and cell.

    Attributes:
        ideals: bare ffmpeg.
        capacities_per_min: the throughput of a burst that was done completely.
        warm: the ids of the workers that have done tasks already.
    """

    ideals: dict[tuple[Variant, str], Ideal] = field(default_factory=dict)
    capacities_per_min: dict[tuple[Variant, str], float] = field(default_factory=dict)
    warm: set[str] = field(default_factory=set)


@dataclass
class Runner:
    """Runs cases against one deployment.

    Attributes:
        deployment: the system under test.
        book: the SLOs.
        folder: where the injector's logs go.
        watcher: who is told.
        measured: what earlier cases measured; this one adds to it.
        drain_deadline_s: instead of DRAIN_DEADLINE_S.
        limits: from where on a disturbance makes a case INVALID.
    """

    deployment: Deployment
    book: SloBook
    folder: Path
    watcher: Watcher
    measured: Measured
    drain_deadline_s: float | None = None
    limits: Limits = field(default_factory=Limits)

    def run(self, case: Case) -> CaseResult:
        """Run the case to its verdict. Whatever it made in the deployment is removed again.

        Raises:
            HarnessError, FixtureError: the suite or the deployment broke; there is no verdict then.
        """
        with self.watcher.phase("deploy"):
            workers = self.deployment.prepare(case.concurrency)
            clip = self.deployment.clip(case.size_mb)
        self._warm_up(case, clip, {worker.id for worker in workers})
        with MachineSampler() as sampler:
            self._calibrate(case, clip)
            rate_per_min, rate_source = self._rate(case, clip)
            planned = plan(offsets(case.mode, case.count, rate_per_min).tolist())
            loaded = self._tasks_done(case, clip, planned, case.id)
            ideal = self._calibrate(case, clip)
        machine = sampler.use if self.deployment.is_here else None
        ledger = loaded.ledger
        with self.watcher.phase("judge"):
            summary = summarise(ledger, concurrency=case.concurrency, mode=case.mode, ideal=ideal)
            spread = intervals(ledger, summary, concurrency=case.concurrency, mode=case.mode, ideal=ideal)
            problems = check(
                ledger,
                summary,
                concurrency=case.concurrency,
                mode=case.mode,
                around=replace(loaded.around, machine=machine),
                limits=self.limits,
            )
            slos = with_stability(self.book.for_case(case), case.mode)
            verdict = judge(summary, slos, problems, spread)
        if case.mode is Mode.BURST:
            self._remember_capacity(case, summary)
        facts = {
            "deployment": dict(self.deployment.description),
            "workers": [{"host": w.host, "pid": w.pid, "concurrency": w.concurrency} for w in workers],
            "worker_settings": dict(workers[0].settings),
            "clip": {"is": str(clip.spec), "size_bytes": clip.spec.size_bytes, "stand_in": clip.stand_in},
            "rate_per_min": rate_per_min,
            "rate_source": rate_source,
            "clock_uncertainty_s": loaded.clock_uncertainty_s,
            "warm_up": "each worker process did tasks before the case; they are not counted",
        }
        return CaseResult(case, ledger, summary, verdict, ideal, spread, machine, facts)

    def _warm_up(self, case: Case, clip: Clip, workers: set[str]) -> None:
        """A task for each process of workers that have done none: a cold start is no part of a case."""
        if workers <= self.measured.warm:
            return
        with self.watcher.phase("warm up"):
            planned = plan([0.0] * case.concurrency)
            left = self._tasks_done(case, clip, planned, f"{case.id}-warm-up").ledger
        if outstanding := len(left.select("uploaded", "processing")):
            raise HarnessError(
                f"{case.id}: warm-up: {outstanding} of {len(planned)} tasks did not finish; look at the "
                "workers' log"
            )
        self.measured.warm |= workers

    def _tasks_done(self, case: Case, clip: Clip, planned: Sequence[Planned], name: str) -> Loaded:
        """Load the deployment with these tasks, which are removed from it again."""
        deadline_s = self.drain_deadline_s or DRAIN_DEADLINE_S[case.variant]
        loading = Loading(self.deployment, self.watcher, deadline_s, POLL_S[case.variant])
        return loading.run(clip, planned, self._log(name))

    def _calibrate(self, case: Case, clip: Clip) -> Ideal | None:
        """Bare ffmpeg for this clip at this concurrency; None where the workers are elsewhere.

        A burst is measured against runs before and after it, so that a machine whose speed drifts
        does not favour either; a sustained case uses what its cell's burst left.
        """
        if not self.deployment.is_here:
            return None
        known, key = self.measured.ideals, (case.variant, case.cell)
        if key not in known or case.mode is Mode.BURST:
            runs = case.concurrency * CALIBRATION_ROUNDS[case.variant]
            with self.watcher.phase("calibrate"):
                ideal = calibrate(self.deployment.worker_settings, clip.path, case.concurrency, runs)
            known[key] = merged(known[key], ideal) if key in known else ideal
        return known[key]

    def capacity_per_min(self, case: Case) -> float:
        """The throughput of the cell's burst case, or of a probe where none was done completely."""
        key = (case.variant, case.cell)
        if key not in self.measured.capacities_per_min:
            workers = self.deployment.prepare(case.concurrency)
            clip = self.deployment.clip(case.size_mb)
            self._warm_up(case, clip, {worker.id for worker in workers})
            self._probe(case, clip)
        return self.measured.capacities_per_min[key]

    def _rate(self, case: Case, clip: Clip) -> tuple[float | None, str]:
        """The arrival rate of the case in tasks per minute, and where it comes from."""
        if case.mode is Mode.BURST:
            return None, "all at once"
        if case.rate_per_min is not None:
            return case.rate_per_min, "given"
        known, key, source = self.measured.capacities_per_min, (case.variant, case.cell), "the burst case"
        if key not in known:
            source = "a probe"
            self._probe(case, clip)
        capacity = known[key]
        return case.utilisation * capacity, f"{case.utilisation:g} of {capacity:.1f}/min, from {source}"

    def _probe(self, case: Case, clip: Clip) -> None:
        """Measure the cell's capacity by a short burst."""
        planned = plan([0.0] * (PROBE_ROUNDS * case.concurrency))
        ledger = self._tasks_done(case, clip, planned, f"{case.id}-probe").ledger
        self._remember_capacity(
            case, summarise(ledger, concurrency=case.concurrency, mode=Mode.BURST, ideal=None)
        )
        if (case.variant, case.cell) not in self.measured.capacities_per_min:
            raise HarnessError(
                f"{case.id}: the capacity of {case.cell} could not be measured: a probe of {len(planned)} "
                f"tasks left {len(ledger.select('done'))} done; look at the workers' log, or give --rate"
            )

    def _remember_capacity(self, case: Case, summary: Summary) -> None:
        if summary.throughput_per_min and summary.done == summary.total:
            self.measured.capacities_per_min[case.variant, case.cell] = summary.throughput_per_min

    def _log(self, name: str) -> Path:
        return self.folder / f"worker_tasks_{name}.log"
