"""Runs of `--against` whose truth is known: a commit against itself, or against a copy that a patch slowed.

The side here is a clone with the patch committed on top; the other is the commit below it. The patch is a few
lines at the end of worker/tasks.py, so it does not depend on what stands there beyond three names.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from fixtures.video_deployments import STAND_IN_ARGS, local_deployment
from perf.cases.against import against_cases
from perf.cases.case import Variant
from perf.cases.defaults import SLOS
from perf.deploy import candidates
from perf.deploy.deployment import Deployment
from perf.deploy.servers import running_servers
from perf.deploy.workdir import temporary_folder
from perf.judge.slos import SloBook, load_slos
from perf.report.progress import QuietLine
from perf.run.against import AgainstKind
from perf.run.context import Context
from perf.run.kinds import KINDS
from perf.store.folder import RunFolder

ROOT = Path(__file__).parents[2]
#: Seconds that a run may take.
DEADLINE_S = 400.0

_SERVICE = """

import time as _time

_as_it_was = _process


def _process(own, claim):
    began = _time.monotonic()
    key = _as_it_was(own, claim)
    if {where}:
        _time.sleep({share} * (_time.monotonic() - began))
    return key
"""
_IDLE = """

import time as _time

_as_it_was = _clean_up


def _clean_up(*args):
    _as_it_was(*args)
    _time.sleep({pause_s})
"""
#: What is put into the side here, by its name: text behind worker/tasks.py.
PATCHES = {
    "A/A": "",
    **{f"+{share} %": _SERVICE.format(share=share / 100, where="True") for share in (3, 5, 10, 20, 50)},
    **{f"+{ms} ms idle": _IDLE.format(pause_s=ms / 1000) for ms in (20, 50)},
}
#: A regression of one case: at a concurrency of 2 alone.
AT_C2 = _SERVICE.format(share=0.3, where="'2' in __import__('sys').argv")
TASKS = "worker/tasks.py"
TRANSPORT = "worker/transport.py"
#: Behind worker/transport.py: kombu itself decides again when to poll, as for workers without a transport
#: of their own. The pause that it then makes is `WORKER_POLLING_INTERVAL_S`; Celery's default is a second.
KOMBU_POLLS = "\n\ndel Channel._loop1\n"
#: Seconds that the neighbour keeps a processor busy, and rests; None = none is started. Other work is what
#: people do on the machine at that time: test suites, type checks, builds of images, as they come and go.
NEIGHBOURS = {"quiet": None, "busy core": (60.0, 0.0), "comes and goes": (2.0, 2.0), "other work": None}
#: A smaller picture than the mocked case's, so that a task takes half as long, and so do a hundred runs.
SMALL = {"FFMPEG_ARGS": str(STAND_IN_ARGS["FFMPEG_ARGS"]).replace("scale=1280:720", "scale=320:180")}
_BUSY = """
import sys, time
on, off = map(float, sys.argv[1:])
while True:
    end = time.monotonic() + on
    while time.monotonic() < end:
        pass
    time.sleep(off)
"""


@dataclass(frozen=True)
class Wanted:
    """A run to make: which patch, beside which neighbour, and its number among those that are alike."""

    patch: str
    neighbour: str
    number: int


def wanted(
    a_a: int, power: int, neighbours: Sequence[str], patches: Sequence[str] = tuple(PATCHES)
) -> Iterator[Wanted]:
    """All runs in turns, so that whatever was done when time is up is spread over all kinds alike.

    Args:
        a_a: runs of each neighbour without a patch.
        power: runs of each neighbour for each patch.
        neighbours: their names.
        patches: the names of those to make.
    """
    most = max(a_a, power)
    for number in range(most):
        for patch in patches:
            count = a_a if patch == "A/A" else power
            # Spread over the whole: of 34 and 7 the second has one for every five of the first.
            if (number + 1) * count // most == number * count // most:
                continue
            yield from (Wanted(patch, neighbour, number) for neighbour in neighbours)


@contextmanager
def patched(patch: str, folder: Path, file: str = TASKS) -> Iterator[Path]:
    """A clone of the last commit with this text behind one of its files, committed; gone with the block."""
    with tempfile.TemporaryDirectory(prefix="ab-", dir=folder) as name:
        clone = Path(name) / "clone"
        _git(ROOT, "clone", "--quiet", "--shared", str(ROOT), str(clone))
        with (clone / file).open("a") as behind:
            behind.write(patch)
        own = ("-c", "user.name=ab", "-c", "user.email=ab@localhost", "-c", "commit.gpgsign=false")
        _git(clone, *own, "commit", "--quiet", "--no-verify", "--allow-empty", "-am", "patched")
        yield clone


def _git(folder: Path, *words: str) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    subprocess.run(["git", "-C", str(folder), *words], env=env, check=True)


@contextmanager
def neighbour(name: str) -> Iterator[None]:
    """The process beside a run: nobody's child, or it would count as the run's own load.

    In a session of its own, since Linux shares a processor by sessions.
    """
    times = NEIGHBOURS[name]
    if times is None:
        yield
        return
    argv = [sys.executable, "-c", _BUSY, *map(str, times)]
    words = ["setsid", "--fork", "sh", "-c", 'echo $$; exec "$@" > /dev/null', "sh", *argv]
    pid = int(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)


@dataclass(frozen=True)
class Bench:
    """What runs are made on: one deployment for all, since its servers say nothing of either side."""

    deployment: Deployment
    book: SloBook
    folder: Path

    def run(self, each: Wanted) -> dict[str, Any]:
        """Make the run, as `pytest perf/ --against HEAD~1 --concurrency 1` in the clone does."""
        with patched(PATCHES[each.patch], self.folder) as clone, neighbour(each.neighbour):
            began_s = time.monotonic()
            document = self._compared(clone)
            wall_s = time.monotonic() - began_s
        head = {"patch": each.patch, "neighbour": each.neighbour, "number": each.number}
        return (
            head | {"at": time.strftime("%Y-%m-%dT%H:%M:%S"), "wall_s": round(wall_s, 1)} | figures(document)
        )

    def _compared(self, clone: Path) -> dict[str, Any]:
        named = {"against": "HEAD~1", "against-package": (), "sizes": (50,), "concurrency": (1,)}
        (case,) = against_cases(Variant.MOCKED, named)
        reference = candidates.referred("HEAD~1", (), clone)
        kind = AgainstKind(reference, secrets.randbelow(10**6))
        results = RunFolder.create(clone / "results", {})
        here = candidates.Candidate("here", clone, Path(sys.executable))
        opened = partial(candidates.opened, repository=clone)
        context = Context(self.deployment, self.book, results.path, QuietLine(lambda _: None, case.id))
        with mock.patch.object(candidates, "HERE", here), mock.patch.object(candidates, "opened", opened):
            results.write(kind, kind.run(case, context))
        return dict(json.loads((results.path / f"case_{case.id}.json").read_text()))


@contextmanager
def bench() -> Iterator[Bench]:
    """The servers and the deployment, gone with the block."""
    with (
        temporary_folder("ab") as folder,
        running_servers(os.environ, folder) as servers,
        local_deployment(Variant.MOCKED, servers, {**os.environ, **SMALL}, folder) as deployment,
    ):
        yield Bench(deployment, load_slos(SLOS, KINDS), folder)


def suite(clone: Path, *options: str, **variables: str) -> list[dict[str, Any]]:
    """The documents of a run of the comparisons in a checkout; one with an error where it made none.

    Args:
        clone: the checkout.
        options: for pytest.
        variables: of the environment, beside those that are there.
    """
    results = clone / "results"
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "perf/test_worker_against.py",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:hypothesispytest",
    ]
    # Its modules are those of the clone, not of the folder that this was started in.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
    done = subprocess.run(
        [*argv, f"--results={results}", *options], cwd=clone, env=env, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    documents = [json.loads(path.read_text()) for path in sorted(results.glob("*/[cb]*_mocked-*.json"))]
    return documents or [{"error": (done.stdout + done.stderr)[-2000:]}]


def figures(document: dict[str, Any]) -> dict[str, Any]:
    """What of a document is kept: what became of it, its ratios, and each side's means over all blocks."""
    if "error" in document:
        return {"outcome": "broken", "error": document["error"]}
    pairs = [each for each in document["pairs"] if each["here"] and each["against"]]
    sides = {
        side: {name: round(mean([pair[side][name] for pair in pairs]), 5) for name in pairs[0][side]}
        for side in (("here", "against") if pairs else ())
    }
    ratios = {
        each["name"]: {"outcome": each["outcome"], **(each["found"] or {})}
        for each in document["comparisons"]
    }
    return {
        "outcome": document["circumstances"]["outcome"],
        "verdict": document["verdict"]["kind"],
        "message": "; ".join(problem["reason"] for problem in document["verdict"]["problems"]),
        "pairs": sum(not pair["left_out"] for pair in document["pairs"]),
        "left_out": sum(bool(pair["left_out"]) for pair in document["pairs"]),
        "seconds": round(document["facts"]["took_s"], 1),
        "seed": document["facts"]["seed"],
        "ratios": ratios,
        **sides,
    }


def mean(values: Sequence[float]) -> float:
    """Their mean."""
    return sum(values) / len(values)
