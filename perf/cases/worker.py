"""The worker cases: video size x worker concurrency x nodes x mode. Data only."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from perf.cases.candidates import compares
from perf.cases.case import Case, Variant, axis, axis_data, shown, spanned
from perf.cases.defaults import DEFAULTS
from perf.cases.errors import UsageError
from perf.cases.options import Option, items, number_above_0, number_from_0, one_of, whole_number

DEFAULT_UTILISATION = 0.7
#: A clip is filled up by one MP4 box, whose length has 32 bits.
MOST_MB = 4000
#: Of a whole deployment, and of this machine, where each takes 100 MB of memory and more.
MOST_PROCESSES, MOST_PROCESSES_HERE = 10_000, 256


class Mode(StrEnum):
    """How the tasks arrive. The order counts: a burst measures the capacity that a sustained case needs."""

    BURST = "burst"
    SUSTAINED = "sustained"


#: The axis of the nodes: one, unless `--nodes` says more.
NODES_AXIS = axis_data("n{}", "nodes", said="{} nodes", slow=True, usual=1)


@dataclass(frozen=True, slots=True)
class WorkerCase(Case):
    """One combination of the matrix.

    Attributes:
        size_mb: size of each video, in MB (2**20 bytes).
        concurrency: worker processes on each node.
        nodes: how many nodes there are.
        mode: how the tasks arrive.
        count: number of tasks.
        rate_per_min: tasks per minute of a sustained case; None = a share of the measured capacity.
        utilisation: that share (rho), unless a rate is given.
        decide_s: how long it may go on where its tasks are too few to decide.
        nodes_asked: whether the nodes were asked for; else, in a deployment elsewhere, as many processes on
            however many nodes will do.
    """

    kind: ClassVar[str] = "worker"

    size_mb: int = axis("{}MB", "size", text="{} MB")
    concurrency: int = axis("c{}", "concurrency", said="concurrency {}", slow=True)
    nodes: int = field(default=1, kw_only=True, metadata=NODES_AXIS)
    mode: Mode = axis("{}", "mode", table=True)
    count: int = shown("tasks")
    rate_per_min: float | None = None
    utilisation: float = DEFAULT_UTILISATION
    decide_s: float = 0.0
    nodes_asked: bool = False

    @property
    def workers(self) -> int:
        """Worker processes over all nodes."""
        return self.nodes * self.concurrency


def _size_mb(flag: str, item: str) -> int:
    match = re.fullmatch(r"([0-9]+)\s*(MB)?", item, re.IGNORECASE)
    if match is None:
        raise UsageError(f"{flag} {item}: not a size; expected whole MB, e.g. 50,100")
    return whole_number("whole MB, e.g. 50,100", "size", MOST_MB)(flag, match[1]) or 0


def _number_of(what: str) -> Callable[[str, str], int]:
    read = whole_number("whole numbers, e.g. 1,2,4", f"number of {what}", MOST_PROCESSES)
    return lambda flag, item: read(flag, item) or 0


def _video(flag: str, path: str) -> Path | None:
    """A file that is there; whether it is a video, ffmpeg says."""
    if not path:
        return None
    file = Path(path).resolve()
    if not file.is_file() or not file.stat().st_size:
        raise UsageError(f"{flag} {path}: no such file, or an empty one; expected a video on this machine")
    return file


SIZES = Option("sizes", f"video sizes in MB, up to {MOST_MB} (50,100)", items(_size_mb))
CONCURRENCY = Option(
    "concurrency", "worker processes on each node (1,2,4)", items(_number_of("worker processes"))
)
NODES = Option("nodes", "nodes with so many processes each, e.g. 1,2,4 (1)", items(_number_of("nodes")))
MODES = Option("modes", "how the tasks arrive (burst,sustained)", items(one_of(Mode, "mode")))
COUNT = Option(
    "count", "tasks per case (mocked 16, local 12, aws 30)", whole_number("tasks per case, e.g. 24")
)
RATE = Option(
    "rate",
    "arrival rate of the sustained cases in tasks/min (a share of the measured capacity)",
    number_above_0("tasks per minute, e.g. 30", least=0.1),
)
UTILISATION = Option(
    "utilisation",
    f"that share: arrival rate / measured capacity of the sustained cases ({DEFAULT_UTILISATION})",
    number_above_0("a share of the capacity, e.g. 0.7", least=0.01, most=10),
)
DECIDE = Option(
    "decide-within",
    "seconds that a case may go on, with more tasks, where it is undecided (mocked 60, local 900, aws 3600)",
    number_from_0("e.g. 600, or 0 for never", "number of seconds"),
)
CLIP = Option("clip", "a video of your own in place of the clips; its size is the cases' (none)", _video)
OPTIONS = (SIZES, CONCURRENCY, NODES, MODES, COUNT, RATE, UTILISATION, DECIDE, CLIP)


def sizes_of(options: Mapping[str, Any]) -> tuple[int, ...]:
    """The sizes asked for, in MB; that of a video of the user's own, where there is one.

    Raises:
        UsageError: both are given.
    """
    clip: Path | None = options.get("clip")
    if clip is None:
        return options.get("sizes") or (50, 100)
    if options.get("sizes"):
        raise UsageError(f"--clip {clip}: a video has the size that it has; leave out --sizes")
    return (max(1, round(clip.stat().st_size / 2**20)),)


def concurrency_of(options: Mapping[str, Any]) -> tuple[int, ...]:
    """The levels of concurrency asked for."""
    return options.get("concurrency") or (1, 2, 4)


def nodes_of(options: Mapping[str, Any]) -> tuple[int, ...]:
    """The numbers of nodes asked for."""
    return options.get("nodes") or (1,)


def require_room(case: Case) -> None:
    """See to it that a case's workers can be had where it runs.

    Raises:
        UsageError: this machine is given more of them than any machine has.
    """
    per_node, nodes = case.axes.get("concurrency", 0), case.axes.get("nodes", 1)
    if case.variant is not Variant.AWS and per_node * nodes > MOST_PROCESSES_HERE:
        given = f"--concurrency {per_node}" + (f" --nodes {nodes}" if nodes > 1 else "")
        raise UsageError(
            f"{given}: more than {MOST_PROCESSES_HERE} worker processes on this machine; "
            "more are for aws cases, -m aws"
        )


def require_enough(count: int | None, modes: Collection[Mode]) -> None:
    """See to it that there are tasks enough for these modes; None = the default, which is.

    Raises:
        UsageError: one task has no rate.
    """
    if count == 1 and Mode.SUSTAINED in modes:
        raise UsageError("--count 1: a sustained case needs at least 2 tasks; give more, or bursts alone")


def worker_cases(variant: Variant, options: Mapping[str, Any]) -> tuple[WorkerCase, ...]:
    """The variant's cases in the order they run: within a cell the burst comes first.

    None where the run compares two sides: the comparisons run in their place.

    Args:
        variant: where they run.
        options: the values of OPTIONS by their names; what is absent or empty is the default.

    Raises:
        UsageError: the options contradict each other.
    """
    if compares(options):
        return ()
    modes = options.get("modes") or tuple(Mode)
    count, decide_s = options.get("count"), options.get("decide-within")
    require_enough(count, modes)
    values = {
        "size_mb": sizes_of(options),
        "concurrency": concurrency_of(options),
        "nodes": nodes_of(options),
        "mode": [mode for mode in Mode if mode in modes],
    }
    return tuple(
        WorkerCase(
            variant,
            **axes,
            count=count or DEFAULTS[variant].count,
            rate_per_min=options.get("rate") if axes["mode"] is Mode.SUSTAINED else None,
            utilisation=options.get("utilisation") or DEFAULT_UTILISATION,
            decide_s=DEFAULTS[variant].decide_s if decide_s is None else decide_s,
            nodes_asked=bool(options.get("nodes")),
        )
        for axes in spanned(WorkerCase, values)
    )
