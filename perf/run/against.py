"""How a comparison runs: both sides in turns, until the rule decides or the budget ends; what it gives."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from perf.cases.against import OPTIONS, AgainstCase, against_cases
from perf.cases.candidates import compares
from perf.cases.case import Variant
from perf.deploy.candidates import Reference, referred
from perf.judge.compare import SLOWDOWN, Comparison, conclusion, effect_of, judged, ratios
from perf.judge.outcome import Outcome
from perf.judge.slos import Slo, SloBook
from perf.judge.verdict import Verdict, judge
from perf.load.turns import AGAINST as THERE
from perf.load.turns import HERE
from perf.measure.blocks import MEASURES, Block, Pair
from perf.measure.figures import Figures, metric
from perf.observe.machine import MachineObserver
from perf.observe.observer import observing
from perf.pipeline import Clip, ReportedWorker
from perf.run.comparing import Comparing, differences, problems_of
from perf.run.context import Context
from perf.run.kind import Kind
from perf.run.sides import COUNTED, Blocks, both_sides
from perf.store.result import Result, Table

#: Held of every comparison, whatever slos.toml says.
NOT_WORSE = Slo("worse", "==", 0.0)
#: The same with `--undecided fail`.
DECIDED = Slo("undecided", "==", 0.0, "--undecided fail")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstSummary(Figures):
    """What a comparison found. A ratio is here / against, above 1 = here takes longer; None = too few pairs.

    What service, idle and makespan are: perf.measure.blocks. When one is worse: perf.judge.compare.
    """

    pairs: int = metric("count", "pairs of blocks that were judged")
    left_out: int = metric("count", "pairs that a disturbance spoiled")
    total: int = metric("count", "tasks here, over all blocks")
    failed: int = metric("count", "of them, failed")
    lost: int = metric("count", "of them, unknown to the database")
    outstanding: int = metric("count", "of them, not finished in time")
    worse: int = metric("count", "ratios that got worse")
    better: int = metric("count", "ratios that got better")
    undecided: int = metric("count", "ratios that are undecided")
    slowdown: float | None = metric(
        "ratio", "the largest ratio - 1; as an objective, the slowdown that matters", signed=True
    )
    service_ratio: float | None = metric("ratio", "mean service time")
    service_low: float | None = metric("ratio", "lower edge of its interval")
    service_high: float | None = metric("ratio", "upper edge of its interval")
    idle_ratio: float | None = metric("ratio", "a task's turn, for what is idle between two tasks")
    idle_low: float | None = metric("ratio", "lower edge of its interval")
    idle_high: float | None = metric("ratio", "upper edge of its interval")
    makespan_ratio: float | None = metric("ratio", "first scheduled to last finished; 1 / that of efficiency")
    makespan_low: float | None = metric("ratio", "lower edge of its interval")
    makespan_high: float | None = metric("ratio", "upper edge of its interval")


@dataclass(frozen=True, slots=True)
class AgainstFacts:
    """What a comparison ran on and with.

    Attributes:
        deployment: what it consists of.
        against: what the pipeline here is compared with.
        seed: of the order of the blocks.
        clip: what every task processed.
        workers: those of each side, as they reported themselves.
        differs: what their reports say that differs.
        effect: the slowdown that matters, as a share.
        took_s: all pairs together.
    """

    deployment: Mapping[str, str]
    against: Reference
    seed: int
    clip: Clip
    workers: Mapping[str, tuple[ReportedWorker, ...]]
    differs: str
    effect: float
    took_s: float


@dataclass(frozen=True, kw_only=True)
class AgainstResult(Result):
    """All that a comparison gave."""

    case: AgainstCase
    summary: AgainstSummary
    facts: AgainstFacts
    comparisons: tuple[Comparison, ...]
    pairs: tuple[Pair, ...]

    @property
    def outcome(self) -> Outcome:
        """What became of the case."""
        return conclusion(self.comparisons)


class AgainstKind(Kind[AgainstCase, AgainstResult]):
    """The workers here against another version of them, where the options name one.

    Args:
        reference: what they are compared with; None where nothing is.
        seed: of the order of the blocks.
    """

    name = "against"
    parameter = "comparison"
    feature = "Scenario 2: workers against another version"
    case = AgainstCase
    result = AgainstResult
    summary = AgainstSummary
    options = OPTIONS
    headlines = tuple(f"{name}_ratio" for name in MEASURES)
    consolidated = "against_consolidated.csv"

    def __init__(self, reference: Reference | None = None, seed: int = 0) -> None:
        self._reference = reference
        self._seed = seed

    def configured(self, options: Mapping[str, Any]) -> Self:
        """With what is compared, looked up before any load."""
        if not compares(options):
            return self
        seed = options["seed"]
        reference = referred(options["against"], options["against-package"])
        return type(self)(reference, secrets.randbelow(10**6) if seed is None else seed)

    def cases(self, variant: Variant, options: Mapping[str, Any]) -> Sequence[AgainstCase]:
        """See perf.cases.against."""
        return against_cases(variant, options)

    def slos(self, book: SloBook, case: AgainstCase) -> tuple[Slo, ...]:
        """Those of the book, that nothing got worse and, where that is asked for, that all is decided."""
        known = book.for_case(case)
        effect, source = effect_of(known, case.effect)
        held = replace(NOT_WORSE, source=f"by {effect:g}: {source}")
        others = (slo for slo in known if slo.metric != SLOWDOWN)
        return (*others, held, *([DECIDED] if case.undecided_fails else []))

    def run(self, case: AgainstCase, context: Context) -> AgainstResult:
        """Run pairs of blocks until the rule decides."""
        reference = self._reference
        assert reference is not None, "a case exists only where something is named"  # noqa: S101
        machine = MachineObserver()
        with observing(machine), both_sides(case, context, reference) as sides:
            effect, _ = effect_of(context.book.for_case(case), case.effect)
            comparing = Comparing(case, context, Blocks(case, sides), self._seed, effect)
            with context.listener.phase("blocks"):
                comparing.run()
        return replace(self._result(comparing, reference), machine_use=context.use_of(machine))

    def _result(self, comparing: Comparing, reference: Reference) -> AgainstResult:
        case, context, blocks = comparing.case, comparing.context, comparing.blocks
        summary = _summary(comparing)
        verdict = judge(summary, self.slos(context.book, case), problems_of(blocks, reference))
        return AgainstResult(
            case=case,
            summary=summary,
            verdict=_noted(verdict, comparing.found, reference),
            facts=AgainstFacts(
                deployment=dict(context.deployment.description),
                against=reference,
                seed=self._seed,
                clip=blocks.sides[HERE].clip,
                workers={key: side.workers for key, side in blocks.sides.items()},
                differs=differences(blocks.sides),
                effect=comparing.effect,
                took_s=comparing.took_s,
            ),
            comparisons=comparing.found,
            pairs=tuple(blocks.pairs),
        )

    def tables(self, result: AgainstResult) -> Mapping[str, Table]:
        """The pairs, in the order they were made."""
        names = [f"{side}_{name}" for side in (HERE, THERE) for name in Block.__slots__]
        rows = [
            (each.number, each.first, *_cells(each.here), *_cells(each.against), each.left_out)
            for each in result.pairs
        ]
        return {"pairs": [("pair", "first", *names, "left_out"), *rows]}

    def circumstances(self, result: AgainstResult) -> Mapping[str, str]:
        """The sides, and what is needed to do the same again."""
        return {
            "outcome": str(result.outcome),
            "against": str(result.facts.against),
            "differs": result.facts.differs,
            "effect": f"{result.facts.effect:g}",
            "seed": str(result.facts.seed),
            "clip": result.facts.clip.said,
        }


AGAINST = AgainstKind()


def _summary(comparing: Comparing) -> AgainstSummary:
    pairs, outcomes = comparing.blocks.pairs, [each.outcome for each in comparing.found]
    counting = len(judged(pairs))
    counted: dict[str, float | None] = {name: comparing.blocks.counts[HERE][name] for name in COUNTED}
    counted |= {"pairs": counting, "left_out": len(pairs) - counting}
    found = [each.found.ratio for each in comparing.found if each.found]
    counted |= {SLOWDOWN: max(found) - 1 if found else None}
    counted |= {
        str(each): outcomes.count(each) for each in (Outcome.WORSE, Outcome.BETTER, Outcome.UNDECIDED)
    }
    return AgainstSummary.of({**counted, **ratios(comparing.found)})


def _noted(verdict: Verdict, found: Sequence[Comparison], reference: Reference) -> Verdict:
    """With the ratios and their intervals where the verdict is told."""
    notes = {
        slo.metric: "; ".join(str(each) for each in found if each.outcome is outcome)
        + f"; against {reference}"
        for slo, outcome in ((NOT_WORSE, Outcome.WORSE), (DECIDED, Outcome.UNDECIDED))
        if any(each.outcome is outcome for each in found)
    }
    results = (replace(each, note=notes.get(each.slo.metric, each.note)) for each in verdict.results)
    return replace(verdict, results=tuple(results))


def _cells(block: Block | None) -> Sequence[object]:
    return tuple(asdict(block).values()) if block else (None,) * len(Block.__slots__)
