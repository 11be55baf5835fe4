"""What is counted of the deployment from outside, and what a node costs: nothing that a run needs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from perf.deploy.cloudwatch import monitor_of
from perf.deploy.errors import FixtureError
from perf.deploy.looks.look import note
from perf.deploy.pricing import price_of_node
from perf.pipeline import Finding

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient


def cloudwatch(shell: Mapping[str, str], sqs: SQSClient, queue: str) -> Iterator[Finding]:
    """Whether CloudWatch may be asked; a run goes on without it."""
    monitor = monitor_of(shell, sqs, queue)
    if monitor is None:
        yield Finding(
            "cloudwatch", "not asked: SQS is not Amazon's; AWS_ENDPOINT_URL_CLOUDWATCH names another"
        )
        return
    try:
        monitor.points(monitor.metrics[0], time.time() - 600, time.time())
    except FixtureError as error:
        yield note("cloudwatch", f"{error}; cases run without its metrics")
        return
    parts = sorted({f"{each.part} {each.of}" for each in monitor.metrics})
    yield Finding("cloudwatch", f"{len(monitor.metrics)} metrics of {', '.join(parts)}")


def cost(shell: Mapping[str, str]) -> Iterator[Finding]:
    """What a node costs, as far as the environment tells."""
    price = price_of_node(shell)
    unknown = "not known: PERF_NODE_TYPE, e.g. c5.xlarge or fargate:2:4, or PERF_NODE_PRICE would tell"
    yield Finding("cost", f"a node is {price.source}" if price else unknown)
