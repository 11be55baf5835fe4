"""What CloudWatch counts of a deployment's parts, and which of them the environment names. Data only.

Names of metrics, dimensions and intervals are those of AWS's user guides. Credits and, without detailed
monitoring, all metrics of EC2 come every five minutes; the rest every minute. A load balancer reports nothing
while nobody asks it anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from perf.cases.errors import UsageError

HEALTHY = "HealthyHostCount"
CREDITS = "CPUCreditBalance"
#: Spent beyond the balance where credits are unlimited: the processors are then not held back.
SURPLUS = "CPUSurplusCreditBalance"


@dataclass(frozen=True, slots=True)
class CloudMetric:
    """A metric of a part of the deployment.

    Attributes:
        part: which sort of part, such as ``SQS``.
        of: its name.
        name: CloudWatch's name of the metric.
        statistic: of the values within a period, such as ``Average`` or ``p95``.
        unit: of the number.
        namespace: where CloudWatch keeps it.
        dimensions: what tells it from those of other parts.
        every_s: how often there is a value.
    """

    part: str
    of: str
    name: str
    statistic: str
    unit: str
    namespace: str
    dimensions: tuple[tuple[str, str], ...]
    every_s: int = 60

    @property
    def title(self) -> str:
        """``SQS jobs ApproximateAgeOfOldestMessage (Maximum, s)``."""
        return f"{self.part} {self.of} {self.name} ({self.statistic}, {self.unit})"


#: metric, statistic, unit, and how often it comes, in s.
_Row = tuple[str, str, str, int]
_QUEUE: tuple[_Row, ...] = (
    ("ApproximateNumberOfMessagesVisible", "Maximum", "count", 60),
    ("ApproximateNumberOfMessagesNotVisible", "Maximum", "count", 60),
    ("ApproximateAgeOfOldestMessage", "Maximum", "s", 60),
)
_CREDITS: tuple[_Row, ...] = ((CREDITS, "Minimum", "credits", 300), (SURPLUS, "Maximum", "credits", 300))
_INSTANCES: tuple[_Row, ...] = (("CPUUtilization", "Average", "%", 300), *_CREDITS)
_SERVICE: tuple[_Row, ...] = (
    ("CPUUtilization", "Average", "%", 60),
    ("MemoryUtilization", "Average", "%", 60),
)
_BALANCER: tuple[_Row, ...] = (
    ("RequestCount", "Sum", "count", 60),
    ("TargetResponseTime", "Average", "s", 60),
    ("TargetResponseTime", "p95", "s", 60),
)
_TARGETS: tuple[_Row, ...] = ((HEALTHY, "Minimum", "count", 60),)
_DATABASE: tuple[_Row, ...] = (
    ("CPUUtilization", "Average", "%", 60),
    ("DatabaseConnections", "Maximum", "count", 60),
    *_CREDITS,
)


@dataclass(frozen=True, slots=True)
class _Variable:
    """A variable that names a part: what it looks like, and what is looked at."""

    part: str
    namespace: str
    dimensions: tuple[str, ...]
    #: A group for each dimension.
    pattern: str
    expected: str
    rows: tuple[_Row, ...]


#: An address may be given whole: what is before the name is left out.
_ARN = r"(?:arn:[^/]*?:)?"
VARIABLES = {
    "PERF_ASG": _Variable(
        "EC2", "AWS/EC2", ("AutoScalingGroupName",), r"([^\s,]+)", "an Auto Scaling group", _INSTANCES
    ),
    "PERF_INSTANCES": _Variable(
        "EC2", "AWS/EC2", ("InstanceId",), r"(i-[0-9a-f]+)", "instances, e.g. i-0abc,i-0def", _INSTANCES
    ),
    "PERF_ECS_SERVICE": _Variable(
        "ECS", "AWS/ECS", ("ClusterName", "ServiceName"), r"([\w-]+)/([\w-]+)", "cluster/service", _SERVICE
    ),
    "PERF_ALB": _Variable(
        "ALB",
        "AWS/ApplicationELB",
        ("LoadBalancer",),
        _ARN + r"(?:loadbalancer/)?(app/[\w-]+/[0-9a-f]+)",
        "the load balancer's ARN, or its end: app/NAME/ID",
        _BALANCER,
    ),
    "PERF_TARGET_GROUP": _Variable(
        "ALB",
        "AWS/ApplicationELB",
        ("TargetGroup",),
        _ARN + r"(targetgroup/[\w-]+/[0-9a-f]+)",
        "the target group's ARN, or its end: targetgroup/NAME/ID",
        _TARGETS,
    ),
    "PERF_RDS": _Variable(
        "RDS", "AWS/RDS", ("DBInstanceIdentifier",), r"([A-Za-z][\w-]*)", "a database instance", _DATABASE
    ),
}


def cloud_metrics(queue: str, shell: Mapping[str, str]) -> list[CloudMetric]:
    """Those of the queue, and of the parts that the variables of *shell* name; PERF_WORKERS is one of them.

    Raises:
        UsageError: a variable names no such part.
    """
    shell = {**_workers(shell), **shell}
    found = [_metric("SQS", queue, "AWS/SQS", (("QueueName", queue),), row) for row in _QUEUE]
    for name, variable in VARIABLES.items():
        for item in filter(None, (each.strip() for each in shell.get(name, "").split(","))):
            dimensions = [*_dimensions(name, variable, item), *_balancer_of(name, shell)]
            of = "/".join(value for _, value in dimensions[: len(variable.dimensions)])
            found += [
                _metric(variable.part, of, variable.namespace, tuple(dimensions), row)
                for row in variable.rows
            ]
    return found


def _workers(shell: Mapping[str, str]) -> dict[str, str]:
    """The part that the workers run on, where PERF_WORKERS names it."""
    kind, _, name = shell.get("PERF_WORKERS", "").strip().partition(":")
    named = {"asg": {"PERF_ASG": name}, "ecs": {"PERF_ECS_SERVICE": "/".join(name.split("/")[:2])}}
    return named.get(kind, {})


def _metric(
    part: str, of: str, namespace: str, dimensions: tuple[tuple[str, str], ...], row: _Row
) -> CloudMetric:
    name, statistic, unit, every_s = row
    return CloudMetric(part, of, name, statistic, unit, namespace, dimensions, every_s)


def _dimensions(name: str, variable: _Variable, item: str) -> Iterator[tuple[str, str]]:
    match = re.fullmatch(variable.pattern, item)
    if match is None:
        raise UsageError(f"{name}={item}: expected {variable.expected}")
    yield from zip(variable.dimensions, match.groups(), strict=True)


def _balancer_of(name: str, shell: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """CloudWatch counts the hosts of a target group for each load balancer before it."""
    if name == "PERF_TARGET_GROUP":
        balancer = shell.get("PERF_ALB", "").strip()
        if not balancer:
            raise UsageError("PERF_TARGET_GROUP: needs PERF_ALB too, the load balancer before it")
        yield from _dimensions("PERF_ALB", VARIABLES["PERF_ALB"], balancer)
