"""Both images, built from the Containerfile and run as they are: `pytest -m images tests/deploy`."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.model import Status
from fixtures.api import is_healthy
from perf.deploy.processes import LOOPBACK, ManagedProcess, free_port
from perf.deploy.workdir import temporary_folder
from tests.deploy.images import Images, inside, lacking
from tests.worker.rig import SLOW, Rig, eventually, make_clip

USER = 10001

pytestmark = [
    pytest.mark.images,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(lacking()), reason=lacking() or "-"),
]


@pytest.fixture(scope="module")
def images() -> Iterator[Images]:
    with temporary_folder("images") as folder:
        images = Images(folder)
        images.prepare()
        yield images


@pytest.fixture
def rig(pipeline_env: dict[str, str], tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(pipeline_env, tmp_path)
    yield rig
    rig.close()


def named(env: dict[str, str]) -> dict[str, str]:
    """Of an environment, what names the pipeline; the rest is the image's own business."""
    return {
        name: value
        for name, value in env.items()
        if name.startswith(("AWS_", "SQS_", "FFMPEG_", "WORKER_")) or name in ("DATABASE_URL", "NO_PROXY")
    }


@contextmanager
def running(argv: list[str], log: Path, ready: Callable[[int], bool]) -> Iterator[ManagedProcess]:
    """A container; *ready* is given the id of the process that keeps it."""
    outer = ManagedProcess(
        "container", argv, env=dict(os.environ), log=log, ready=lambda: ready(outer.pid), start_deadline_s=120
    )
    with outer:
        yield outer


def code(container: ManagedProcess) -> int | None:
    """The exit code of a container that was told to end."""
    eventually(lambda: not container.alive, "the container ends")
    return container._returncode()


def test_the_web_tier_answers_and_stops(images: Images, rig: Rig, tmp_path: Path) -> None:
    image, port = images.build("app"), free_port()
    config = images.config(image)
    assert config["Cmd"] == ["python", "-m", "app", "--host", "0.0.0.0"]
    assert (config["User"], config["StopSignal"]) == (f"{USER}:{USER}", "SIGTERM")
    assert list(config["ExposedPorts"]) == ["8000/tcp"]
    # The host's network is the container's here, and its port 8000 may be somebody's.
    command = [*config["Cmd"], "--port", str(port)]
    check = [word.replace("8000", str(port)) for word in config["Healthcheck"]["Test"][1:]]
    argv = images.run(image, named(rig.env), command)
    with running(argv, tmp_path / "app.txt", lambda _: is_healthy(f"http://{LOOPBACK}:{port}")) as container:
        assert images.code(image, {}, check) == 0
        served = inside(container.pid)
        assert served.uids().real == USER
        served.send_signal(signal.SIGTERM)
        code(container)  # uvicorn ends by the signal it was told
    assert "Application shutdown complete" in (tmp_path / "app.txt").read_text()
    assert images.code(image, {}, check) != 0


def test_the_worker_works_and_stops_warm(images: Images, rig: Rig, tmp_path: Path) -> None:
    image = images.build("worker")
    config = images.config(image)
    command, check = config["Cmd"], config["Healthcheck"]["Test"]
    assert command == ["python", "-m", "worker"]
    assert check == ["CMD", "python", "-m", "worker.health"]
    env = named(rig.env | SLOW)

    def reports(outer_pid: int) -> bool:
        return rig.worker_row(inside(outer_pid).pid) is not None

    with running(images.run(image, env, command), tmp_path / "worker.txt", reports) as container:
        assert images.code(image, env, check[1:]) == 0
        video = rig.submit(make_clip(tmp_path / "clip.mp4", 5))
        rig.wait_for(video, Status.PROCESSING)
        inside(container.pid).send_signal(signal.SIGTERM)
        assert code(container) == 0
    assert rig.video(video).status == Status.DONE
    assert rig.messages() == (0, 0)
    assert images.code(image, env, ["python", "-m", "worker.sweep"]) == 0
