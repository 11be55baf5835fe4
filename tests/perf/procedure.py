# ruff: noqa: T201
"""Every command of docs/procedure.md, against a deployment that is put up apart from it: a transcript.

    python -m tests.perf.procedure [--short] [WORD ...] > tests/perf/data/procedure.txt

PostgreSQL, the endpoints of SQS and S3, the API and the team's worker are processes on this machine; the
commands reach them through the environment alone, in a clone of this repository and on a terminal. The
workers cut a second out of each video, not thirty. Where somebody is asked to restart the workers, that is
done. --short takes fewer tasks, and less time for each step of the users, and says where; else it takes an
hour. With words, of the commands only those in which one of these regular expressions is found.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fixtures.api import ApiServer
from fixtures.pipeline import pipeline_environment
from fixtures.video_deployments import STAND_IN_ARGS
from perf.deploy.cache import cache_folder
from perf.deploy.clips import make_clip, stand_in_clip
from perf.deploy.loopback import applied
from perf.deploy.servers import running_servers
from perf.deploy.waiting import until
from perf.deploy.workdir import temporary_folder
from perf.pipeline import Fleet
from tests.perf import scale_workers
from tests.perf.terminal import Seen, on_terminal
from tests.perf.test_aws_run import FOUND, ROOT, Team
from worker.settings import find_ffmpeg

PAGE = ROOT / "docs" / "procedure.md"
#: Of the terminal: the widest table fits.
COLUMNS = 160
#: Lines of a long output that are shown, from its beginning and before its end.
FIRST, LAST = 12, 40
DEADLINE_S = 3600.0
#: With --short: what a command has, and what is taken in its place.
SHORTER = (
    (r"perf/ --concurrency 1,2,4", "perf/ --concurrency 1,2 --sizes 2 --count 12 --modes burst -k burst"),
    (r"--count 30 (?=.*--rate 10)", "--count 10 "),
    (r"throughput.py$", "throughput.py --sizes 2 --count 12"),
    (r"throughput.py --clip", "throughput.py --concurrency 1 --count 12 --clip"),
    (r"--step-time 2m -t 10m", "--step-time 20s -t 80s"),
    (r"-t 1m ", "-t 20s "),
    (r"(-k web-smoke .*)", r"\1 --decide-within 30"),
    (r'"web-knee or web-stable" -H URL', "web-stable -H URL --web-rate 20"),
    (
        r"--load-users 200 --step-users 50 --step-time 2m",
        "--load-users 200 --step-users 50 --step-time 10s --sizes 2",
    ),
)
#: What needs a run, and that run.
WATCH = "python -m perf watch"
WATCHED = "pytest -m aws perf/test_worker_throughput.py --sizes 2 --concurrency 1 --modes burst --count 12"
#: The line that moves, which is gone when it has ended.
_MOVING = re.compile(r"\r\x1b\[2K([^\r\n\x1b]*done, [^\r\n\x1b]*)")
#: What a person is asked to do with the workers, and hears.
ASKED = re.compile(r"end all workers|restart the workers as 1 node\(s\) x (\d+)")


@dataclass(frozen=True, slots=True)
class Command:
    """One of the page.

    Attributes:
        step: of the procedure, in the page's words.
        text: as the page has it.
    """

    step: str
    text: str

    @property
    def asks(self) -> bool:
        """Whether it runs without a command for the workers, so that a person is asked."""
        return "press ENTER" in self.step


def commands() -> list[Command]:
    """Those of the page's first table, in its order."""
    rows = re.findall(r"^\| (?!step of|---)(.+?) \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    found = [(step, re.findall(r"`((?:pytest|python -m perf|locust) [^`]+)`", now)) for step, now in rows]
    return [Command(step, text) for step, texts in found for text in texts]


class Desk:
    """Where the team types: a clone, the deployment's variables, a video, and a person for the workers.

    Args:
        team: whose deployment and workers they are.
        api: its API.
        folder: of the clone.
    """

    def __init__(self, team: Team, api: ApiServer, folder: Path) -> None:
        self._team = team
        self._api = api
        self._folder = folder
        self._bucket = team.pipeline.settings.aws_s3_bucket
        tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._env = team.env | {"PATH": tools, "PERF_API_URL": api.url, "PERF_CACHE_DIR": str(cache_folder())}
        self._scaled = self._env | {"PERF_WORKER_COMMAND": "./scale-workers.sh {concurrency}"}
        self._heard = self.moving = ""
        #: How many worker processes a person was asked for, each time.
        self.restarted: list[int] = []
        self._prepare()

    def _prepare(self) -> None:
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(self._folder)], check=True, timeout=60)
        script = self._folder / "scale-workers.sh"
        script.write_text(f'#!/bin/sh\nexec python -m tests.perf.scale_workers {self._team.folder} "$@"\n')
        script.chmod(0o755)
        video = self._folder / "holiday.mp4"
        shutil.copy(make_clip(stand_in_clip(50), str(find_ffmpeg()), cache_folder()), video)
        self._team.pipeline.storage.upload_from(video, "uploads/holiday.mp4", "video/mp4")
        shutil.copy(ROOT / "tests/perf/data/published_runs.csv", self._folder / "published.csv")

    def typed(self, text: str) -> str:
        """A command of the page with what this deployment has in place of the page's words in capitals."""
        logs = sorted(self._folder.glob("results/worker_tasks_*.log"))
        log = f"results/{logs[-1].name}" if logs else "results/worker_tasks_TIME.log"
        text = text.replace("results/worker_tasks_TIME.log", log).replace("-H URL", f"-H {self._api.url}")
        return text.replace("s3://BUCKET/KEY", f"s3://{self._bucket}/uploads/holiday.mp4")

    def run(self, command: Command, text: str) -> Seen:
        """Run it to its end; where it watches a run, beside one."""
        self.moving = ""
        with self._beside(text):
            env = self._env if command.asks else self._scaled
            return on_terminal(
                shlex.split(text), COLUMNS, env=env, cwd=self._folder, deadline_s=DEADLINE_S, hear=self._hear
            )

    def empty(self) -> None:
        """Take out of the queue what nobody waits for."""
        self._team.pipeline.queue.purge()

    def table(self, text: str) -> str:
        """The CSV that a command has written; empty where it was to write none."""
        named = re.search(r"--output-csv (\S+)", text)
        return (self._folder / named[1]).read_text("utf-8") if named else ""

    def _hear(self, said: str) -> None:
        self.moving = (_MOVING.findall(said) or [self.moving])[-1]
        self._heard += said
        while asked := ASKED.search(self._heard):
            self._heard = self._heard[asked.end() :]
            self.restarted.append(int(asked[1] or 0))
            self._team.scale(self.restarted[-1])

    @contextmanager
    def _beside(self, text: str) -> Iterator[None]:
        """A short run that can be watched, where *text* does."""
        if not text.startswith(WATCH):
            yield
            return
        with (self._folder / "run.txt").open("w") as output, subprocess.Popen(
            shlex.split(WATCHED), env=self._scaled, cwd=self._folder,
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        ) as process:  # fmt: skip
            until(lambda: list(self._folder.glob("results/*/progress.json")), 60, 0.5)
            yield
            process.wait(DEADLINE_S)


@contextmanager
def desk() -> Iterator[Desk]:
    """The deployment with a worker of FOUND, gone at the end."""
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_folder("procedure"))
        stack.enter_context(applied(dict(os.environ)))
        servers = stack.enter_context(running_servers(os.environ, folder))
        env = stack.enter_context(pipeline_environment(servers, os.environ)) | STAND_IN_ARGS
        stack.enter_context(applied(env))
        team = Team(env, folder)
        stack.callback(team.pipeline.close)
        stack.callback(scale_workers.stop, folder)
        team.scale(FOUND)
        until(lambda: team.reports(Fleet(1, FOUND)), 60, 0.5)
        api = ApiServer(team.env, folder)
        with api.process:
            yield Desk(team, api, folder / "video-perf")


def shorter(text: str) -> str:
    """A command with fewer tasks, and less time for each step."""
    for long, short in SHORTER:
        text = re.sub(long, short, text)
    return text


def cut(lines: list[str]) -> list[str]:
    """The beginning and the end of what is long."""
    more = len(lines) - FIRST - LAST
    return lines if more <= 1 else [*lines[:FIRST], f"[... {more} lines ...]", *lines[-LAST:]]


def show(here: Desk, command: Command, *, short: bool) -> None:
    """Run a command of the page, and print it with what it said."""
    print(f"\n## {command.step}\n")
    typed = here.typed(shorter(command.text) if short else command.text)
    if typed != command.text:
        print(f"[the page has: {command.text}]")
    if typed.startswith(WATCH):
        print(f"$ {WATCHED} > run.txt &")
    print(f"$ {typed}", flush=True)
    seen = here.run(command, typed)
    print("\n".join(cut(seen.lines)))
    if here.moving:
        print(f"[the line that moved, as it stood last: {here.moving}]")
    if typed.startswith("locust"):
        print("[what it has uploaded stays, and is in the queue: emptied here for what follows]")
        here.empty()
    if command.asks:
        print(f"[a person ended the workers, or restarted them with so many processes: {here.restarted}]")
    print(f"[exit status {seen.status}, {seen.took_s:.0f} s]")
    if table := here.table(typed):
        print(f"$ cat row.csv\n{table.rstrip()}", flush=True)


def main(words: list[str]) -> int:
    """See the head of this file."""
    short, words = "--short" in words, [word for word in words if word != "--short"]
    chosen = [each for each in commands() if not words or any(re.search(word, each.text) for word in words)]
    with desk() as here:
        for command in chosen:
            show(here, command, short=short)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
