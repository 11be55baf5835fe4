"""The suite as a package: one import name, silent where nobody asks for it, no option that collides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.installing import install, run

#: Another plugin with flags of ours, as pytest-repeat and Locust's have them.
LIKE_REPEAT = """
def pytest_addoption(parser):
    parser.getgroup("another").addoption("--count", default=1)
"""
ANSWERS = """
pytest_plugins = ["like_repeat"]

def pytest_perf_deployment():
    return None
"""
#: A test with a parameter that is called as those of our cases are, and fixtures named as pytest-celery's.
THEIRS = """
import sys
import pytest

@pytest.fixture
def celery_worker():
    return "theirs"

@pytest.fixture
def fault_case():
    return "theirs"

@pytest.mark.parametrize("case", [1, 2])
def test_of_theirs(case, fault_case, celery_worker):
    assert celery_worker == "theirs"

def test_what_was_imported():
    assert ("perf.plugin.collection" in sys.modules) == {active}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the suite installed into it."""
    return install(tmp_path_factory.mktemp("site"))


def test_it_is_one_package_and_what_it_reads(site: Path) -> None:
    there = {path.name for path in site.iterdir() if not path.name.endswith(".dist-info")}
    assert there == {"perf"}
    assert {path.name for path in site.rglob("*.toml")} >= {"slos.toml", "endpoints.toml", "prices.toml"}
    assert not list(site.rglob("test_*.py"))


def test_in_a_suite_that_does_not_ask_it_is_silent(site: Path, tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(THEIRS.format(active=False))
    done = run(site, tmp_path, "pytest", "-q")
    assert "3 passed" in done.stdout, done.stdout
    assert "perf" not in done.stdout
    assert "performance cases" not in run(site, tmp_path, "pytest", "--help").stdout
    assert not (tmp_path / "results").exists()


def test_no_option_collides_and_no_name_of_theirs_is_taken(site: Path, tmp_path: Path) -> None:
    (tmp_path / "like_repeat.py").write_text(LIKE_REPEAT)
    (tmp_path / "conftest.py").write_text(ANSWERS)
    (tmp_path / "test_theirs.py").write_text(THEIRS.format(active=True))
    told = run(site, tmp_path, "pytest", "--help").stdout
    assert re.search(r"--host\b.*-H\b", told)  # Locust's own plugin
    assert "--perf-count=COUNT" in told
    assert "--api-url=API-URL" in told
    done = run(site, tmp_path, "pytest", "-q", "--count", "3")
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_the_plugin_named_by_a_conftest_as_well_is_there_once(site: Path, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["perf.plugin"]\n\n' + ANSWERS.split("\n\n")[1])
    (tmp_path / "test_theirs.py").write_text(THEIRS.format(active=True))
    done = run(site, tmp_path, "pytest", "-q")
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_its_stages_by_hand_need_no_pipeline_of_ours(site: Path, tmp_path: Path) -> None:
    told = run(site, tmp_path, "perf", "--help")
    assert "report " in told.stdout
    assert "doctor" not in told.stdout
    refused = run(site, tmp_path, "perf", "doctor")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
