"""A real mocked run in a shell full of somebody's AWS: it stays here, ends green, and leaks nothing."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from perf.deploy.postgres import PostgresServer
from tests.fixtures.observe import marked
from tests.fixtures.suite import ROOT, Ended, SuiteRun, database_url

KEY = "AKIAIOSFODNN7EXAMPLE"  # AWS's own example
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
OTHERS = ("planted-token", "planted-proxy", "planted-database", "planted-api")
SECRETS = (KEY, SECRET, *OTHERS)
ELSEWHERE = "https://aws.example.invalid"

SHELL = {
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_SESSION_TOKEN": "planted-token",
    "AWS_PROFILE": "production",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ENDPOINT_URL": ELSEWHERE,
    "AWS_ENDPOINT_URL_SQS": ELSEWHERE,
    "AWS_ENDPOINT_URL_S3": ELSEWHERE,
    "AWS_S3_BUCKET": "production",
    "SQS_QUEUE_NAME": "production",
    "STORAGE_BACKEND": "local",
    "S3_DELETE_ORIGINAL": "true",
    "API_TOKEN": "planted-api",
    "PGPASSWORD": "planted-database",
    "PGHOST": "db.example.invalid",
    "HTTP_PROXY": "http://user:planted-proxy@127.0.0.1:9",
    "https_proxy": "http://user:planted-proxy@127.0.0.1:9",
}


@pytest.fixture(scope="module")
def run(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> SuiteRun:
    folder = tmp_path_factory.mktemp("guarded")
    profile = folder / ".aws"
    profile.mkdir()
    lines = f"aws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\nendpoint_url = {ELSEWHERE}\n"
    (profile / "credentials").write_text(f"[default]\n{lines}[production]\n{lines}")
    (profile / "config").write_text(f"[default]\n{lines}[profile production]\n{lines}")
    files = {
        "HOME": str(folder),
        "AWS_CONFIG_FILE": str(profile / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(profile / "credentials"),
    }
    return SuiteRun(folder, postgres, "--count=4", f"--junitxml={folder / 'junit.xml'}", **SHELL, **files)


@pytest.fixture(scope="module")
def ended(run: SuiteRun) -> Iterator[Ended]:
    ended = run.end()
    assert ended.code == 0, ended.output
    yield ended
    assert not marked(run.mark)


def test_the_run_is_green_and_prints_its_table(ended: Ended) -> None:
    assert "perf: 1 measured case(s), results in" in ended.output
    table = ended.output.partition("= performance cases =")[2]
    row = next(line.split() for line in table.splitlines() if line.startswith("mocked-50MB-c1-burst "))
    assert row[1:3] == ["4", "4"]
    assert row[-1] == "PASS"
    assert "50MB stands for: 1.0 MB, 2 s" in ended.output


@pytest.mark.parametrize("part", ["perf.deploy.moto_server", "-m app ", "-m worker"])
def test_every_process_has_dummies_and_loopback_only(part: str, ended: Ended) -> None:
    environs = [environ for command, environ in ended.environs.items() if part in command]
    assert environs
    for environ in environs:
        held = dict(item.partition("=")[::2] for item in environ)
        assert held["AWS_ACCESS_KEY_ID"] == held["AWS_SECRET_ACCESS_KEY"] == "testing"
        assert held["AWS_CONFIG_FILE"] == held["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
        addresses = [value for value in held.values() if "://" in value]
        assert len(addresses) >= 3
        assert {urlsplit(address).hostname for address in addresses} == {"127.0.0.1"}
        assert not [item for item in environ for secret in SECRETS if secret in item]
        assert not held.keys() & {"AWS_PROFILE", "AWS_SESSION_TOKEN", "API_TOKEN", "PGPASSWORD", "PGHOST"}


def test_nobody_gets_the_secrets(run: SuiteRun, ended: Ended, postgres: PostgresServer) -> None:
    password = urlsplit(database_url(postgres)).password
    assert password
    assert not [secret for secret in (*SECRETS, password) if secret in ended.output]
    files = [path for path in run.folder.rglob("*") if path.is_file() and ".aws" not in path.parts]
    assert len(files) >= 6
    leaks = [(p, s) for p in files for s in (*SECRETS, password) if s.encode() in p.read_bytes()]
    assert not leaks


def test_all_artifacts_are_there(run: SuiteRun, ended: Ended) -> None:
    (log,) = run.files("worker_tasks_mocked-50MB-c1-burst.log")
    tasks = [json.loads(line) for line in log.read_text().splitlines()]
    assert len({task["task_id"] for task in tasks}) == 4
    assert all(task["scheduled_s"] <= task["sent_s"] for task in tasks)
    (metrics,) = run.files("metrics_mocked-50MB-c1-burst.csv")
    values = {row["metric"]: row["value"] for row in csv.DictReader(metrics.read_text().splitlines())}
    assert (values["total"], values["done"], values["verdict"]) == ("4", "4", "PASS")
    (document,) = run.files("case_mocked-50MB-c1-burst.json")
    assert json.loads(document.read_text())["verdict"]
    (table,) = run.files("scenario2_consolidated.csv")
    (row,) = csv.DictReader(table.read_text().splitlines())
    assert row["case"] == "mocked-50MB-c1-burst"


def test_allure_gets_title_steps_and_attachments(run: SuiteRun, ended: Ended) -> None:
    (result,) = (json.loads(path.read_text()) for path in (run.folder / "allure").glob("*-result.json"))
    assert result["name"] == "50 MB, concurrency 1, burst (mocked)"
    assert result["status"] == "passed"
    steps = [step["name"] for step in result["steps"]]
    assert [step for step in ("deploy", "calibrate", "inject", "drain", "judge") if step not in steps] == []
    attached = {each["name"]: run.folder / "allure" / each["source"] for each in result["attachments"]}
    assert "outstanding == 0" in attached["verdict: PASS"].read_text()
    assert {"metrics_mocked-50MB-c1-burst.csv", "case_mocked-50MB-c1-burst.json"} < attached.keys()


def test_junit_has_the_verdict(run: SuiteRun, ended: Ended) -> None:
    assert '<property name="verdict" value="PASS"' in (run.folder / "junit.xml").read_text()


def test_a_database_elsewhere_ends_the_run_in_one_line(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "perf/", "-q", "-p", "no:cacheprovider",
         "-p", "no:hypothesispytest", f"--results={tmp_path}"],
        cwd=ROOT, env=env | {"DATABASE_URL": "postgresql://u:planted@db.example.com/x"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 4
    (line,) = run.stderr.strip().splitlines()
    assert line.startswith(
        "ERROR: DATABASE_URL would reach db.example.com, but mocked and local cases stay on"
    )
    assert "Traceback" not in run.stdout + run.stderr
    assert "planted" not in run.stdout + run.stderr
    assert not list(tmp_path.iterdir())  # ended before the first case
