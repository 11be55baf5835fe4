"""Comparisons from the options to what the terminal shows: the blocks are made up, the rest is real."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from perf.cases.against import OPTIONS, AgainstCase, Comparing, against_cases
from perf.cases.candidates import compares
from perf.cases.case import Variant
from perf.cases.defaults import SLOS
from perf.cases.errors import UsageError
from perf.cases.options import parsed
from perf.cases.web import web_cases
from perf.cases.worker import worker_cases
from perf.deploy.candidates import HERE as CODE
from perf.deploy.candidates import Reference, opened, referred
from perf.deploy.environments import reason
from perf.deploy.requirements import relaxed
from perf.judge.check import Problem
from perf.judge.evidence import Bare, Observed
from perf.judge.outcome import Outcome
from perf.judge.slos import load_slos, parse_slos
from perf.judge.tasks import Round
from perf.judge.verdict import VerdictKind
from perf.load.turns import AGAINST, HERE, turns
from perf.measure.blocks import Block, Pair
from perf.measure.pairs import LOOKS
from perf.observe.seen import BareRuns
from perf.pipeline import ReportedWorker
from perf.report.against_table import render_against_table
from perf.report.progress import QuietLine
from perf.run import sides
from perf.run.against import AgainstKind, AgainstResult
from perf.run.comparing import Comparing as Running
from perf.run.context import Context
from perf.run.kinds import KINDS
from perf.run.sides import COUNTED, Blocks, Side
from perf.store.documents import read_case
from perf.store.folder import RunFolder
from tests.perf.results import CLIP
from tests.perf.simulated import simulate
from tests.perf.test_machine import QUIET

REFERENCE = Reference("main", "0123456789abcdef")
CASE = AgainstCase(Variant.MOCKED, 50, 2, Comparing.AGAINST, 6, 1000.0, 1)


def options(**given: str) -> dict[str, object]:
    return parsed(OPTIONS, {name.replace("_", "-"): value for name, value in given.items()})


def test_no_comparison_unasked_and_nothing_else_beside_one():
    assert against_cases(Variant.MOCKED, options()) == ()
    asked = options(against="main")
    assert compares(asked)
    assert [case.id for case in against_cases(Variant.LOCAL, asked)] == [
        f"local-{size}MB-c{c}-against" for c in (1, 2, 4) for size in (50, 100)
    ]
    for variant in Variant:
        others = (worker_cases, web_cases)  # a search is asked for by its marker
        assert [cases(variant, asked) for cases in others] == [(), ()]
    assert against_cases(Variant.AWS, asked) == ()


def test_cases_share_the_error_and_a_block_grows_with_the_concurrency():
    cases = against_cases(Variant.MOCKED, options(against_package="kombu==5.6.2", effect="5%"))
    assert {case.family for case in cases} == {6}
    assert {case.effect for case in cases} == {0.05}
    assert {case.count for case in cases if case.concurrency == 4} == {12}
    assert {case.block.count for case in cases if case.concurrency == 1} == {3}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("effect", "1.5", "--effect 1.5: not a share between 0 and 1; expected e.g. 0.1 or 10%"),
        ("effect", "ten", "--effect ten: not a share between 0 and 1; expected e.g. 0.1 or 10%"),
        ("undecided", "fial", "--undecided fial: unknown; did you mean 'fail'?; expected show or fail"),
        ("seed", "-3", "--seed -3: not a whole number; expected the seed that a run has printed"),
        ("against_package", "kombu", "--against-package kombu: not a package and its version; expected e.g. "
         "kombu==5.6.2"),
        ("against_package", "kombu==5.6x", "--against-package kombu==5.6x: not a package and its version; "
         "expected e.g. kombu==5.6.2"),
        ("against_package", "kombu>=5", "--against-package kombu>=5: not a package and its version; expected "
         "e.g. kombu==5.6.2"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(name, text, said):
    with pytest.raises(UsageError) as refusal:
        options(**{name: text})
    assert str(refusal.value) == said


def test_a_block_in_which_no_process_is_idle_between_two_tasks_is_refused():
    with pytest.raises(UsageError, match=r"^--count 3: a block .* 4 at a concurrency of 2$"):
        against_cases(Variant.MOCKED, options(against="main") | {"count": 3, "concurrency": (1, 2)})


@dataclass
class MadeUp:
    """Blocks whose service time is what it is there, times a factor, give or take the noise."""

    case: AgainstCase = CASE
    factor: float = 1.0
    sigma: float = 0.03
    spoiled: str = ""
    every: int = 10**9
    fault: Problem | None = None
    stays: bool = True
    doubts: int = 0
    lost: int = 0
    pairs: list[Pair] = field(default_factory=list)
    faults: list[list[Problem]] = field(default_factory=list)
    orders: list[tuple[str, str]] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(5))

    def __post_init__(self) -> None:
        self.counts = {HERE: Counter(), AGAINST: Counter()}
        worker = ReportedWorker("w", "node1", 1, 2, "", {"pool": "prefork", "versions": {"kombu": "5.7.0"}})
        other = replace(worker, settings={"pool": "prefork", "versions": {"kombu": "5.6.2"}})
        self.sides = {
            HERE: SimpleNamespace(workers=(worker,), clip=CLIP, packages={"vine": "5.1", "numpy": "2"}),
            AGAINST: SimpleNamespace(workers=(other,), clip=CLIP, packages={"vine": "5.0"}),
        }

    @property
    def broken(self) -> bool:
        return any(counts[name] for counts in self.counts.values() for name in COUNTED[1:])

    def run(self, order: tuple[str, str]) -> None:
        self.orders.append(order)
        number = len(self.pairs) + 1
        service_s = self.factor * 0.25 * self.chance.lognormvariate(0, self.sigma)
        here, there = Block(service_s, 0.05, 4 * service_s + 0.2), Block(0.25, 0.05, 1.2)
        self.pairs.append(
            Pair(number, order[0], here, there, self.spoiled if number % self.every == 0 else "")
        )
        self.faults.append([self.fault] if self.fault else [])
        for side in (HERE, AGAINST):
            self.counts[side].update(total=self.case.count, lost=self.lost * (side == AGAINST))

    def doubt(self) -> None:
        self.doubts += 1
        if not self.stays:
            self.fault = None
            self.faults = [[] for _ in self.faults]


@pytest.fixture
def context(tmp_path: Path) -> Context:
    said: list[str] = []
    deployment = SimpleNamespace(description={"queue": "q"}, is_here=True)
    return Context(deployment, load_slos(SLOS, KINDS), tmp_path, QuietLine(said.append, "case"))


def judged(context: Context, blocks: MadeUp, case: AgainstCase = CASE, effect: float = 0.1) -> AgainstResult:
    running = Running(case, context, blocks, 7, effect)
    running.run()
    return AgainstKind(REFERENCE, 7)._result(running, REFERENCE)


def test_the_same_is_seen_to_be_the_same_at_a_look(context):
    blocks = MadeUp(sigma=0.01)
    result = judged(context, blocks)
    assert result.verdict.kind is VerdictKind.PASS
    assert result.outcome is Outcome.SAME
    assert result.summary.pairs == LOOKS[0]
    assert blocks.orders == [order for order, _ in zip(turns(7, CASE.id), range(LOOKS[0]), strict=False)]
    assert result.facts.differs == "kombu 5.7.0, there 5.6.2; vine 5.1, there 5.0"


def test_a_slowdown_fails_with_its_ratio_and_interval(context):
    result = judged(context, MadeUp(factor=1.2))
    assert result.verdict.kind is VerdictKind.FAIL
    assert result.outcome is Outcome.WORSE
    assert len(result.pairs) in LOOKS
    message = result.verdict.message()
    assert "service worse: 1.2" in message
    assert f"at 99.93 %, {len(result.pairs)} pairs); " in message
    assert "against main (0123456789)" in message
    assert "slos.toml:" in message
    assert result.summary.slowdown == pytest.approx(0.2, abs=0.05)


def test_faster_passes_and_is_called_better(context):
    result = judged(context, MadeUp(factor=0.8))
    assert (result.verdict.kind, result.outcome) == (VerdictKind.PASS, Outcome.BETTER)


def test_what_the_pairs_cannot_tell_is_undecided_at_the_last_look(context):
    result = judged(context, MadeUp(factor=1.07, sigma=0.4))
    assert (result.outcome, len(result.pairs)) == (Outcome.UNDECIDED, LOOKS[-1])
    assert result.verdict.kind is VerdictKind.PASS
    strict = judged(context, MadeUp(factor=1.07, sigma=0.4), replace(CASE, undecided_fails=True))
    assert strict.verdict.kind is VerdictKind.FAIL
    assert "--undecided fail" in strict.verdict.message()


def test_the_budget_ends_it(context):
    result = judged(context, MadeUp(), replace(CASE, budget_s=1e-9))
    assert len(result.pairs) == 1
    assert result.outcome is Outcome.UNDECIDED
    assert result.summary.service_ratio is None


def test_pairs_left_out_are_made_up_for_and_counted(context):
    result = judged(context, MadeUp(sigma=0.01, spoiled="other load", every=2))
    assert (result.summary.pairs, result.summary.left_out) == (LOOKS[0], LOOKS[0] - 1)
    lines = render_against_table([result])
    assert f"{CASE.id}: left out {LOOKS[0] - 1} x: other load" in lines


def test_a_side_that_lost_a_task_ends_it_at_once(context):
    result = judged(context, MadeUp(lost=1))
    assert result.verdict.kind is VerdictKind.INVALID
    assert len(result.pairs) == 1
    assert "main (0123456789) did not do its tasks (1 lost of 6)" in result.verdict.message()


def test_work_that_was_wrong_again_and_again_is_invalid(context):
    result = judged(context, MadeUp(fault=Problem("here: no result", "look", "results"), sigma=0.01))
    assert result.verdict.kind is VerdictKind.INVALID
    assert len(result.pairs) == 3


@pytest.mark.parametrize(("stays", "kind", "pairs"), [(True, "INVALID", 4), (False, "PASS", LOOKS[0])])
def test_blocks_that_look_too_fast_are_held_against_bare_runs_of_now_once(context, stays, kind, pairs):
    fault = Problem("here: took 0.1 s, the bare command 0.3 s", "see", "not faster than the work")
    blocks = MadeUp(fault=fault, stays=stays, sigma=0.01)
    result = judged(context, blocks)
    assert (result.verdict.kind, len(result.pairs), blocks.doubts) == (kind, pairs - stays, 1)


def test_then_all_pairs_so_far_count(context, monkeypatch):
    slow, quick = (Bare(alone=BareRuns((each_s,), each_s, 1), alone_use=QUIET) for each_s in (60.0, 0.01))
    ready = {side: Side(context, (), CLIP, slow, {}) for side in (HERE, AGAINST)}
    blocks = Blocks(CASE, ready)
    done = simulate(1, count=CASE.count, servers=CASE.concurrency).ledger
    monkeypatch.setattr(
        Blocks, "_block", lambda self, key: Round(done, Observed(bare=self.sides[key].bare, machine=QUIET))
    )
    monkeypatch.setattr(sides, "Cell", lambda *_: SimpleNamespace(alone_again=lambda _: quick))
    blocks.run((AGAINST, HERE))
    assert "not faster than the work" in blocks.pairs[0].left_out
    blocks.doubt()
    assert [(pair.number, pair.first, pair.left_out) for pair in blocks.pairs] == [(1, AGAINST, "")]
    assert blocks.faults == [[]]
    assert blocks.counts[HERE]["total"] == CASE.count
    blocks.run((HERE, AGAINST))
    assert [pair.left_out for pair in blocks.pairs] == ["", ""]


def test_the_effect_of_one_case_stands_in_slos_toml(context):
    text = '[all.against]\nslos = ["lost == 0"]\n[mocked."50MB-c2-against"]\nslos = ["slowdown <= 0.3"]\n'
    book = parse_slos(text, "mine.toml", KINDS)
    kind = AgainstKind(REFERENCE, 7)
    assert [str(slo) for slo in kind.slos(book, CASE)] == ["lost == 0", "worse == 0"]
    assert kind.slos(book, CASE)[-1].source == "by 0.3: mine.toml:4"
    assert kind.slos(book, replace(CASE, concurrency=1))[-1].source.startswith("by 0.1: ")
    assert judged(context, MadeUp(factor=1.1, sigma=0.01), effect=0.3).outcome is Outcome.SAME


def test_a_comparison_is_read_as_it_was_written_and_shown(context):
    result = judged(context, MadeUp(factor=1.2))
    folder = RunFolder.create(context.folder / "results" / "run", {"host": "here", "git_commit": "abc"})
    folder.write(AgainstKind(REFERENCE, 7), result)
    assert read_case(folder.path / f"case_{CASE.id}.json", KINDS).result == result
    rows = (folder.path / f"pairs_{CASE.id}.csv").read_text().splitlines()
    assert rows[0].startswith(
        "pair,first,here_service_s,here_idle_s,here_makespan_s,here_other_cores,against_service_s,"
    )
    assert len(rows) == 1 + len(result.pairs)
    head, row, *remarks = render_against_table([result])
    assert head.split()[-2:] == ["outcome", "verdict"]
    assert row.split()[-2:] == ["worse", "FAIL"]
    assert "order of the blocks: --seed 7" in remarks


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of two commits: before there was a worker, and with one."""
    folder = tmp_path / "repository"
    (folder / "worker").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "nothing")
    (folder / "worker" / "__main__.py").write_text("print('old')\n")
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "-m", "a worker")
    (folder / "worker" / "__main__.py").write_text("print('new')\n")
    return folder


def git(folder: Path, *words: str) -> str:
    own = ("-c", "user.name=n", "-c", "user.email=e@localhost", "-c", "commit.gpgsign=false")
    argv = ["git", "-C", str(folder), *own, *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")


@needs_git
def test_the_code_of_a_commit_is_had_and_nothing_is_left_of_it(repository):
    reference = referred("main", (), repository)
    before = git(repository, "status", "--porcelain")
    with opened(replace(reference), repository) as candidate:
        assert (candidate.root / "worker" / "__main__.py").read_text() == "print('old')\n"
        assert candidate.root != repository
        assert candidate.name == "main"
    assert not candidate.root.exists()
    assert git(repository, "status", "--porcelain") == before == " M worker/__main__.py\n"
    assert "candidate" not in git(repository, "worktree", "list")


@needs_git
@pytest.mark.parametrize(
    ("revision", "said"),
    [
        ("nowhere", "--against nowhere: no such commit in "),
        ("--help", "--against --help: no such commit in "),
        ("main~1", "--against main~1: the commit has no worker/__main__.py, so no worker to compare with"),
    ],
)
def test_a_commit_that_is_no_side_is_refused(revision, said, repository):
    with pytest.raises(UsageError) as refusal:
        referred(revision, (), repository)
    assert str(refusal.value).startswith(said)


def test_the_code_here_with_another_package_is_a_side():
    reference = referred("", ("kombu==5.6.2",))
    assert (str(reference), reference.commit) == ("kombu==5.6.2", "")
    with opened(Reference("here", "")) as candidate:
        assert (candidate.root, candidate.python) == (CODE.root, CODE.python)


def test_a_package_takes_the_place_of_its_pin_and_keeps_its_extras():
    requirements, constraints = relaxed(
        ["celery>=5.6", "kombu[sqs]>=5.7"], ["celery==5.7.0", "kombu==5.7.0", "boto3==1.40"],
        ["Kombu==5.6.2"], {"Celery"},
    )  # fmt: skip
    assert requirements.splitlines() == ["celery>=5.6", "Kombu[sqs]==5.6.2"]
    assert constraints.splitlines() == ["boto3==1.40"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "WARNING: slow\nERROR: Could not find a version (from versions: 1, 2)\n"
            "ERROR: No matching distribution for kombu==99\n",
            "ERROR: Could not find a version | ERROR: No matching distribution for kombu==99",
        ),
        ("something\nelse\n\n", "else"),
        ("", "it said nothing"),
    ],
)
def test_why_pip_failed_is_told_in_one_line(said, expected):
    assert reason(said) == expected


def test_a_service_that_is_a_part_of_its_repository_is_found_in_its_commit(tmp_path: Path) -> None:
    service = tmp_path / "backend" / "service"
    service.mkdir(parents=True)
    (service / "app.py").write_text("as it was")
    for name in ("requirements.txt", "constraints.txt"):  # else it would have an environment of its own
        shutil.copy(CODE.root / name, service)
    as_somebody = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "."], [*as_somebody, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    (service / "app.py").write_text("as it is")
    with opened(referred("HEAD", (), service), service) as candidate:
        assert (candidate.root / "app.py").read_text() == "as it was"
        assert candidate.python == CODE.python
