"""The two sides of a comparison on one deployment, and the blocks of tasks that they do in turns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace

from perf.cases.against import AgainstCase
from perf.deploy import candidates
from perf.deploy.environments import packages_of
from perf.judge.check import Problem
from perf.judge.disturbed import faults
from perf.judge.evidence import Bare
from perf.judge.tasks import Round
from perf.load.plan import plan
from perf.load.turns import AGAINST, HERE
from perf.measure.blocks import Pair, block_of
from perf.measure.machine import machine_use
from perf.measure.metrics import counts_of
from perf.observe.completion import Progress
from perf.observe.machine import MachineObserver
from perf.observe.observer import observing
from perf.pipeline import Clip, ReportedWorker
from perf.run.cell import Cell
from perf.run.context import Context, References
from perf.run.tasks import run_tasks

#: What is added up of each side's blocks.
COUNTED = ("total", "failed", "lost", "outstanding")


@dataclass(frozen=True, slots=True)
class Side:
    """A candidate with its workers, ready and warm.

    Attributes:
        context: its deployment, and what else its blocks run with.
        workers: as they reported themselves.
        clip: what every task of both sides processes.
        bare: the bare command on that clip.
        packages: the versions of those in its environment, by their names.
    """

    context: Context
    workers: tuple[ReportedWorker, ...]
    clip: Clip
    bare: Bare
    packages: Mapping[str, str]


@contextmanager
def both_sides(
    case: AgainstCase, context: Context, reference: candidates.Reference
) -> Iterator[dict[str, Side]]:
    """The workers here and those of the reference, both ready, each on a queue of its own.

    Both are there all the time, so that a block costs no start of a worker: short blocks in quick turns are
    what cancels a machine's drift. One that waits polls its empty queue, which is the same for both.

    Raises:
        HarnessError: a side could not be had.
    """
    with ExitStack() as stack:
        with context.listener.phase("check out"):
            there = stack.enter_context(candidates.opened(reference))
        context.deployment.idle()
        references = References(alone=context.references.alone)
        found: dict[str, Side] = {}
        for key, candidate in ((HERE, candidates.HERE), (AGAINST, there)):
            deployment = stack.enter_context(context.deployment.beside(candidate))
            own = replace(context, deployment=deployment, references=references)
            cell = Cell(case.block, own)
            workers, clip = cell.prepare()
            bare = found[HERE].bare if found else cell.alone(clip)
            found[key] = Side(own, tuple(workers), clip, bare, packages_of(candidate.python))
        yield found


class _Silent:
    """Who is told of a block: nobody, since it takes a second or two, and there are dozens."""

    def phase(self, _: str) -> AbstractContextManager[None]:
        return nullcontext()

    def note(self, _: str) -> None:
        pass

    def show(self, _: Progress) -> None:
        pass


@dataclass
class Blocks:
    """Runs the pairs of a case, one after the other.

    Attributes:
        case: the case.
        sides: both of them, by key.
        rounds: what was run: which side first, and what was seen of each.
        pairs: the same, compared.
        faults: what was the matter with each.
        counts: tasks of each side, by what became of them.
    """

    case: AgainstCase
    sides: dict[str, Side]
    rounds: list[tuple[str, Mapping[str, Round]]] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    faults: list[list[Problem]] = field(default_factory=list)
    counts: dict[str, Counter[str]] = field(default_factory=lambda: {HERE: Counter(), AGAINST: Counter()})

    def run(self, order: tuple[str, str]) -> None:
        """One more pair, in this order."""
        rounds = {key: self._block(key) for key in order}
        self.rounds.append((order[0], rounds))
        self._compare(order[0], rounds)
        for key, each in rounds.items():
            found_of = counts_of(each.ledger)
            self.counts[key].update({name: found_of[name] for name in COUNTED})

    def doubt(self) -> None:
        """Hold all pairs against bare runs of now as well: the machine may have been slower before them."""
        here = self.sides[HERE]
        bare = Cell(self.case.block, here.context).alone_again(here.clip)
        self.sides = {key: replace(side, bare=bare) for key, side in self.sides.items()}
        self.pairs, self.faults = [], []
        for first, rounds in self.rounds:
            self._compare(first, {key: _beside(each, bare) for key, each in rounds.items()})

    def _compare(self, first: str, rounds: Mapping[str, Round]) -> None:
        found = faults(rounds, self.case.concurrency, self.sides[HERE].context.tolerances)
        here, against = (
            block_of(rounds[key].ledger, rounds[key].observed.machine) for key in (HERE, AGAINST)
        )
        reasons = {each.check for each in found} | (set() if here and against else {"not all done"})
        self.faults.append(found)
        self.pairs.append(Pair(len(self.pairs) + 1, first, here, against, ", ".join(sorted(reasons))))

    @property
    def broken(self) -> bool:
        """Whether a side did not do all its tasks: then there is nothing more to compare."""
        return any(counts[name] for counts in self.counts.values() for name in COUNTED[1:])

    def _block(self, key: str) -> Round:
        """One burst of a side's, and what was seen of it."""
        side = self.sides[key]
        folder = side.context.folder / f"{self.case.id}_blocks"
        folder.mkdir(exist_ok=True)
        log = folder / f"{len(self.pairs) + 1:03}-{key}.log"
        machine = MachineObserver()
        with observing(machine):
            done = run_tasks(
                replace(side.context, listener=_Silent()), self.case.variant, side.clip,
                plan([0.0] * self.case.count), log,
            )  # fmt: skip
        done = replace(done, observed=replace(done.observed, machine=machine_use(machine.seen)))
        return _beside(done, side.bare)


def _beside(block: Round, bare: Bare) -> Round:
    return replace(block, observed=replace(block.observed, bare=bare))
