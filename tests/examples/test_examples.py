"""The examples, as a stranger runs them: the suite installed, in a folder that is not the suite's."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from tests.examples.servers import redis_server
from tests.installing import ROOT, install, run

#: What a busy machine may do to a case; all else is the example's own fault.
BUSY = {"machine was ours", "ratio stood", "injector on time", "decided"}
PYTEST = ("pytest", "-p", "no:cacheprovider", "--max-other-load=99", "--decide-within=1")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the suite installed into it."""
    return install(tmp_path_factory.mktemp("site"))


def copied(example: str, folder: Path) -> Path:
    """The example in a folder of its own."""
    if example == "redis":
        redis_server()
    left = shutil.ignore_patterns("__pycache__", "results")
    return Path(shutil.copytree(ROOT / "examples" / example, folder / example, ignore=left))


def cases_of(folder: Path) -> list[Any]:
    """What was measured there."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("results/*/case_*.json"))]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("example", ["redis", "thumbnails"])
def test_an_example_measures_its_service(example: str, site: Path, tmp_path: Path) -> None:
    folder = copied(example, tmp_path)
    done = run(site, folder, *PYTEST, within_s=200)
    cases = cases_of(folder)
    assert len(cases) == 2, done.stdout + done.stderr
    for case in cases:
        summary, verdict = case["summary"], case["verdict"]
        assert (summary["total"], summary["done"], summary["lost"]) == (16, 16, 0), done.stdout
        assert {each["check"] for each in verdict["problems"]} <= BUSY, done.stdout
        assert (case["ideal"] is None) == (example == "redis")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("fault", ["worker-killed"])
def test_a_bad_day_of_the_thumbnails(fault: str, site: Path, tmp_path: Path) -> None:
    folder = copied("thumbnails", tmp_path)
    done = run(site, folder, *PYTEST, "-m", "faults", "--faults", fault, within_s=200)
    (case,) = cases_of(folder) or [pytest.fail(done.stdout + done.stderr)]
    summary = case["summary"]
    assert summary["done"] == summary["total"] >= 10, done.stdout
    assert (summary["lost"], summary["failed"], summary["done_twice"]) == (0, 0, 0), done.stdout
    assert summary["hits"] >= 1
    assert {fate["endings"] for fate in case["fates"].values()} == {1}  # the trigger saw each of them


@pytest.mark.timeout(240)
def test_a_change_that_makes_the_thumbnails_slower_is_found(site: Path, tmp_path: Path) -> None:
    folder = copied("thumbnails", tmp_path)
    somebody = ("-c", "user.name=n", "-c", "user.email=e@localhost", "-c", "commit.gpgsign=false")
    for words in (["init", "-q"], ["add", "."], [*somebody, "commit", "-q", "-m", "as it was"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    service = folder / "service.py"
    slower = service.read_text().replace("import sys\n", "import sys\nimport time\n")
    slower = slower.replace("    done = ", "    time.sleep(0.5)\n    done = ")
    assert "time.sleep" in slower
    service.write_text(slower)
    done = run(site, folder, *PYTEST, "--against", "HEAD", "--budget", "20", within_s=200)
    (case,) = cases_of(folder) or [pytest.fail(done.stdout + done.stderr)]
    pairs = [each for each in case["pairs"] if each["here"] and each["against"]]
    here_s, there_s = (mean(each[side]["service_s"] for each in pairs) for side in ("here", "against"))
    # The commit's own code was run: a busy machine is slow to both.
    assert here_s > there_s + 0.25, done.stdout
