"""`pytest -m aws` ended by a signal at six points: rows, objects, messages and fleet are as they were.

Some five minutes, so it is not collected by itself: `pytest -n 2 tests/perf/killed.py`. After SIGKILL, which
leaves nobody to clean up, `python -m perf clean --yes` does.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from perf.deploy.loopback import applied
from perf.pipeline import Fleet
from tests.fixtures.test_deployment_lock import held_by
from tests.perf.test_aws_run import FOUND, Team, api_url, clean, ended, settled, team
from tests.worker.rig import eventually

__all__ = ["api_url", "team"]  # fixtures, found by their names here
WITHIN_S = 90.0


@dataclass(frozen=True)
class Point:
    """When a run is struck.

    Attributes:
        options: of the run.
        reached: whether it has come there.
        heard: whether a signal that can be heard ends it.
    """

    options: tuple[str, ...]
    reached: Callable[[Team], bool]
    heard: bool = True


def rows(team: Team) -> int:
    return len(team.left()[0])


BURST = ("-k", "burst", "--count=12")
POINTS = {
    "clip uploaded": Point(BURST, lambda team: bool(team.left()[1])),
    "fleet being set": Point(BURST, lambda team: bool(team.calls())),
    "injecting": Point(("-k", "sustained", "--rate=60", "--count=30"), lambda team: rows(team) >= 4),
    "draining": Point(BURST, lambda team: rows(team) >= 12),
    "web load": Point(("-k", "web-stable", "--web-rate=20"), lambda team: rows(team) > 4),
    "fleet being put back": Point(BURST, lambda team: team.calls()[1:2] == [FOUND], heard=False),
}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_deployment_is_as_it_was(
    number: signal.Signals, point: Point, team: Team, api_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    process = team.run(api_url, *point.options)
    eventually(lambda: point.reached(team) or process.poll() is not None, "the point is reached", WITHIN_S)
    assert process.poll() is None, ended(process)
    hers = team.stranger()
    process.send_signal(number)
    output = ended(process)
    if number is signal.SIGKILL:
        put_in_order(team)
    else:
        ended_with = pytest.ExitCode.INTERRUPTED if point.heard else pytest.ExitCode.OK
        assert process.returncode == ended_with, output
        assert ("is not heard while the fleet is being put back" in output) is not point.heard
        assert "Traceback" not in output
    eventually(lambda: team.reports(Fleet(1, FOUND)), "the fleet is as it was found")
    eventually(lambda: team.pipeline.finished(list(hers[0])) == (0, 1), "her message has stayed")
    eventually(lambda: team.pipeline.queue.depth() == 0, "no other message has")
    assert team.left() == hers
    capsys.readouterr()
    assert clean(team) == 0
    assert capsys.readouterr().out == "nothing is left\n"


def put_in_order(team: Team) -> None:
    """What one does after `kill -9`."""
    eventually(lambda: settled(team), "what was under way has ended")
    eventually(lambda: not held_by(team.pipeline), "its lock is gone")
    with applied(team.env | {"PERF_WORKER_COMMAND": team.command}):
        assert clean(team, "--yes") == 0
