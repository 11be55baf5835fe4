"""What a checkout says of the packages it needs, in the forms that teams have."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from perf.deploy.environments import packages_of, python_for
from perf.deploy.requirements import installed, outgrown, pins, wanted

LOCK = """
version = 1
[[package]]
name = "ours"
version = "0.1"
source = { virtual = "." }
[[package]]
name = "kombu"
version = "5.7.0"
source = { registry = "https://pypi.org/simple" }
"""


def write(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def test_requirements_are_read_with_those_they_name_and_without_hashes(tmp_path: Path) -> None:
    write(tmp_path, base_txt="boto3>=1.36\n")
    text = "-r base.txt\ncelery==5.7.0 \\\n    --hash=sha256:abc\nkombu[sqs]>=5  # why\n-e .\n"
    write(tmp_path, requirements_txt=text)
    assert wanted(tmp_path) == ["boto3>=1.36", "celery==5.7.0", "kombu[sqs]>=5"]


def test_a_project_says_what_it_needs_and_its_lock_in_which_versions(tmp_path: Path) -> None:
    write(tmp_path, uv_lock=LOCK)
    assert wanted(tmp_path) == pins(tmp_path) == ["kombu==5.7.0"]
    write(tmp_path, pyproject_toml='[project]\nname = "ours"\ndependencies = ["kombu>=5"]\n')
    assert (wanted(tmp_path), pins(tmp_path)) == (["kombu>=5"], ["kombu==5.7.0"])


def test_where_nothing_is_said_or_the_same_this_environment_does(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    assert wanted(here) is None
    assert python_for(there, (), here) == Path(sys.executable)
    write(here, requirements_txt="celery\nkombu\n")
    write(there, requirements_txt="kombu\n")
    assert python_for(there, (), here) == Path(sys.executable)


@pytest.mark.parametrize(
    ("file", "text"),
    [("requirements_txt", "kombu==5.6.2\n"), ("uv_lock", LOCK.replace("5.7.0", "5.6.2"))],
)
def test_other_requirements_have_an_environment_of_their_own(
    file: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    write(here, **{file: text.replace("5.6.2", "5.7.0")})
    write(there, **{file: text})
    made: list[tuple[str, str]] = []
    monkeypatch.setenv("PERF_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("perf.deploy.environments._make", lambda _, *texts: made.append(texts))
    python = python_for(there, (), here)
    assert python.is_relative_to(tmp_path / "cache")
    ((requirements, constraints),) = made
    assert requirements == "kombu==5.6.2\n"
    assert "kombu==5.7.0" not in constraints
    assert "celery==" not in constraints  # that of here does not take it; the lock names none


def test_what_is_outgrown_leaves_what_it_needs_free_as_well() -> None:
    assert outgrown([f"kombu=={version('kombu')}"]) == set()
    assert outgrown(["kombu==0.1"]) >= {"kombu", "vine"}
    assert "celery" not in outgrown(["kombu==0.1"])


def test_what_is_installed_from_a_folder_is_on_no_index_and_not_asked_for() -> None:
    assert f"kombu=={version('kombu')}" in installed()
    assert packages_of(Path(sys.executable))["kombu"] == version("kombu")
