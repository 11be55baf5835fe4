"""Clips, and a pipeline of which several tests share one worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.pipeline import pipeline_environment
from perf.deploy.servers import Servers
from tests.worker.rig import Rig, make_clip


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second."""
    return make_clip(tmp_path_factory.mktemp("clips") / "short.mp4", 0.5)


@pytest.fixture(scope="session")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds: with the SLOW arguments a task that can be caught in the act."""
    return make_clip(tmp_path_factory.mktemp("clips") / "long.mp4", 2)


@pytest.fixture
def rig(pipeline_env: dict[str, str], tmp_path: Path) -> Iterator[Rig]:
    """A pipeline for one test."""
    rig = Rig(pipeline_env, tmp_path)
    yield rig
    rig.close()


@pytest.fixture(scope="module")
def shared_rig(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A pipeline for the tests of a module."""
    with pipeline_environment(servers, os.environ) as env:
        rig = Rig(env, tmp_path_factory.mktemp("rig"))
        yield rig
        rig.close()
