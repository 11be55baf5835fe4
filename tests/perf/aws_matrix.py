# ruff: noqa: T201
"""The complete `-m aws` matrix against a deployment that is put up apart from it, over https.

    python -m tests.perf.aws_matrix [OPTIONS OF PYTEST]

PostgreSQL, the endpoints of SQS and S3, the API and the team's worker are processes of their own, and each is
reached through the environment alone: what is behind an endpoint the run cannot know. Certificates are signed
by a CA that only `AWS_CA_BUNDLE` and `SSL_CERT_FILE` name. Without options: two sizes of small clips,
concurrency 1, 2 and 4, one node and two, burst and sustained, and of the web tier the smoke, as fifty users
want more than a machine that they share with everything else. Afterwards it says what was left: rows,
objects, messages, and the fleet, which was one worker of 2. Its last output: data/aws_matrix.txt.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import trustme

from fixtures.pipeline import pipeline_environment
from fixtures.video_deployments import STAND_IN_ARGS
from perf.deploy.cache import cache_folder
from perf.deploy.fleet import fleet_of
from perf.deploy.loopback import applied
from perf.deploy.postgres import PostgresServer
from perf.deploy.processes import LOOPBACK
from perf.deploy.servers import Servers
from perf.deploy.waiting import until
from perf.deploy.workdir import temporary_folder
from perf.pipeline import Fleet
from tests.perf import scale_workers
from tests.perf.test_aws_https import TlsMoto, tls_api
from tests.perf.test_aws_run import FOUND, ROOT, Team

MATRIX = ("--sizes=2,4", "--concurrency=1,2,4", "--nodes=1,2", "--count=16", "-k=not web or smoke")
DEADLINE_S = 3600.0


def certificates(folder: Path) -> tuple[Path, Path]:
    """Whom to trust, and what the servers show."""
    authority, pem = folder / "ca.pem", folder / "server.pem"
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(authority))
    ca.issue_cert(LOOPBACK).private_key_and_cert_chain_pem.write_to_path(str(pem))
    return authority, pem


def main(options: list[str]) -> int:
    """See the head of this file; pytest's exit status."""
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_folder("aws-matrix"))
        authority, pem = certificates(folder)
        trust = {"AWS_CA_BUNDLE": str(authority), "SSL_CERT_FILE": str(authority)}
        # The environment that is made for the pipeline takes no variable of AWS's from the shell.
        shell = {**os.environ, **trust, "REQUESTS_CA_BUNDLE": str(authority)}
        stack.enter_context(applied(shell))
        postgres = PostgresServer().start()
        stack.callback(postgres.stop)
        moto = {service: TlsMoto(service, folder, pem).start() for service in ("sqs", "s3")}
        for server in moto.values():
            stack.callback(server.stop)
        env = stack.enter_context(pipeline_environment(Servers(postgres, **moto), shell))
        env |= trust | STAND_IN_ARGS
        stack.enter_context(applied(env))
        return _against(env, pem, folder, options)


def _against(env: dict[str, str], pem: Path, folder: Path, options: list[str]) -> int:
    team = Team(env, folder)
    team.command = f"{sys.executable} -m tests.perf.scale_workers {folder} {{per_node}} {{nodes}}"
    url, api = tls_api(team.env, pem, folder)
    try:
        subprocess.run([*team.command.split()[:4], str(FOUND)], env=team.env, cwd=ROOT, check=True)
        until(lambda: team.reports(Fleet(1, FOUND)), 60, 0.5)
        began_s = time.monotonic()
        with api:
            status = _pytest(team, url, options)
        took_s = time.monotonic() - began_s
        until(lambda: team.reports(Fleet(1, FOUND)), 60, 0.5)
        rows, objects = team.left()
        print(f"exit status {status} after {took_s:.0f} s")
        print(
            f"left: {len(rows)} rows, {len(objects)} objects, {team.pipeline.queue.depth()} messages; "
            f"the fleet is {fleet_of(team.pipeline.workers())}"
        )
        return status
    finally:
        scale_workers.stop(folder)
        team.pipeline.close()


def _pytest(team: Team, url: str, options: list[str]) -> int:
    own = {"PERF_API_URL": url, "PERF_WORKER_COMMAND": team.command, "PERF_CACHE_DIR": str(cache_folder())}
    words = [sys.executable, "-m", "pytest", "-m", "aws", "perf/", *(options or MATRIX)]
    done = subprocess.run(
        words, cwd=ROOT, env=team.env | own, stdin=subprocess.DEVNULL, timeout=DEADLINE_S, check=False
    )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
