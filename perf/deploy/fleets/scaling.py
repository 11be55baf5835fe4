"""What scales an ECS service by itself: it is silent while a run sets the service, and put back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from perf.deploy.errors import FleetError
from perf.deploy.fleets.aws import asked
from perf.deploy.remedies import is_denied

if TYPE_CHECKING:
    from types_boto3_application_autoscaling import ApplicationAutoScalingClient

_SERVICE = "application-autoscaling"
_WAYS = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


@dataclass(frozen=True)
class ServiceScaling:
    """Application Auto Scaling on the number of a service's tasks.

    Attributes:
        client: of Application Auto Scaling.
        resource: ``service/CLUSTER/SERVICE``.
    """

    client: ApplicationAutoScalingClient
    resource: str

    def state(self) -> Mapping[str, bool] | None:
        """Which ways of scaling are suspended; None where nothing scales it, or that may not be seen.

        Raises:
            FleetError: AWS does not answer.
        """
        with asked(f"look at what scales {self.resource}", _SERVICE):
            try:
                found = self.targets()
            except ClientError as error:
                if not is_denied(error):  # who uses no such scaling has no such permission
                    raise
                return None
        if not found:
            return None
        suspended = found[0].get("SuspendedState", {})
        return {way: bool(suspended.get(way, False)) for way in _WAYS}

    def targets(self) -> list[Any]:
        """What is scaled: this, or nothing."""
        answer = self.client.describe_scalable_targets(
            ServiceNamespace="ecs",
            ResourceIds=[self.resource],
            ScalableDimension="ecs:service:DesiredCount",
        )
        return list(answer["ScalableTargets"])

    def suspend(self) -> None:
        """Scale no more, where anything does."""
        if self.state() is not None:
            self._set(dict.fromkeys(_WAYS, True))

    def resume(self) -> None:
        """Scale again.

        Raises:
            FleetError: nothing does, or AWS does not answer.
        """
        if self.state() is None:
            raise FleetError(
                f"nothing scales {self.resource}: give it a policy of Application Auto Scaling, such as "
                "deploy/stack.yml has"
            )
        self._set(dict.fromkeys(_WAYS, False))

    def put_back(self, state: Mapping[str, bool] | None) -> None:
        """As it was found."""
        if state is not None:
            self._set(state)

    def _set(self, suspended: Mapping[str, bool]) -> None:
        with asked(f"set what scales {self.resource}", _SERVICE):
            self.client.register_scalable_target(
                ServiceNamespace="ecs",
                ResourceId=self.resource,
                ScalableDimension="ecs:service:DesiredCount",
                SuspendedState=dict(suspended),  # type: ignore[arg-type]
            )
