# ruff: noqa: T201
"""What a stranger sees who begins with an empty folder and a clone: commands, minutes, megabytes, verdicts.

    python -m tests.examples.transcript [redis] [thumbnails] [init] [--lock FILE] > examples/transcript.txt

For each example: a fresh environment without a cache of pip's, and the commands of its README, in a git
repository of its own whose last commit made the workers slower. `init`: what `python -m perf init` writes,
for the service tests/examples/jobs.py on a Redis and a PostgreSQL of the script's own. Some four minutes
each; what is measured waits for the lock of the file.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from perf.deploy.postgres import PostgresServer
from tests.examples.servers import running_redis
from tests.installing import ROOT
from tests.perf.fault_table import locked

PARTS = ("redis", "thumbnails", "init")
#: Where the last commit has a task wait, so that --against HEAD~1 has something to find.
SLOWER = {
    "redis": ("service.py", "    try:\n"),
    "thumbnails": ("service.py", "    done = "),
    "init": ("jobs.py", "        hashlib."),
}
#: Of pytest's output: what follows are the table, the verdicts and why.
HEADING = " performance cases ==============================="
DEADLINE_S = 300


@dataclass
class Stranger:
    """Somebody in a folder, with an environment of their own."""

    folder: Path
    env: dict[str, str]

    def does(self, command: str) -> None:
        """Run it; say what it said, of pytest what follows the cases' heading, and how long it took."""
        print(f"$ {command.replace(str(ROOT), 'CLONE')}", flush=True)
        began_s = time.monotonic()
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.env, capture_output=True, text=True,
            timeout=DEADLINE_S, check=False,
        )  # fmt: skip
        took_s = time.monotonic() - began_s
        said = (done.stdout + done.stderr).replace(str(self.folder), "~").replace(str(ROOT), "CLONE")
        _, _, verdicts = said.partition(HEADING)
        ended = f", exit status {done.returncode}" if done.returncode else ""
        print((verdicts or said).strip("\n"), f"    # {took_s:.0f} s{ended}\n", sep="\n", flush=True)


@contextmanager
def stranger(**more: str) -> Iterator[Stranger]:
    """With an empty folder, a fresh environment and empty caches."""
    with tempfile.TemporaryDirectory(prefix="stranger-") as name:
        Path(name).chmod(0o755)  # PostgreSQL runs as another user
        folder = Path(name) / "work"
        folder.mkdir()
        venv = Path(name) / "venv"
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True, timeout=120)
        env = {key: value for key, value in os.environ.items() if key not in ("PIP_CONSTRAINT", "PYTHONPATH")}
        who = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "n")
        where = dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "n@localhost")
        env |= {
            **who, **where, "PATH": f"{venv / 'bin'}{os.pathsep}{env['PATH']}", "VIRTUAL_ENV": str(venv),
            "TMPDIR": name, "PERF_CACHE_DIR": str(Path(name) / "cache"), "PIP_NO_CACHE_DIR": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1", "COLUMNS": "110", **more,
        }  # fmt: skip
        yield Stranger(folder, env)


def commits(user: Stranger, part: str, also: str = "") -> None:
    """Two: as it was, and with a task that takes longer and whatever else is done."""
    name, before = SLOWER[part]
    user.does("git init -q && git add . && git commit -q -m 'as it was'")
    path = user.folder / name
    indent = before[: len(before) - len(before.lstrip())]
    path.write_text(path.read_text().replace(before, f"{indent}__import__('time').sleep(0.1)\n{before}", 1))
    user.does(f"{also}git diff -U0 | grep '^[+-][^+-]'; git commit -q -a -m 'slower by 0.1 s a task'")


def example(part: str, lock: Path | None) -> None:
    """The README's commands."""
    with stranger() as user:
        left = shutil.ignore_patterns("__pycache__", "results")
        shutil.copytree(ROOT / "examples" / part, user.folder, ignore=left, dirs_exist_ok=True)
        user.does("wc -l *.py slos.toml pytest.ini")
        (block,) = re.findall(r"```sh\n(.*?)```", (user.folder / "README.md").read_text(), re.DOTALL)
        commands = [line.partition("  #")[0].strip() for line in block.splitlines()]
        user.does(commands[0].replace("../..", str(ROOT)).replace("pip install", "pip install -qq"))
        user.does('du -sm "$VIRTUAL_ENV" | cut -f 1')
        commits(user, part)
        with locked(lock):
            for command in commands[1:]:
                user.does(command)


def init(lock: Path | None) -> None:
    """What `perf init` writes, with nothing in it changed."""
    name = f"jobs-{secrets.token_hex(4)}"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="servers-")))
        broker = stack.enter_context(running_redis(folder))
        postgres = PostgresServer().start()
        stack.callback(postgres.stop)
        database = postgres.create_database(name).replace("://", "+psycopg2://")
        user = stack.enter_context(stranger(BROKER_URL=broker, DATABASE_URL=database))
        shutil.copy(ROOT / "tests" / "examples" / "jobs.py", user.folder)
        user.does(f"pip install -qq {ROOT} celery 'redis>=6.4' psycopg2-binary")
        user.does('du -sm "$VIRTUAL_ENV" | cut -f 1')
        user.does("python jobs.py && python -m perf init perf_tests")
        user.does("wc -l perf_tests/*; head -c 65536 /dev/zero > perf_tests/input.bin")
        user.does("printf '%s\\n' celery kombu==5.6.2 redis sqlalchemy psycopg2-binary > requirements.txt")
        commits(user, "init", "sed -i s/5.6.2/5.7.0/ requirements.txt; ")
        with locked(lock):
            user.does("pytest perf_tests")
            user.does("pytest perf_tests --against HEAD~1")


def main() -> None:
    """The parts that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--lock", type=Path)
    args = parser.parse_args()
    where = f"Python {sys.version.split()[0]}, {os.cpu_count()} processors"
    for part in args.parts:
        print(f"== {part}, {time.strftime('%Y-%m-%d')}, {where}\n", flush=True)
        init(args.lock) if part == "init" else example(part, args.lock)


if __name__ == "__main__":
    main()
