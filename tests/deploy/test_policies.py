"""The policies of deploy/ allow what API, worker and suite really call, and nothing that they do not."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.session import Session

from fixtures.api import ApiServer
from fixtures.pipeline import pipeline_environment
from perf.deploy.loopback import applied
from perf.deploy.postgres import PostgresServer
from perf.deploy.processes import LOOPBACK, ROOT, ManagedProcess, free_port, listens
from perf.deploy.remedies import remedy
from perf.deploy.servers import Servers
from tests.deploy.iam import actions, policy, read_log
from tests.perf import scale_workers
from tests.perf.test_aws_run import Team, ended
from tests.worker.rig import QUICK, eventually, make_clip

#: Of a pipeline on this machine; its name ends in eight random digits.
NAMES = {
    "DEAD_QUEUE": "video-perf-????????-dead",
    "QUEUE": "video-perf-????????",
    "BUCKET": "video-perf-????????",
    "REGION": "us-east-1",
    "ACCOUNT": "123456789012",
}
#: What a sound run does not call, and why it is allowed all the same.
SPARE = {
    "api": {
        "s3:DeleteObject": "a video that could not be sent is not kept",
        "s3:AbortMultipartUpload": "nor are the parts of one that was cut off",
    },
    "worker": {
        "sqs:ChangeMessageVisibility": "a task that failed, or is at work for long, is given another time",
        "sqs:SendMessage": "worker.sweep sends again what has lost its message",
        "s3:DeleteObject": "S3_DELETE_ORIGINAL=true",
        "s3:AbortMultipartUpload": "parts of a result that could not be stored",
        "s3:ListBucket": "what is not there is 404, and not 403",
        "ecs:UpdateTaskProtection": "on ECS alone",
        "ecs:GetTaskProtection": "on ECS alone: its agent asks for both",
    },
    "suite": {
        "sqs:ChangeMessageVisibility": "messages of others are visible again at once",
        "s3:AbortMultipartUpload": "parts of a clip that could not be placed",
    },
}
#: What the suite calls beside the deployment's own queue and bucket: by the fleet's control, and CloudWatch.
SERVICES = ("ecs", "ssm", "autoscaling", "application-autoscaling", "cloudwatch")


@dataclass(frozen=True)
class Guarded:
    """moto behind the policies, and what it was asked."""

    url: str
    log: Path


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    port, found = free_port(), {name: policy(name, NAMES) for name in SPARE}
    (tmp_path / "policies.json").write_text(json.dumps(found))
    log = tmp_path / "calls.jsonl"
    argv = [sys.executable, "-m", "tests.deploy.guarded_moto", str(port)]
    process = ManagedProcess(
        "moto behind policies",
        [*argv, str(tmp_path / "policies.json"), str(log)],
        env=dict(os.environ),
        log=tmp_path / "moto.txt",
        ready=lambda: listens(process.pid, port),
    )
    with process:
        yield Guarded(f"http://{LOOPBACK}:{port}", log)


@pytest.mark.timeout(240)
def test_a_run_needs_what_the_policies_allow(
    guarded: Guarded, postgres: PostgresServer, tmp_path: Path
) -> None:
    servers = Servers(postgres, guarded, guarded)  # type: ignore[arg-type]
    with pipeline_environment(servers, os.environ) as env, applied(env | QUICK):
        team = Team(env | QUICK, tmp_path)
        team.command = f"env AWS_ACCESS_KEY_ID=worker {team.command}"
        try:
            team.scale(1)
            api = ApiServer(env | {"AWS_ACCESS_KEY_ID": "api"}, tmp_path)
            with api.process:
                use(api.url, make_clip(tmp_path / "clip.mp4", 1))
                run_as_worker(env, "worker.sweep")
                team.env["AWS_ACCESS_KEY_ID"] = "suite"
                run = team.run(api.url, "-k", "burst")
                output = ended(run)
        finally:
            scale_workers.stop(tmp_path)
            team.pipeline.close()
    assert run.returncode == 0, output
    called: dict[str, set[str]] = defaultdict(set)
    for caller, action, resource, allowed in read_log(guarded.log):
        assert allowed, (caller, action, resource)
        called[caller].add(action)
    for caller, spare in SPARE.items():
        ours = {action for action in actions(policy(caller)) if action.startswith(("sqs:", "s3:"))}
        assert ours - called[caller] <= spare.keys(), f"what {caller} may and never does"


def use(url: str, clip: Path) -> None:
    """As a client does."""
    with httpx2.Client(base_url=url, timeout=60) as client:
        sent = client.post("/api/videos", files={"file": ("clip.mp4", clip.read_bytes(), "video/mp4")})
        assert sent.status_code == 201
        video = sent.headers["Location"]
        eventually(lambda: client.get(video).json()["status"] == "done", "the upload is done")
        assert client.get(f"{video}/download").content


def run_as_worker(env: dict[str, str], module: str) -> None:
    """A command of the worker, that ends by itself."""
    own = env | {"PATH": os.environ["PATH"], "AWS_ACCESS_KEY_ID": "worker"}
    subprocess.run([sys.executable, "-m", module], env=own, cwd=ROOT, check=True, timeout=120)


def test_the_suite_may_do_what_its_controls_call() -> None:
    allowed = actions(policy("suite")) | actions(policy("suite-ec2"))
    session = Session()
    meant: dict[str, set[str]] = defaultdict(set)  # a name may be of several services
    for service in SERVICES:
        for operation in session.get_service_model(service).operation_names:
            meant[xform_name(operation)].add(f"{service}:{operation}")
    for path in sorted([*(ROOT / "fixtures").rglob("*.py"), *(ROOT / "perf" / "deploy").rglob("*.py")]):
        for name in names(path) & meant.keys():
            assert meant[name] & allowed, f"{path.relative_to(ROOT)} calls {name}"


@pytest.mark.parametrize(
    "operation",
    ["HeadObject", "GetObject", "HeadBucket", "ListObjectsV2", "UploadPart", "AbortMultipartUpload",
     "SendMessageBatch", "ReceiveMessage", "ChangeMessageVisibilityBatch"],
)  # fmt: skip
def test_what_the_doctor_asks_for_is_in_the_policy(operation: str) -> None:
    denied = ClientError({"Error": {"Code": "AccessDenied"}}, operation)
    asked = remedy(denied).removeprefix("allow these credentials ")
    assert asked in actions(policy("suite"))


def names(path: Path) -> set[str]:
    """Attributes, and texts, as the names of paginators are."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return texts | {node.attr for node in nodes if isinstance(node, ast.Attribute)}
