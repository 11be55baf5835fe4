"""The deployments that the suite itself knows: on this machine, or the one that the environment names."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from fixtures.environment import missing_for_aws
from fixtures.video_deployments import local_deployment, remote_deployment
from perf.cases.case import Variant
from perf.deploy.loopback import require_local_shell
from perf.deploy.machine_lock import only_measured_run
from perf.deploy.servers import running_servers
from perf.pipeline import Deployment
from perf.plugin.options import STASHED
from perf.plugin.terminal import line_writer


@pytest.hookimpl(trylast=True)
def pytest_perf_missing(variant: str, shell: Mapping[str, str]) -> str:
    """The variables of an aws run; of others, that nothing leads to another machine."""
    if variant == Variant.AWS:
        return missing_for_aws(shell, terminal=sys.stdin.isatty())
    require_local_shell(os.environ)
    return ""


@pytest.hookimpl(trylast=True)
def pytest_perf_deployment(
    config: pytest.Config, variant: str, shell: Mapping[str, str], folder: Path
) -> AbstractContextManager[Deployment]:
    """The pipeline of app/ and worker/."""
    options = config.stash[STASHED]
    if variant == Variant.AWS:
        within = {"workers_s": given} if (given := options.workers_deadline_s) else {}
        say, here = line_writer(config), sys.stdin.isatty()
        return remote_deployment(shell, say, terminal=here, clip=options.clip, **within)
    return _here(variant, folder, options.clip)


@contextmanager
def _here(variant: str, folder: Path, clip: Path | None) -> Iterator[Deployment]:
    with (
        only_measured_run(),
        running_servers(os.environ, folder) as servers,
        local_deployment(variant, servers, os.environ, folder, clip) as deployment,
    ):
        yield deployment
