"""What every kind of case gives. Data only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from perf.cases.case import Case
from perf.judge.verdict import Verdict
from perf.measure.figures import Figures, Metric
from perf.measure.intervals import Interval
from perf.measure.machine import MachineUse
from perf.observe.seen import CloudSeen

#: The rows of a CSV file, its header first.
Table = Iterable[Sequence[object]]


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of a case, in Unix seconds."""

    name: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class Result:
    """All that a case gave: what its files and reports are made of. Each kind's derives from this one.

    Attributes:
        case: the case.
        summary: its metrics.
        verdict: what was judged of them.
        intervals: the 95 % confidence intervals of the metrics that have one.
        machine_use: what this machine did meanwhile, where what was measured runs on it.
        phases: what it consisted of.
        cloud: what was counted of its deployment from outside; None where nobody looked.
        slot: the deployment that it was measured on, where the run had several.
    """

    case: Case
    summary: Figures
    verdict: Verdict
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    machine_use: MachineUse | None = None
    phases: tuple[Phase, ...] = ()
    cloud: CloudSeen | None = None
    slot: str = ""


class StoredKind(Protocol):
    """What is asked of a kind where its results are written, read back and shown."""

    #: What documents call it.
    name: str
    #: What reports call it.
    feature: str
    #: The file with a row for each case of a run.
    consolidated: str
    #: The metrics that stand first in reports, and are held against the run before.
    headlines: Sequence[str]
    #: The class of its results, and of their cases.
    result: type[Result]
    case: type[Case]

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Every metric by its name, in the order of its files."""

    def row(self, result: Any) -> Mapping[str, object]:
        """The result's row of the consolidated file."""

    def tables(self, result: Any) -> Mapping[str, Table]:
        """Further CSV files by the beginning of their names, such as ``seconds``."""

    def alike(self, result: Any) -> Mapping[str, str]:
        """What must be alike for runs of its case to be held against each other, by the labels of reports."""

    def circumstances(self, result: Any) -> Mapping[str, str]:
        """What differs from run to run, by the labels of reports."""
