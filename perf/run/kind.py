"""What a kind of case is: all that the rest of the suite asks of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Self, TypeVar

from perf.cases.case import Case, Variant
from perf.cases.options import Option
from perf.judge.slos import Slo, SloBook
from perf.measure.figures import Figures, Metric
from perf.run.context import Context
from perf.store.result import Result, Table

C = TypeVar("C", bound=Case)
R = TypeVar("R", bound=Result)


class Kind(ABC, Generic[C, R]):
    """One kind of case. A new one is a class that derives from this, and an entry in perf.run.kinds.KINDS.

    A kind from elsewhere joins by the hook `pytest_perf_kinds`, see perf.plugin.hooks. What has a default
    here need not be said.
    """

    #: What documents, and the tables of slos.toml for all its cases, call it.
    name: str
    #: The argument by which a test takes a case of it.
    parameter: str
    #: A marker without which its cases do not run, since they take long; empty = they run unasked.
    marker: str = ""
    #: Whether the options ask for its cases, which then run without the marker.
    chosen: bool = False
    #: What reports call it.
    feature: str
    case: type[Case]
    result: type[Result]
    summary: type[Figures]
    #: The options it has beyond those of other kinds.
    options: Sequence[Option] = ()
    #: The metrics that stand first in reports.
    headlines: Sequence[str] = ()
    #: The file with a row for each case of a run.
    consolidated: str = "consolidated.csv"

    @abstractmethod
    def cases(self, variant: Variant, options: Mapping[str, Any]) -> Sequence[C]:
        """The variant's cases in the order they run, for the values of all options by their names.

        Raises:
            UsageError: the options make no sense together.
        """

    @abstractmethod
    def run(self, case: C, context: Context) -> R:
        """Run a case to its verdict. Whatever it made in the deployment is removed again.

        Raises:
            HarnessError: the suite or the deployment broke; there is no verdict then.
        """

    def configured(self, options: Mapping[str, Any]) -> Self:
        """The kind as these options make it."""
        _ = options
        return self

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Every metric by its name, in the order of its files."""
        return self.summary.metrics()

    def slos(self, book: SloBook, case: C) -> tuple[Slo, ...]:
        """What a case is judged by: checked before any load.

        Raises:
            UsageError: nothing.
        """
        return book.for_case(case)

    def row(self, result: R) -> Mapping[str, object]:
        """The result's row of the consolidated file."""
        case = result.case
        head = {"case": case.id, "variant": case.variant, **case.axes, "verdict": result.verdict.kind}
        return head | {name: result.summary.value(name) for name in self.metrics if name not in head}

    def tables(self, result: R) -> Mapping[str, Table]:
        """Further CSV files by the beginning of their names."""
        _ = result
        return {}

    def alike(self, result: R) -> Mapping[str, str]:
        """What must be alike for runs of its case to be held against each other, by the labels of reports."""
        return result.case.parameters

    def service_times_s(self, result: R) -> Sequence[float]:
        """What took how long, in s: the rounds in pytest-benchmark's files; none = it is not in them."""
        _ = result
        return ()

    def circumstances(self, result: R) -> Mapping[str, str]:
        """What differs from run to run, by the labels of reports."""
        _ = result
        return {}
