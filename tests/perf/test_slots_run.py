"""`pytest -m aws -n 2 --slots FILE` on two deployments that somebody else started: cells side by side."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fixtures.api import ApiServer
from fixtures.pipeline import pipeline_environment
from perf.deploy.loopback import applied
from perf.deploy.servers import Servers
from perf.pipeline import Fleet
from tests.fixtures.test_deployment_lock import held_by
from tests.perf import scale_workers
from tests.perf.killed import put_in_order
from tests.perf.test_aws_run import FOUND, Team, ended
from tests.worker.rig import eventually

OWN = ("DATABASE_URL", "SQS_QUEUE_NAME", "AWS_S3_BUCKET")
IDS = [f"aws-2MB-c{c}-{mode}" for c in (1, 3) for mode in ("burst", "sustained")]


@dataclass(frozen=True)
class Deployed:
    team: Team
    api_url: str

    @property
    def table(self) -> str:
        own = {name: self.team.env[name] for name in OWN}
        own |= {"PERF_API_URL": self.api_url, "PERF_WORKER_COMMAND": self.team.command}
        return "".join(f"{name} = {json.dumps(value)}\n" for name, value in own.items())

    @property
    def slots(self) -> Path:
        """The file that names both."""
        return self.team.folder.parent / "slots.toml"

    def forget_runs(self) -> None:
        """What was measured and asked for so far."""
        shutil.rmtree(self.team.folder / "results", ignore_errors=True)
        (self.team.folder / "calls").write_text(f"{FOUND}\n")

    def require_as_found(self) -> None:
        eventually(lambda: self.team.reports(Fleet(1, FOUND)), "the fleet is as it was found", 60)
        assert self.team.calls()[-1] == FOUND
        assert self.team.left() == (set(), set())
        assert self.team.pipeline.queue.depth() == 0


@contextmanager
def deployed(servers: Servers, folder: Path) -> Iterator[Deployed]:
    folder.mkdir()
    with pipeline_environment(servers, os.environ) as env, applied(env):
        team = Team(env, folder)
        with applied(team.env):
            try:
                team.scale(FOUND)
                eventually(lambda: team.reports(Fleet(1, FOUND)), "the team's worker reports itself")
                api = ApiServer(team.env, folder)
                with api.process:
                    yield Deployed(team, api.url)
            finally:
                team.end_runs()
                scale_workers.stop(folder)
                team.pipeline.close()


@pytest.fixture(scope="module")
def standing(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Deployed, Deployed]]:
    """For all tests here: each run has to leave both as it found them, and each test looks."""
    folder = tmp_path_factory.mktemp("slots")
    with ExitStack() as stack:
        a, b = (stack.enter_context(deployed(servers, folder / name)) for name in "ab")
        yield a, b


@pytest.fixture
def two(standing: tuple[Deployed, Deployed]) -> Iterator[tuple[Deployed, Deployed]]:
    a, b = standing
    for each in standing:
        each.forget_runs()
    a.slots.write_text(f"[a]\n{a.table}\n[b]\n{b.table}")
    yield a, b
    a.team.end_runs()


def start(two: tuple[Deployed, Deployed], *options: str) -> subprocess.Popen[str]:
    """A run on both; all that is each one's own comes from the file alone."""
    a, _ = two
    common = ("-n2", f"--slots={a.slots}", "--sizes=2", "--concurrency=1,3", "--count=8")
    return a.team.run("", *common, *options, without=OWN)


def documents(team: Team) -> dict[str, dict[str, Any]]:
    files = (team.folder / "results").glob("*/case_*.json")
    found = [json.loads(path.read_text()) for path in files]
    return {each["id"]: each for each in found}


@pytest.mark.timeout(600)
def test_cells_are_measured_side_by_side_and_told_as_one_run(two: tuple[Deployed, Deployed]) -> None:
    team = two[0].team
    history, junit = team.folder / "history.jsonl", team.folder / "junit.xml"
    process = start(two, "-k", "burst or sustained", f"--history={history}", f"--junitxml={junit}")
    output = ended(process)
    found = documents(team)
    assert sorted(found) == sorted(IDS), output
    verdicts = Counter(each["verdict"]["kind"] for each in found.values())
    assert (process.returncode == 0) == (verdicts["PASS"] == len(IDS)), output
    slots = {case_id: document["slot"] for case_id, document in found.items()}
    assert set(slots.values()) == {"a", "b"}
    assert all(slots[IDS[0]] == slots[each] for each in IDS[:2])  # a cell is measured in one place
    assert all(slots[IDS[2]] == slots[each] for each in IDS[2:])
    assert all("from the burst case" in json.dumps(found[each]) for each in IDS if "sustained" in each)
    (folder,) = (team.folder / "results").iterdir()
    with (folder / "scenario2_consolidated.csv").open() as file:
        assert sorted(row["case"] for row in csv.DictReader(file)) == sorted(IDS)
    told = (output, history.read_text(), (folder / "metrics.txt").read_text(), junit.read_text())
    assert all(case_id in text for case_id in IDS for text in told)
    assert f"verdicts: {verdicts['PASS']} PASS, {verdicts['FAIL']} FAIL" in output
    assert "slots: 2 on a, 2 on b; " in output
    for slot, each in zip("ab", two, strict=True):
        assert f"[{slot}] putting the fleet back to {Fleet(1, FOUND)}, as it was found" in output
        each.require_as_found()


def amid_its_case(team: Team, process: subprocess.Popen[str]) -> bool:
    """Beyond the warm-up, which has a task for each worker; or over, which the test will say."""
    return len(team.left()[0]) > 10 or process.poll() is not None


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("number", "send"), [(signal.SIGTERM, os.kill), (signal.SIGINT, os.killpg)], ids=["kill", "Ctrl-C"]
)
def test_a_signal_in_the_middle_leaves_nothing(
    number: signal.Signals, send: Callable[[int, int], None], two: tuple[Deployed, Deployed]
) -> None:
    process = start(two, "-k", "burst", "--count=400")
    for each in two:
        eventually(partial(amid_its_case, each.team, process), "a case is amid its load", 90)
    send(process.pid, number)
    output = ended(process)
    assert process.returncode == pytest.ExitCode.INTERRUPTED, output
    for each in two:
        each.require_as_found()


@pytest.mark.timeout(600)
def test_a_slot_that_breaks_ends_the_run_for_all_in_a_line_each(two: tuple[Deployed, Deployed]) -> None:
    broken, sound = two
    bucket, script = broken.team.pipeline.settings.aws_s3_bucket, broken.team.command
    broken.slots.write_text(broken.slots.read_text().replace(json.dumps(bucket), '"nosuch"'))
    process = start(two, "-k", "burst or sustained")
    output = ended(process)
    assert process.returncode == pytest.ExitCode.TESTS_FAILED, output
    told, _, _ = output.partition("short test summary info")  # which repeats it where CI is set
    assert told.count("no aws deployment: the deployment is not as a run needs it:") == 1, output
    assert "slot a cannot go on" in output
    assert "INTERNALERROR" not in output
    assert "Traceback" not in output
    assert broken.team.calls() == []
    assert script not in output
    sound.require_as_found()


@pytest.mark.timeout(600)
def test_a_slot_whose_process_is_killed_is_told_and_put_in_order_by_clean(
    two: tuple[Deployed, Deployed],
) -> None:
    team = two[0].team
    process = start(two, "-k", "burst", "--count=60")
    eventually(partial(amid_its_case, team, process), "a case is amid its load", 90)
    held = re.search(r" pid (\d+),", held_by(team.pipeline))
    assert held
    os.kill(int(held[1]), signal.SIGKILL)
    output = ended(process)
    assert process.returncode == pytest.ExitCode.TESTS_FAILED, output
    assert "the process of slot a died: with its variables, `python -m perf clean` says what" in output
    assert "INTERNALERROR" not in output
    two[1].require_as_found()
    put_in_order(team)
    two[0].require_as_found()
