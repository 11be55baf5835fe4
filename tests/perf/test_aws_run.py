"""`pytest -m aws` against endpoints, an API and workers that somebody else started: left as it was found."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from app.aws import s3_client
from app.message import encode_task
from app.model import Video, new_id
from fixtures.api import ApiServer
from fixtures.environment import named_settings
from fixtures.video_pipeline import VideoPipeline
from perf.cli.main import main
from perf.deploy.cache import cache_folder
from perf.deploy.fleet import fleet_of
from perf.deploy.loopback import applied
from perf.pipeline import Fleet
from tests.fixtures.rows import video
from tests.fixtures.test_deployment_lock import held_by
from tests.perf import scale_workers
from tests.worker.rig import eventually

ROOT = Path(__file__).parents[2]
FOUND = 2
#: What a video costs is no matter here; as on every deployment, run and workers are told the same.
CHEAP = {"FFMPEG_ARGS": "-vf scale=320:180 -c:v libx264 -preset ultrafast -threads 1 -an"}
SLOS = """
[all.worker]
slos = ["lost == 0", "failed == 0", "outstanding == 0"]
[all.web]
slos = ["error_ratio < 1"]
"""


class Team:
    """A team's deployment, with a worker of FOUND, and its script to scale it."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        self.folder = folder
        own = {name: value for name, value in env.items() if not name.startswith("PYTEST_")}
        self.env = CHEAP | own | {"PATH": os.environ["PATH"], "WORKER_WAIT_TIME_S": "1"}
        self.env |= {"AWS_ENDPOINT_URL_CLOUDWATCH": env["AWS_ENDPOINT_URL_SQS"], "PERF_NODE_PRICE": "0.36"}
        self.pipeline = VideoPipeline.of(*named_settings())
        self.runs: list[subprocess.Popen[str]] = []
        self.command = f"{sys.executable} -m tests.perf.scale_workers {folder} {{concurrency}}"

    def scale(self, concurrency: int) -> None:
        words = self.command.replace("{concurrency}", str(concurrency)).split()
        subprocess.run(words, env=self.env, cwd=ROOT, check=True, timeout=60)

    def reports(self, fleet: Fleet) -> bool:
        return fleet_of(self.pipeline.workers()) == fleet

    def calls(self) -> list[int]:
        """What the script was asked for, after it made the fleet that was to be found."""
        return [int(line) for line in (self.folder / "calls").read_text().split()][1:]

    def left(self) -> tuple[set[str], set[str]]:
        """Rows and objects."""
        with self.pipeline.engine.connect() as connection:
            rows = set(connection.scalars(select(Video.id)))
        bucket = self.pipeline.settings.aws_s3_bucket
        found = s3_client("us-east-1").list_objects_v2(Bucket=bucket).get("Contents", ())
        return rows, {each["Key"] for each in found}

    def stranger(self) -> tuple[set[str], set[str]]:
        """Somebody uploads a video: a row, an object and a message."""
        her = new_id()
        key = f"uploads/{her}.mp4"
        (self.folder / "hers").write_text("no video")
        self.pipeline.storage.upload_from(self.folder / "hers", key, "video/mp4")
        video(self.pipeline.engine, id=her, object_key=key)
        self.pipeline.queue.send([encode_task(her, self.pipeline.queue.name)])
        return {her}, {key}

    def run(self, api_url: str, *options: str, without: Collection[str] = ()) -> subprocess.Popen[str]:
        (self.folder / "slos.toml").write_text(SLOS)
        own = {"PERF_API_URL": api_url, "PERF_WORKER_COMMAND": self.command}
        own["PERF_CACHE_DIR"] = str(cache_folder())
        env = {name: value for name, value in (self.env | own).items() if name not in without}
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-m", "aws", "perf/", "--sizes=5", "--concurrency=1",
             "--count=3", "-p", "no:hypothesispytest",
             f"--slos={self.folder / 'slos.toml'}", f"--results={self.folder / 'results'}",
             "-p", "no:cacheprovider", *options],
            cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,  # a group, as on a terminal
        )  # fmt: skip
        self.runs.append(process)
        return process

    def end_runs(self) -> None:
        """Of a test that failed: one that goes on would put the fleet back when it is gone."""
        for process in self.runs:
            if process.poll() is None:
                process.terminate()
                ended(process)


@pytest.fixture
def team(pipeline_env: dict[str, str], tmp_path: Path) -> Iterator[Team]:
    team = Team(pipeline_env, tmp_path)
    with applied(team.env):
        try:
            team.scale(FOUND)
            eventually(lambda: team.reports(Fleet(1, FOUND)), "the team's worker reports itself")
            yield team
        finally:
            team.end_runs()
            scale_workers.stop(tmp_path)
            team.pipeline.close()


@pytest.fixture
def api_url(team: Team, tmp_path: Path) -> Iterator[str]:
    api = ApiServer(team.env, tmp_path)
    with api.process:
        yield api.url


def ended(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=280)
    return output


@pytest.mark.timeout(600)
def test_the_fleet_is_put_back_as_it_was_found(team: Team, api_url: str) -> None:
    process = team.run(api_url, "-k", "burst or web-smoke")
    output = ended(process)
    assert process.returncode == 0, output
    assert "2 passed" in output
    assert team.calls() == [0, 1, FOUND]
    assert f"putting the fleet back to {Fleet(1, FOUND)}, as it was found" in output
    eventually(lambda: team.reports(Fleet(1, FOUND)), "the fleet is as it was found")
    assert team.pipeline.queue.depth() == 0
    assert "cost: at most" in output
    assert "USD for 1,000 videos, of the nodes alone: 0.36 USD/h, as PERF_NODE_PRICE says" in output
    tables = list((team.folder / "results").glob("*/cloudwatch_*.csv"))
    assert len(tables) == 2
    assert all(table.read_text().count("metric absent") == 3 for table in tables)  # nobody counts there


def start_loading(
    team: Team, api_url: str, *options: str
) -> tuple[subprocess.Popen[str], tuple[set[str], set[str]]]:
    """A run that is amid a web case, and what a stranger has put there beside it."""
    process = team.run(api_url, "-k", "web-stable", "--web-rate=20", *options)
    eventually(lambda: len(team.left()[0]) > 4 or process.poll() is not None, "uploads are sent", 60)
    assert team.calls() == [0]
    return process, team.stranger()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_also_after_a_signal_in_a_web_case(number: signal.Signals, team: Team, api_url: str) -> None:
    process, hers = start_loading(team, api_url)
    second = team.run(api_url, "-k", "web-smoke")
    refused = ended(second)
    assert second.returncode == 1, refused
    assert refused.count("another run is under way on this deployment") == 1
    assert f"pid {process.pid}, since" in refused
    assert team.calls() == [0]
    process.send_signal(number)
    output = ended(process)
    assert process.returncode == pytest.ExitCode.INTERRUPTED, output
    assert team.calls() == [0, FOUND]
    eventually(lambda: team.reports(Fleet(1, FOUND)), "the fleet is as it was found")
    assert team.left() == hers
    eventually(lambda: team.pipeline.finished(list(hers[0])) == (0, 1), "her message has stayed")
    eventually(lambda: team.pipeline.queue.depth() == 0, "no other message has")


@pytest.mark.timeout(600)
def test_what_a_killed_run_leaves_is_found_and_removed(
    team: Team, api_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    process, hers = start_loading(team, api_url)
    process.kill()
    ended(process)
    rows, objects = eventually(lambda: settled(team), "the uploads that were under way have ended")
    assert len(rows) > len(hers[0])
    eventually(lambda: not held_by(team.pipeline), "its lock is gone")
    assert clean(team) == 1
    said = capsys.readouterr().out
    assert re.search(r"rows +\d+ of tasks and uploads", said)
    assert f"fleet     to be put back to {Fleet(1, FOUND)}, as command found it at " in said
    assert "nothing was removed: give --yes" in said
    assert (team.left(), team.calls()) == ((rows, objects), [0])
    with applied(team.env | {"PERF_WORKER_COMMAND": team.command}):
        assert clean(team, "--yes") == 0
    assert team.left() == hers
    assert team.calls() == [0, FOUND]
    eventually(lambda: team.pipeline.finished(list(hers[0])) == (0, 1), "her message has stayed")
    eventually(lambda: team.pipeline.queue.depth() == 0, "no other message has")
    capsys.readouterr()
    assert clean(team) == 0
    assert capsys.readouterr().out == "nothing is left\n"


def settled(team: Team) -> tuple[set[str], set[str]] | None:
    """What is left, once it stays the same: a killed run's load ends a moment after it."""
    before = team.left()
    time.sleep(2)
    return before if team.left() == before else None


def clean(team: Team, *options: str) -> int:
    return main(["clean", str(team.folder / "results"), *options])
