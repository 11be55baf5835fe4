"""`python -m perf init`: what it writes measures a service such as it takes for granted."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from perf.cli.main import main
from perf.deploy.postgres import PostgresServer
from tests.examples.servers import running_redis
from tests.installing import ROOT, install, run


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the suite installed into it."""
    return install(tmp_path_factory.mktemp("site"))


def test_nothing_is_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    (tmp_path / "perf_tests" / "slos.toml").write_text("ours")
    (tmp_path / "perf_tests" / "adapter.py").unlink()
    assert main(["init"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "perf_tests/slos.toml" in line
    assert "nothing is written over" in line
    assert (tmp_path / "perf_tests" / "slos.toml").read_text() == "ours"
    assert not (tmp_path / "perf_tests" / "adapter.py").exists()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file" / "folder")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_workers_are_those_of_the_folder_that_was_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "load tests"
    assert main(["init", str(folder)]) == 0
    assert '"-A", "load tests.measured"' in (folder / "adapter.py").read_text()
    assert "perf_tests" not in "".join(path.read_text() for path in folder.iterdir())
    assert capsys.readouterr().out.rstrip().endswith(f"then: pytest '{folder}'")


@pytest.mark.parametrize("name", ["perf", "v1.4", "x" * 300])
def test_a_folder_that_no_worker_could_be_started_from_is_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path / name)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [["."], []])
def test_a_run_of_all_the_tests_of_a_project_measures_nothing(
    site: Path, tmp_path: Path, words: list[str]
) -> None:
    assert run(site, tmp_path, "perf", "init").returncode == 0
    (tmp_path / "test_theirs.py").write_text("def test_theirs():\n    pass\n")
    done = run(site, tmp_path, "pytest", "-p", "no:cacheprovider", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_what_is_yet_to_be_filled_in_is_said(site: Path, tmp_path: Path) -> None:
    assert run(site, tmp_path, "perf", "init").returncode == 0
    done = run(site, tmp_path, "pytest", "-p", "no:cacheprovider", "perf_tests")
    assert done.returncode == 1
    assert "set BROKER_URL, or say in adapter.py where it is to be had" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.timeout(180)
def test_the_template_measures_a_service(
    site: Path, tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"jobs-{secrets.token_hex(4)}"
    shutil.copy(ROOT / "tests" / "examples" / "jobs.py", tmp_path)
    assert run(site, tmp_path, "perf", "init").returncode == 0
    (tmp_path / "perf_tests" / "input.bin").write_bytes(bytes(1 << 16))
    try:
        with running_redis(tmp_path) as broker:
            monkeypatch.setenv("BROKER_URL", broker)
            monkeypatch.setenv("DATABASE_URL", postgres.create_database(name).replace("://", "+psycopg2://"))
            subprocess.run([sys.executable, "jobs.py"], cwd=tmp_path, check=True, timeout=60)
            words = ["pytest", "-p", "no:cacheprovider", "--max-other-load=99", "perf_tests"]
            done = run(site, tmp_path, *words, within_s=150)
    finally:
        postgres.drop_database(name)
    cases = [json.loads(path.read_text()) for path in tmp_path.glob("perf_tests/results/*/case_*.json")]
    assert len(cases) == 2, done.stdout + done.stderr
    for case in cases:
        assert case["summary"]["done"] == case["summary"]["total"] >= 16, done.stdout
        found = {each["check"] for each in case["verdict"]["problems"]}
        assert found <= {"machine was ours", "injector on time"}, done.stdout
