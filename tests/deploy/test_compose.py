"""The compose files name the variables that are read, and the images that the Containerfile makes."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.limits import WebLimits
from app.settings import Settings
from perf.deploy.processes import ROOT
from worker.settings import WorkerSettings

DEPLOY = ROOT / "deploy"
OWN = {name.upper() for name in [*Settings.model_fields, *WorkerSettings.model_fields]}
BOTO3 = {
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_SQS",
}  # fmt: skip
PIPELINE = {
    "DATABASE_URL", "AWS_REGION", "AWS_S3_BUCKET", "S3_UPLOAD_PREFIX", "S3_PROCESSED_PREFIX",
    "SQS_QUEUE_NAME", "STORAGE_BACKEND",
}  # fmt: skip


def services(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text())["services"]
    return found


def filled(value: str, **shell: str) -> str:
    """`${NAME:-default}` and the like, as compose reads them."""
    return re.sub(r"\$\{(\w+):?-?(.*?)\}", lambda found: shell.get(found[1], found[2]), value)


@pytest.mark.parametrize(
    ("file", "service", "beside"),
    [
        ("compose.app.yml", "app", {"API_TOKEN"}),
        (
            "compose.worker.yml",
            "worker",
            {"S3_DELETE_ORIGINAL", "WORKER_CONCURRENCY", "WORKER_STOP_TIMEOUT_S"},
        ),
        (
            "compose.worker.yml",
            "sweep",
            {"S3_DELETE_ORIGINAL", "WORKER_CONCURRENCY", "WORKER_STOP_TIMEOUT_S"},
        ),
    ],
)
def test_the_variables_are_those_that_are_read(
    file: str, service: str, beside: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = services(file)[service]["environment"]
    assert given.keys() == PIPELINE | BOTO3 | beside
    assert given.keys() - BOTO3 <= OWN
    shell = {"DATABASE_URL": "postgresql://u@h/d", "AWS_REGION": "eu-west-1", "SQS_QUEUE_NAME": "jobs"}
    for name, value in given.items():
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, filled(value, **shell))
    settings, defaults = Settings(), Settings.model_fields
    for name in ("s3_upload_prefix", "s3_processed_prefix", "storage_backend", "s3_delete_original"):
        assert getattr(settings, name) == defaults[name].default
    assert WorkerSettings().worker_concurrency == 1


@pytest.mark.parametrize(("file", "service"), [("compose.app.yml", "app"), ("compose.worker.yml", "worker")])
def test_the_image_is_one_that_can_be_built(file: str, service: str) -> None:
    build = services(file)[service]["build"]
    root = (DEPLOY / build["context"]).resolve()
    assert root == ROOT
    made = re.findall(r"^FROM .* AS (\w+)$", (root / build["dockerfile"]).read_text(), re.MULTILINE)
    assert build["target"] in made


def test_a_stop_has_time_to_be_warm() -> None:
    assert seconds(services("compose.app.yml")["app"]["stop_grace_period"]) > WebLimits().stop_s
    assert (
        seconds(services("compose.worker.yml")["worker"]["stop_grace_period"])
        >= WorkerSettings().ffmpeg_timeout_s
    )


def seconds(text: str) -> float:
    return float(text[:-1]) * {"s": 1, "m": 60}[text[-1]]


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    if not hadolint.exists():
        pytest.skip("there is no hadolint for this machine")
    asked = [hadolint, DEPLOY / "Containerfile"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("", 0)
