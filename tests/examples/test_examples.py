"""The examples, as a stranger runs them: the suite installed, in a folder that is not the suite's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.examples.servers import redis_server
from tests.installing import ROOT, install, run

#: What a busy machine may do to a case; all else is the example's own fault.
BUSY = {"machine was ours", "ratio stood", "injector on time", "decided"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the suite installed into it."""
    return install(tmp_path_factory.mktemp("site"))


@pytest.mark.timeout(240)
@pytest.mark.parametrize("example", ["redis", "thumbnails"])
def test_an_example_measures_its_service(example: str, site: Path, tmp_path: Path) -> None:
    if example == "redis":
        redis_server()
    folder = tmp_path / example
    shutil.copytree(
        ROOT / "examples" / example, folder, ignore=shutil.ignore_patterns("__pycache__", "results")
    )
    words = ["pytest", "-p", "no:cacheprovider", "--max-other-load=99", "--decide-within=1"]
    done = run(site, folder, *words, within_s=200)
    cases = [json.loads(path.read_text()) for path in sorted(folder.glob("results/*/case_*.json"))]
    assert len(cases) == 2, done.stdout + done.stderr
    for case in cases:
        summary, verdict = case["summary"], case["verdict"]
        assert (summary["total"], summary["done"], summary["lost"]) == (16, 16, 0), done.stdout
        assert {each["check"] for each in verdict["problems"]} <= BUSY, done.stdout
        assert (case["ideal"] is None) == (example == "redis")
