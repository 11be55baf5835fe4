"""Where the cases run."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from place import deployed

from perf.deploy.deployment import Deployment


def pytest_perf_deployment(variant: str, folder: Path) -> AbstractContextManager[Deployment] | None:
    """On this machine; for `-m aws`, answer with a Deployment of what the environment names."""
    return deployed(folder) if variant == "mocked" else None
