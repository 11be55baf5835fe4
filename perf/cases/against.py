"""The A/B cases: the workers here against another version of them, by size and concurrency. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from perf.cases.candidates import AGAINST, AGAINST_PACKAGE, compares
from perf.cases.case import Case, Variant, axis, shown, spanned
from perf.cases.defaults import DEFAULTS
from perf.cases.errors import UsageError
from perf.cases.options import Option, nearest
from perf.cases.worker import Mode, WorkerCase, concurrency_of, sizes_of

#: What `--undecided` may say.
_UNDECIDED = ("show", "fail")


class Comparing(StrEnum):
    """What the cases are called; there is one way."""

    AGAINST = "against"


def _share(flag: str, given: str) -> float | None:
    if not given:
        return None
    try:
        share = float(given.removesuffix("%")) / (100 if given.endswith("%") else 1)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise UsageError(f"{flag} {given}: not a share between 0 and 1; expected e.g. 0.1 or 10%")
    return share


def _undecided(flag: str, given: str) -> bool:
    if given and given not in _UNDECIDED:
        raise UsageError(
            f"{flag} {given}: unknown{nearest(given, _UNDECIDED)}; expected {' or '.join(_UNDECIDED)}"
        )
    return given == "fail"


def _seed(flag: str, given: str) -> int | None:
    if not given:
        return None
    if not given.isdecimal():
        raise UsageError(f"{flag} {given}: not a whole number; expected the seed that a run has printed")
    return int(given)


OPTIONS = (
    AGAINST,
    AGAINST_PACKAGE,
    Option("effect", "the slowdown that matters in a comparison, e.g. 0.1 (as the SLOs say)",
           _share),
    Option("undecided", "whether a comparison that is undecided in the end fails: show (default) or fail",
           _undecided),
    Option("seed", "of the order of the blocks in a comparison: the run prints it, and repeats it", _seed),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AgainstCase(Case):
    """One comparison.

    Attributes:
        size_mb: size of each video, in MB (2**20 bytes).
        concurrency: worker processes of each side.
        comparing: that it is one.
        count: tasks of a block.
        budget_s: no pair of blocks begins that would not end within it.
        effect: the slowdown that matters, as a share; None = as slos.toml says.
        family: cases of the run, all of which together may give a false alarm as often as one alone.
        undecided_fails: whether it fails where it is undecided in the end.
    """

    kind: ClassVar[str] = "against"

    size_mb: int = axis("{}MB", "size", text="{} MB")
    concurrency: int = axis("c{}", "concurrency", said="concurrency {}", slow=True)
    comparing: Comparing = axis("{}", "comparison", table=True)
    count: int = shown("tasks of a block")
    budget_s: float = shown("budget, s")
    family: int = shown("cases in the family")
    effect: float | None = None
    undecided_fails: bool = False

    @property
    def block(self) -> WorkerCase:
        """The burst that a block is."""
        return WorkerCase(self.variant, self.size_mb, self.concurrency, Mode.BURST, self.count)


def _require_enough(count: int | None, concurrency: int) -> None:
    """See to it that every process can do two tasks and be idle between them; None = the default."""
    if count is not None and count < 2 * concurrency:
        raise UsageError(
            f"--count {count}: a block of a comparison needs at least two tasks for each process, "
            f"{2 * concurrency} at a concurrency of {concurrency}"
        )


def _require_one_node(options: Mapping[str, Any]) -> None:
    if any(nodes > 1 for nodes in options.get("nodes") or ()):
        raise UsageError(
            "--nodes: a comparison has one node for each side; give --concurrency, and leave out --nodes"
        )


def against_cases(variant: Variant, options: Mapping[str, Any]) -> tuple[AgainstCase, ...]:
    """The variant's comparisons in the order they run; none unless the options name what to compare with.

    None of a real deployment either: its workers are not the suite's to start, let alone two sorts of them.
    """
    if not compares(options) or variant is Variant.AWS:
        return ()
    _require_one_node(options)
    default = DEFAULTS[variant]
    values: dict[str, tuple[Any, ...]] = {
        "size_mb": sizes_of(options),
        "concurrency": concurrency_of(options),
        "comparing": tuple(Comparing),
    }
    spans = list(spanned(AgainstCase, values))
    given: int | None = options.get("count")
    _require_enough(given, max(values["concurrency"]))
    return tuple(
        AgainstCase(
            variant,
            **axes,
            count=given or default.block_rounds * axes["concurrency"],
            budget_s=options.get("budget") or default.comparison_s,
            effect=options.get("effect"),
            family=len(spans),
            undecided_fails=bool(options.get("undecided")),
        )
        for axes in spans
    )
