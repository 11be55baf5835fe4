"""boto3 clients with bounded waits. Endpoints and credentials come from boto3's own environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient

_CONFIG = Config(
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=32,
)


def sqs_client(region: str) -> SQSClient:
    """A thread-safe SQS client."""
    return boto3.client("sqs", region_name=region, config=_CONFIG)


def s3_client(region: str) -> S3Client:
    """A thread-safe S3 client."""
    return boto3.client("s3", region_name=region, config=_CONFIG)
