"""`pytest -m aws` with PERF_WORKERS=ecs:..., on an API that runs real workers: killed, cleaned up, whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from perf.cli.main import main
from perf.deploy.loopback import applied
from perf.pipeline import Fleet
from tests.fixtures.fleets.process_service import BASE, ProcessService, process_service
from tests.perf.test_aws_run import FOUND, Team, api_url, ended
from tests.worker.rig import eventually

__all__ = ["api_url"]


@pytest.fixture
def team(pipeline_env: dict[str, str], tmp_path: Path) -> Iterator[Team]:
    team = Team(pipeline_env, tmp_path)
    with applied(team.env):
        yield team
        team.pipeline.close()


@pytest.fixture
def service(team: Team) -> Iterator[ProcessService]:
    with process_service(team.env, team.folder / "tasks.txt", FOUND) as (service, url):
        team.env |= {
            "PERF_WORKERS": "ecs:jobs/worker",
            "AWS_ENDPOINT_URL_ECS": url,
            "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING": url,
        }
        eventually(lambda: team.reports(Fleet(1, FOUND)), "the team's worker reports itself")
        try:
            yield service
        finally:
            team.end_runs()


def assert_as_found(service: ProcessService, team: Team) -> None:
    assert (service.primary, service.desired, service.active) == (BASE, 1, {BASE})
    eventually(lambda: team.reports(Fleet(1, FOUND)), "the fleet is as it was found")


@pytest.mark.timeout(600)
def test_a_killed_run_is_cleaned_up_after_and_a_whole_one_puts_the_service_back(
    team: Team, api_url: str, service: ProcessService
) -> None:
    killed = team.run(api_url, "-k", "burst")
    eventually(lambda: service.primary != BASE or killed.poll() is not None, "the rollout has begun", 60)
    killed.kill()
    ended(killed)
    assert service.active == {BASE, service.primary}
    with applied(team.env):
        assert main(["clean", str(team.folder / "results"), "--yes"]) == 0
    assert_as_found(service, team)

    service.asked.clear()
    whole = team.run(api_url, "-k", "burst")
    output = ended(whole)
    assert whole.returncode == 0, output
    assert_as_found(service, team)
    assert service.asked.count("UpdateService") == 1 + 2  # the doctor's, which is refused
    held = [each for each in service.asked if each.startswith("UpdateTaskProtection ")]
    assert "UpdateTaskProtection on" in held
    assert held[-1] == "UpdateTaskProtection off"
