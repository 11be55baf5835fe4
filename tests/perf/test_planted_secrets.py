"""Runs of `pytest -m aws` that fail, each in its way, and leave no planted secret in anything they write."""

from __future__ import annotations

import os
import signal

import pytest

from perf.deploy.loopback import NOWHERE
from perf.pipeline import Fleet
from tests.fixtures.refusing import api_that_answers, refusing
from tests.perf.planted import PASSWORD, SIGNED, leaks, url_of, written
from tests.perf.test_aws_refused import user
from tests.perf.test_aws_run import Team, api_url, ended, start_loading, team
from tests.worker.rig import eventually

__all__ = ["api_url", "team", "user"]

#: Its own words are its environment, as they are and in base64: what the suite says of it are the last lines.
TALKATIVE = (
    """sh -c 'env >&2; env | base64 -w 0 >&2; echo >&2; env | grep plant[e]d >&2; exit 3' {concurrency}"""
)


def options(team: Team, which: str) -> tuple[str, ...]:
    """All that a run can be asked to write."""
    reports = (f"--alluredir={team.folder / 'allure'}", f"--junitxml={team.folder / 'junit.xml'}")
    return ("-v", "-k", which, *reports, f"--history={team.folder / 'history.jsonl'}")


def found_in(team: Team, output: str) -> list[str]:
    assert (team.folder / "junit.xml").is_file(), output  # there is something to search
    return leaks(written(team.folder, output))


@pytest.mark.timeout(600)
def test_what_is_refused_tells_none(team: Team, api_url: str, user: dict[str, str]) -> None:
    sqs, well = team.env["AWS_ENDPOINT_URL_SQS"], team.env | user
    wrong = url_of(team.pipeline.engine.url, password=PASSWORD)
    with (
        refusing(sqs, {"": "InvalidClientTokenId"}) as stranger,
        api_that_answers((200, f'{{"key": "{user["AWS_SESSION_TOKEN"]}"}}')) as other,
    ):
        # Parts are looked at side by side, so that one run tells of several: a line for each.
        runs: dict[str, tuple[dict[str, str], str, tuple[str, ...]]] = {
            "credentials, bucket, database, api": (
                {"AWS_ENDPOINT_URL_SQS": stranger, "AWS_S3_BUCKET": "nosuch", "DATABASE_URL": wrong},
                NOWHERE + SIGNED,
                ("AWS_ACCESS_KEY_ID", "create the bucket", "password authentication", "start the API"),
            ),
            "region, endpoint, another service": (
                {"AWS_REGION": "eu-west-3", "AWS_ENDPOINT_URL_S3": NOWHERE + SIGNED},
                other,
                ("correct SQS_QUEUE_NAME or AWS_REGION", "was not a valid URI", "is no health of this API"),
            ),
            "queue": ({"SQS_QUEUE_NAME": "nosuch"}, api_url, ("create the queue",)),
        }
        for broken, (env, url, said) in runs.items():
            team.env = well | env
            process = team.run(url, *options(team, "burst or web-smoke"))
            output = ended(process)
            assert process.returncode == 1, (broken, output)
            assert [each for each in said if each not in output] == [], (broken, output)
            assert (broken, found_in(team, output)) == (broken, [])
    assert team.calls() == []


@pytest.mark.timeout(600)
def test_what_breaks_amid_a_run_tells_none(team: Team, api_url: str, user: dict[str, str]) -> None:
    team.env |= user
    process, _ = start_loading(team, api_url, *options(team, "web-stable"))
    process.send_signal(signal.SIGINT)
    output = ended(process)
    assert process.returncode == pytest.ExitCode.INTERRUPTED, output
    assert found_in(team, output) == []

    process = team.run(api_url, *options(team, "burst"), "--deadline=5")
    eventually(lambda: process.poll() is not None or team.reports(Fleet(1, 1)), "the case has its worker")
    kill_worker(team)
    output = ended(process)
    assert process.returncode not in (0, pytest.ExitCode.INTERRUPTED), output
    assert found_in(team, output) == []

    team.command = TALKATIVE  # the last: a fleet that could not be put back stays noted
    process = team.run(api_url, *options(team, "burst or web-smoke"))
    output = ended(process)
    assert process.returncode == 1, output
    assert "ended with 3: " in output
    assert "***" in output  # it did say some
    assert found_in(team, output) == []


def kill_worker(team: Team) -> None:
    os.killpg(int((team.folder / "pid").read_text()), signal.SIGKILL)
