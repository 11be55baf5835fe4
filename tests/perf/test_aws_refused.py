"""`pytest -m aws` on a broken deployment: a line, once, the workers untouched, and no secret anywhere."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from perf.deploy.loopback import NOWHERE
from tests.perf.planted import PASSWORD, PLANTED, leaks, url_of, written
from tests.perf.test_aws_run import FOUND, Team, api_url, ended, team
from tests.worker.rig import eventually

__all__ = ["api_url", "team"]


@pytest.fixture
def user(team: Team) -> Iterator[dict[str, str]]:
    """A user of the database with a password of its own, who may do all that a run does."""
    make = f"create role stranger login superuser password '{PASSWORD}'"
    with team.pipeline.engine.begin() as connection:
        connection.execute(text(make))
    yield {"DATABASE_URL": url_of(team.pipeline.engine.url, username="stranger", password=PASSWORD)} | PLANTED
    with team.pipeline.engine.begin() as connection:
        connection.execute(text("drop owned by stranger; drop role stranger"))


BROKEN: dict[str, tuple[Callable[[Team], dict[str, str]], str]] = {
    "database": (
        lambda team: {"DATABASE_URL": url_of(team.pipeline.engine.url, password=PASSWORD)},
        "database: ",
    ),
    "endpoint": (lambda _: {"AWS_ENDPOINT_URL_SQS": NOWHERE}, "queue: "),
    "bucket": (lambda _: {"AWS_S3_BUCKET": "nosuch"}, "bucket: "),
}


@pytest.mark.timeout(600)
def test_what_is_broken_is_said_once_before_the_workers_are_touched(
    team: Team, api_url: str, user: dict[str, str]
) -> None:
    sound = team.env | user
    for kind, (change, said) in BROKEN.items():
        team.env = sound | change(team)
        process = start(team, api_url)
        output = ended(process)
        assert process.returncode == 1, (kind, output)
        assert output.count(said) == 1, (kind, output)
        everything = written(team.folder, output)
        assert not [where for where, text in everything.items() if "Traceback" in text]
        assert leaks(everything) == []
    assert team.calls() == []


def start(team: Team, api_url: str) -> subprocess.Popen[str]:
    options = ("-k", "burst or web", f"--junitxml={team.folder / 'junit.xml'}")
    return team.run(api_url, *options, f"--alluredir={team.folder / 'allure'}")


@pytest.mark.timeout(600)
def test_a_database_that_is_lost_in_the_middle_ends_the_run_in_a_line(
    team: Team, api_url: str, user: dict[str, str]
) -> None:
    team.env |= user
    process = start(team, api_url)
    eventually(lambda: process.poll() is not None or team.calls() == [0], "the web case has begun")
    with without_database(team):
        output = ended(process)
    assert process.returncode == 1, output
    assert output.count("the deployment broke: ") == 1, output
    assert len(re.findall(r"^\s*database: ", output, re.M)) == 1, output
    assert "Traceback" not in output
    assert leaks(written(team.folder, output)) == []
    assert team.calls() == [0, FOUND]


@contextmanager
def without_database(team: Team) -> Iterator[None]:
    """Nobody can connect to it any more, and who is connected is no longer."""
    url = team.pipeline.engine.url
    admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    end = text("select pg_terminate_backend(pid) from pg_stat_activity where datname = :name")
    with admin.connect() as connection:
        connection.execute(text(f'alter database "{url.database}" allow_connections false'))
        connection.execute(end, {"name": url.database})
        try:
            yield
        finally:
            connection.execute(text(f'alter database "{url.database}" allow_connections true'))
