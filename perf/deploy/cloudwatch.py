"""CloudWatch as the suite asks it: the values of a metric within a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from perf.cases.cloudwatch import CloudMetric, cloud_metrics
from perf.deploy.errors import FixtureError
from perf.deploy.faults import first_line
from perf.deploy.remedies import is_denied

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

#: Nobody waits for it within a measurement, and a run must not stand still for one that does not answer.
_CONFIG = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})
_AMAZON = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


class CloudWatch:
    """See perf.pipeline.Monitor.

    Args:
        client: boto3's.
        metrics: what is looked at.
    """

    def __init__(self, client: Any, metrics: Sequence[CloudMetric] = ()) -> None:
        self._client = client
        self.metrics = tuple(metrics)
        #: Why nothing more is asked: an endpoint that is away for one metric is away for all.
        self.away = ""

    @property
    def is_amazon_s(self) -> bool:
        """Whether it is asked at Amazon's own address."""
        return _is_amazon_s(self._client.meta.endpoint_url)

    def points(self, metric: CloudMetric, begin_s: float, end_s: float) -> list[tuple[float, float]]:
        """When each period began, in Unix seconds, and its value; in order.

        Raises:
            FixtureError: it could not be asked, or does not tell: why, in one line.
        """
        if self.away:
            raise FixtureError(self.away)
        try:
            return sorted(self._pages(metric, begin_s, end_s))
        except ClientError as error:
            if is_denied(error):
                raise FixtureError("cloudwatch:GetMetricData is not allowed to these credentials") from error
            raise FixtureError(f"CloudWatch refused: {first_line(error)}") from error
        except BotoCoreError as error:
            self.away = f"CloudWatch could not be asked: {first_line(error)}"
            raise FixtureError(self.away) from error

    def _pages(self, metric: CloudMetric, begin_s: float, end_s: float) -> list[tuple[float, float]]:
        found: list[tuple[float, float]] = []
        asked = {
            "MetricDataQueries": [_query(metric)],
            "StartTime": datetime.fromtimestamp(begin_s, UTC),
            "EndTime": datetime.fromtimestamp(end_s, UTC),
            "ScanBy": "TimestampAscending",
        }
        for page in self._client.get_paginator("get_metric_data").paginate(**asked):
            for each in page["MetricDataResults"]:
                if each.get("StatusCode") in ("InternalError", "Forbidden"):
                    raise FixtureError(f"CloudWatch does not tell: {each['StatusCode']}")
                instants = (instant.timestamp() for instant in each["Timestamps"])
                found += zip(instants, each["Values"], strict=True)
        return found


def _query(metric: CloudMetric) -> dict[str, Any]:
    return {
        "Id": "m",
        "ReturnData": True,
        "MetricStat": {
            "Metric": {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
            },
            "Period": metric.every_s,
            "Stat": metric.statistic,
        },
    }


def _is_amazon_s(url: str) -> bool:
    return (urlsplit(url).hostname or "").endswith(_AMAZON)


def cloudwatch_of(region: str, metrics: Sequence[CloudMetric] = ()) -> CloudWatch:
    """The region's CloudWatch, by boto3's own endpoints and credentials."""
    client: Any = boto3.client("cloudwatch", region_name=region, config=_CONFIG)
    return CloudWatch(client, metrics)


def monitor_of(shell: Mapping[str, str], sqs: SQSClient, queue: str) -> CloudWatch | None:
    """CloudWatch for the deployment with this queue; None where it would be another's.

    Where SQS is not Amazon's and CloudWatch is, the latter knows nothing of this deployment: give
    AWS_ENDPOINT_URL_CLOUDWATCH.

    Raises:
        UsageError: a variable names no part of a deployment.
    """
    metrics = cloud_metrics(queue, shell)
    found = cloudwatch_of(sqs.meta.region_name, metrics)
    is_another_s = found.is_amazon_s and not _is_amazon_s(sqs.meta.endpoint_url)
    return None if is_another_s else found
