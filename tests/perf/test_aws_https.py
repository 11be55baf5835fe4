"""`pytest -m aws` where all parts are behind https, with certificates that a CA of the team's own signed."""

from __future__ import annotations

import os
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from app.aws import ca_bundle
from fixtures.api import is_healthy
from fixtures.pipeline import pipeline_environment
from perf.deploy.loopback import applied
from perf.deploy.moto import MotoServer
from perf.deploy.processes import LOOPBACK, ManagedProcess, free_port
from perf.deploy.servers import Servers
from perf.pipeline import Fleet
from tests.perf import scale_workers
from tests.perf.test_aws_run import FOUND, Team, ended
from tests.worker.rig import eventually


class TlsMoto(MotoServer):
    """One that speaks https."""

    def __init__(self, service: str, folder: Path, pem: Path) -> None:
        super().__init__(service, folder)
        self._process.argv += ["--ssl", "--ssl-cert", str(pem), "--ssl-key", str(pem)]

    @property
    def url(self) -> str:
        return f"https://{LOOPBACK}:{self.port}"


def tls_api(env: dict[str, str], pem: Path, folder: Path) -> tuple[str, ManagedProcess]:
    url = f"https://{LOOPBACK}:{(port := free_port())}"
    words = ["uvicorn", "app.main:create_app", "--factory", "--host", LOOPBACK, "--port", str(port)]
    tls = ["--ssl-certfile", str(pem), "--ssl-keyfile", str(pem), "--log-level", "warning"]
    process = ManagedProcess(
        "the API", [sys.executable, "-m", *words, *tls], env=env, log=folder / "api.txt",
        ready=lambda: is_healthy(url),
    )  # fmt: skip
    return url, process


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The key and certificate of every server here, and a shell that trusts who signed it."""
    authority, pem = tmp_path / "ca.pem", tmp_path / "server.pem"
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(authority))
    ca.issue_cert(LOOPBACK).private_key_and_cert_chain_pem.write_to_path(str(pem))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    # From Python 3.12 on the opener of this process trusts whom it did when it was made, by another test.
    monkeypatch.setattr(urllib.request, "_opener", None)
    # An environment that is made here has no variable of AWS's from the shell; the team's has its own.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    return pem


@pytest.fixture
def https_servers(servers: Servers, trusted: Path, tmp_path: Path) -> Iterator[Servers]:
    with ExitStack() as stack:
        moto = {service: TlsMoto(service, tmp_path, trusted).start() for service in ("sqs", "s3")}
        for server in moto.values():
            stack.callback(server.stop)
        yield Servers(servers.postgres, **moto)


@pytest.mark.timeout(600)
def test_a_run_over_https(https_servers: Servers, trusted: Path, tmp_path: Path) -> None:
    with pipeline_environment(https_servers, os.environ) as env:
        env["AWS_CA_BUNDLE"] = env.pop("REQUESTS_CA_BUNDLE")
        with applied(env):
            _runs(env, trusted, tmp_path)


def _runs(env: dict[str, str], pem: Path, tmp_path: Path) -> None:
    team = Team(env, tmp_path)
    url, api = tls_api(team.env, pem, tmp_path)
    try:
        team.scale(FOUND)
        eventually(lambda: team.reports(Fleet(1, FOUND)), "the team's worker reports itself")
        with api:
            process = team.run(url, "-k", "burst or web-smoke")
            output = ended(process)
        assert process.returncode == 0, output
        assert "2 passed" in output
        assert team.calls() == [0, 1, FOUND]
        assert team.left() == (set(), set())
    finally:
        team.end_runs()
        scale_workers.stop(tmp_path)
        team.pipeline.close()


def test_whom_boto3_trusts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    profile = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(profile))
    assert ca_bundle() is None
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/of/requests.pem")
    assert ca_bundle() == "/of/requests.pem"
    profile.write_text("[default]\nca_bundle = /of/the/profile.pem\n")
    assert ca_bundle() == "/of/the/profile.pem"
    monkeypatch.setenv("AWS_CA_BUNDLE", "/of/the/shell.pem")
    assert ca_bundle() == "/of/the/shell.pem"
