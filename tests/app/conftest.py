"""One app over a fresh pipeline, and one as a real process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from app import health
from app.main import make_app
from app.settings import Settings
from fixtures.api import ApiServer
from perf.deploy.processes import ManagedProcess


@pytest.fixture(autouse=True)
def _patient_health(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is not an unhealthy part; tests of the timeout set their own."""
    monkeypatch.setattr(health, "PART_TIMEOUT_S", 30.0)


@pytest.fixture
def settings(pipeline_env: dict[str, str]) -> Settings:
    return Settings(max_upload_bytes=200_000)


@pytest.fixture
def api(settings: Settings) -> FastAPI:
    return make_app(settings)


@pytest.fixture
def client(api: FastAPI) -> Iterator[TestClient]:
    with TestClient(api) as client:
        yield client


@pytest.fixture
def engine(api: FastAPI) -> Engine:
    engine: Engine = api.state.services.engine
    return engine


@pytest.fixture
def server(pipeline_env: dict[str, str], tmp_path: Path) -> Iterator[tuple[str, ManagedProcess]]:
    server = ApiServer(pipeline_env, tmp_path)
    with server.process:
        yield server.url, server.process
