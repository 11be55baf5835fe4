"""The hooks by which a conftest.py adds to the suite, without a change in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from perf.deploy.wishes import Wishes
from perf.pipeline import Deployment
from perf.run.kind import Kind


@pytest.hookspec
def pytest_perf_kinds() -> Sequence[Kind[Any, Any]]:
    """Further kinds of case, beside those of perf.run.kinds; asked before options are read."""
    raise NotImplementedError


@pytest.hookspec(firstresult=True)
def pytest_perf_deployment(
    config: pytest.Config, variant: str, shell: Mapping[str, str], folder: Path, wishes: Wishes
) -> AbstractContextManager[Deployment] | None:
    """Where the cases of a variant run; None = not here, ask the next.

    Args:
        config: of this run.
        variant: mocked, local or aws.
        shell: the environment, with what the command line said put in.
        folder: for logs; removed with the run.
        wishes: what the command line asks of it.
    """


@pytest.hookspec(firstresult=True)
def pytest_perf_missing(variant: str, shell: Mapping[str, str], terminal: bool) -> str | None:
    """What a variant lacks to run, a line each, before any load; empty = nothing, None = ask the next.

    Args:
        variant: mocked, local or aws.
        shell: the environment, with what the command line said put in.
        terminal: whether somebody can be asked.
    """
