"""A service of ECS as its API shows it: what runs, how a rollout goes, why a task ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from perf.deploy.errors import FleetError
from perf.deploy.fleets.aws import asked
from perf.deploy.fleets.revisions import short

if TYPE_CHECKING:
    from types_boto3_ecs import ECSClient

Described = Mapping[str, Any]

#: A rollout of which so many tasks have failed will not come to be: ECS's own circuit breaker begins there.
MOST_FAILED = 3
#: For so long a task is held when the run that held it is killed; a run renews it with each case.
_HELD_MIN = 360
#: UpdateTaskProtection takes so many tasks.
_BATCH = 10


@dataclass(frozen=True)
class EcsService:
    """Calls about one service; all may raise FleetError."""

    client: ECSClient
    cluster: str
    service: str

    def __str__(self) -> str:
        return f"{self.cluster}/{self.service}"

    def describe(self) -> Described:
        """The service as it is now.

        Raises:
            FleetError: it is not there, or of a sort whose tasks are not counted by a number.
        """
        with asked(f"look at the ECS service {self}", "ecs"):
            found = self.read()
        kind = found.get("deploymentController", {}).get("type", "ECS")
        if found.get("schedulingStrategy", "REPLICA") != "REPLICA" or kind != "ECS":
            raise FleetError(
                f"the ECS service {self} is no replica service with rolling updates: name another"
            )
        return found

    def read(self) -> Described:
        """The same without words for what went wrong.

        Raises:
            FleetError: it is not there.
        """
        answer = self.client.describe_services(cluster=self.cluster, services=[self.service])
        there = [each for each in answer["services"] if each.get("status") == "ACTIVE"]
        if not there:
            raise FleetError(f"there is no active ECS service {self}: correct PERF_WORKERS or AWS_REGION")
        return there[0]

    def update(self, revision: str, tasks: int) -> None:
        """Ask for so many tasks of this revision."""
        with asked(f"set the ECS service {self} to {tasks} task(s) of {short(revision)}", "ecs"):
            self.client.update_service(
                cluster=self.cluster, service=self.service, taskDefinition=revision, desiredCount=tasks
            )

    def tasks(self) -> list[str]:
        """Those that run, or are about to."""
        pages = self.client.get_paginator("list_tasks")
        with asked(f"list the tasks of the ECS service {self}", "ecs"):
            found = pages.paginate(cluster=self.cluster, serviceName=self.service)
            return [arn for page in found for arn in page["taskArns"]]

    def others_than(self, revision: str) -> list[str]:
        """The tasks that do not run this revision."""
        found: list[str] = []
        for some in _batches(self.tasks()):
            with asked(f"look at the tasks of the ECS service {self}", "ecs"):
                answer = self.client.describe_tasks(cluster=self.cluster, tasks=some)
            found += [each["taskArn"] for each in answer["tasks"] if each["taskDefinitionArn"] != revision]
        return found

    def protect(self, tasks: Sequence[str], *, on: bool) -> None:
        """Keep these tasks from being ended by a scale-in, or no longer.

        Raises:
            FleetError: one could not be kept. One that is gone needs not be let go.
        """
        for some in _batches(tasks):
            with asked(f"protect the tasks of the ECS service {self}", "ecs"):
                how: dict[str, Any] = {"expiresInMinutes": _HELD_MIN} if on else {}
                answer = self.client.update_task_protection(
                    cluster=self.cluster, tasks=some, protectionEnabled=on, **how
                )
            if on and (failures := answer.get("failures")):
                why = failures[0].get("detail") or failures[0].get("reason", "no reason was given")
                raise FleetError(f"tried to protect the tasks of the ECS service {self}: {why}")

    def lacks(self, revision: str, tasks: int) -> str:
        """What is not yet as it should be; empty where so many tasks of this revision run, and no others.

        Raises:
            FleetError: it will not come to be, and why.
        """
        service = self.read()
        if why := broken(service, revision):
            stopped = self._why_stopped(service, revision)
            raise FleetError(
                f"the ECS service {self} did not come to {tasks} task(s) of {short(revision)}: "
                + "; ".join(filter(None, (why, stopped)))
            )
        return lacking(service, revision, tasks)

    def _why_stopped(self, service: Described, revision: str) -> str:
        """Why the first of a deployment's tasks ended, as far as it can be seen."""
        ids = {each["id"] for each in service["deployments"] if each["taskDefinition"] == revision}
        with suppress(ClientError, BotoCoreError):
            listed = self.client.list_tasks(
                cluster=self.cluster, serviceName=self.service, desiredStatus="STOPPED"
            )["taskArns"][:100]
            found = self.client.describe_tasks(cluster=self.cluster, tasks=listed)["tasks"] if listed else []
            ours = [
                each
                for each in found
                if each.get("startedBy") in ids or each.get("taskDefinitionArn") == revision
            ]
            return _ended(ours[0]) if ours else ""
        return ""


def broken(service: Described, revision: str) -> str:
    """Why a rollout of this revision will not come to be; empty as long as it may.

    boto3's waiter `services_stable` calls a rollback a success, and waits on a rollout that has failed.
    """
    primary = _primary(service)
    ours = next((each for each in service["deployments"] if each["taskDefinition"] == revision), None)
    if primary.get("taskDefinition") != revision:
        why = ours.get("rolloutStateReason") if ours else ""
        back = f"it was rolled back to {short(primary.get('taskDefinition', 'none'))}"
        return f"{back}: {why or _event(service)}"
    if primary.get("rolloutState") == "FAILED":
        return f"its rollout failed: {primary.get('rolloutStateReason') or _event(service)}"
    failed = primary.get("failedTasks", 0)
    if failed >= MOST_FAILED and primary.get("rolloutState") != "COMPLETED":
        return f"{failed} of its tasks have failed: {_event(service)}"
    return ""


def lacking(service: Described, revision: str, tasks: int) -> str:
    """What a rollout still lacks, in words; empty when it is complete."""
    primary = _primary(service)
    complete = (
        primary["taskDefinition"] == revision
        and primary.get("rolloutState") == "COMPLETED"
        and _is_alone(service)
        and primary["runningCount"] == service["runningCount"] == service["desiredCount"] == tasks
        and service["pendingCount"] == 0
    )
    if complete:
        return ""
    return (
        f"its rollout is {primary.get('rolloutState', 'in no state')}, {primary['runningCount']} of {tasks} "
        f"task(s) of {short(revision)} run and {service['pendingCount']} are pending; {_event(service)}"
    )


def settled(service: Described) -> bool:
    """Whether no deployment is under way."""
    return _is_alone(service) and _primary(service).get("rolloutState") == "COMPLETED"


def _primary(service: Described) -> Described:
    return next((each for each in service["deployments"] if each.get("status") == "PRIMARY"), {})


def _is_alone(service: Described) -> bool:
    """Whether no deployment is there but the primary one; one that was replaced may still be listed."""
    return [each["status"] for each in service["deployments"] if each["status"] != "INACTIVE"] == ["PRIMARY"]


def _event(service: Described) -> str:
    """What ECS itself said last."""
    return next((each["message"] for each in service.get("events", ())), "ECS does not say why")


def _ended(task: Described) -> str:
    """``Essential container in task exited (worker: 2)``."""
    ends = (
        f"{each['name']}: {each.get('reason') or each.get('exitCode')}"
        for each in task.get("containers", ())
        if each.get("reason") or each.get("exitCode")
    )
    codes = ", ".join(ends)
    return f"a task ended: {task.get('stoppedReason', 'no reason')}" + (f" ({codes})" if codes else "")


def _batches(tasks: Sequence[str]) -> list[Sequence[str]]:
    return [tasks[start : start + _BATCH] for start in range(0, len(tasks), _BATCH)]
