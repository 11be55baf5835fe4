"""boto3 clients with bounded waits. Endpoints and credentials come from boto3's own environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.session import get_session

from app.retries import retry

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient

_CONFIG = Config(
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=32,
)


@dataclass(frozen=True)
class Waits:
    """How long a call may take while somebody waits for it. In seconds.

    Attributes:
        connect_s: for a connection.
        read_s: for an answer, and for each block that is sent or received.
        retry_s: no try is begun later than this after the first one. So a call that gets no answer
            takes at most *retry_s* and one *connect_s* and *read_s* more.
    """

    connect_s: float
    read_s: float
    retry_s: float


def sqs_client(region: str, waits: Waits | None = None) -> SQSClient:
    """A thread-safe SQS client; with boto3's own retries where nobody waits for its answers."""
    client = boto3.client("sqs", region_name=region, config=_config(waits))
    if waits:
        retry(client, waits.retry_s)
    return client


def s3_client(region: str, waits: Waits | None = None) -> S3Client:
    """A thread-safe S3 client; with boto3's own retries where nobody waits for its answers."""
    client = boto3.client("s3", region_name=region, config=_config(waits))
    if waits:
        retry(client, waits.retry_s)
    return client


def ca_bundle() -> str | None:
    """The CA certificates that boto3's clients trust here; None = those that come with botocore."""
    named: str | None = get_session().get_config_variable("ca_bundle")
    return named or os.environ.get("REQUESTS_CA_BUNDLE") or None


def _config(waits: Waits | None) -> Config:
    if waits is None:
        return _CONFIG
    once = Config(
        connect_timeout=waits.connect_s,
        read_timeout=waits.read_s,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    return _CONFIG.merge(once)
