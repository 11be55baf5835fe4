"""A service of Amazon ECS: its tasks are the nodes, their concurrency stands in a task definition."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from perf.deploy.errors import FleetError
from perf.deploy.fleet import State, fleet_of
from perf.deploy.fleets.aws import asked, awaited, permissions
from perf.deploy.fleets.ecs_service import EcsService, settled
from perf.deploy.fleets.revisions import LABEL, Revisions, short, worker_of
from perf.deploy.fleets.scaling import ServiceScaling
from perf.deploy.looks.look import note
from perf.pipeline import Finding, Fleet, Pipeline


class EcsFleet:
    """See perf.deploy.fleet.KeptControl.

    Args:
        service: what is scaled.
        container: what the worker's container is called; empty = to be seen.
        scaling: what scales the service by itself.
        pipeline: where the workers report.
        say: tells people.
        deadline_s: how long a rollout may take.
    """

    poll_s = 5.0

    def __init__(
        self,
        service: EcsService,
        container: str,
        scaling: ServiceScaling,
        pipeline: Pipeline,
        say: Callable[[str], None],
        deadline_s: float,
    ) -> None:
        self.name = f"ecs:{service}" + (f"/{container}" if container else "")
        self.description = f"the ECS service {service}"
        self._service = service
        self._container = container
        self._revisions = Revisions(service.client, container)
        self._scaling = scaling
        self._pipeline = pipeline
        self._say = say
        self._deadline_s = deadline_s
        self._base = ""
        self._held: Sequence[str] = ()

    def found(self) -> Fleet:
        """See FleetControl."""
        return fleet_of(self._pipeline.workers())

    def state(self) -> State:
        """See KeptControl.

        Raises:
            FleetError: a deployment is under way, so there is nothing yet to go back to.
        """
        service = self._service.describe()
        if not settled(service):
            raise FleetError(f"the last deployment of {self.description} is not complete: wait, or mend it")
        scaling = self._scaling.state()
        return {
            "task_definition": service["taskDefinition"],
            "tasks": service["desiredCount"],
            "scaling": scaling,
        }

    def scale(self, fleet: Fleet) -> None:
        """Roll out a revision with this concurrency on so many tasks, and wait until it is complete.

        Raises:
            FleetError: it failed or was rolled back, with ECS's own reason, or took too long.
        """
        now = self._service.describe()["taskDefinition"]
        self._base = self._base or now
        if now != self._base and not self._revisions.is_ours(now):
            raise FleetError(f"somebody has deployed {short(now)} to {self.description} during the run")
        revision = self._revisions.of(self._base, fleet.per_node) if fleet.total else now
        self.stop()
        self._scaling.suspend()
        self._roll_out(revision, fleet.nodes)

    def _roll_out(self, revision: str, tasks: int) -> None:
        self._service.update(revision, tasks)
        awaited(
            f"set {self.description}",
            "ecs",
            lambda: self._service.lacks(revision, tasks),
            self._deadline_s,
            self.poll_s,
        )

    def put_back(self, state: State) -> None:
        """See KeptControl: former revision, count and scaling, and ours are deregistered.

        A revision that somebody else has deployed meanwhile stays.
        """
        base = state["task_definition"]
        with ExitStack() as stack:  # each is tried, also after one that fails
            stack.callback(self._scaling.put_back, state["scaling"])
            stack.callback(self._remove_revisions, base)
            self.stop()
            self._service.protect(self._service.others_than(base), on=False)
            now = self._service.describe()["taskDefinition"]
            if now != base and not self._revisions.is_ours(now):
                self._say(f"{self.description} keeps {short(now)}, which somebody has deployed meanwhile")
                base = now
            self._roll_out(base, state["tasks"])

    def _remove_revisions(self, base: str) -> None:
        self._revisions.remove(base, used=self._service.describe()["taskDefinition"])

    def hold(self) -> None:
        """Protect its tasks from scale-in."""
        held = self._service.tasks()
        self._service.protect(held, on=True)
        self._held = held

    @contextmanager
    def by_itself(self) -> Iterator[None]:
        """See KeptControl; tasks that are held stay so.

        Raises:
            FleetError: nothing scales the service.
        """
        self._scaling.resume()
        try:
            yield
        finally:
            self._scaling.suspend()

    def stop(self) -> None:
        """Let go of the tasks that are held."""
        held, self._held = self._held, ()
        self._service.protect(held, on=False)

    def look(self) -> Iterator[Finding]:
        """Whether it is there, whose container is set, and what these credentials may do."""
        service = self._service.describe()
        definition = service["taskDefinition"]
        client, family = self._service.client, short(definition).rpartition(":")[0]
        with asked(f"read the task definition {short(definition)}", "ecs"):
            found = client.describe_task_definition(taskDefinition=definition)["taskDefinition"]
        worker_of(found["containerDefinitions"], self._container)
        lacking = list(permissions("ecs", self._harmless(family)))
        yield from lacking
        # Who has no such scaling has no such permission either.
        for each in permissions("application-autoscaling", [self._scaling.targets]):
            yield note("fleet", f"whether something scales it is not seen: {each.text}")
        if not settled(service):
            yield note("fleet", f"the last deployment of {self.description} is not complete: no run begins")
        if not lacking:
            count = f"{service['runningCount']} of {service['desiredCount']} task(s) of {short(definition)}"
            yield Finding("fleet", f"{self.description}: {count}; may be set, as far as can be asked")

    def _register_nothing(self) -> None:
        """A definition without a container: ECS refuses it, what takes it does not keep it."""
        client = self._service.client
        made = client.register_task_definition(family=LABEL, containerDefinitions=[])["taskDefinition"]
        client.deregister_task_definition(taskDefinition=made["taskDefinitionArn"])

    def _harmless(self, family: str) -> Iterator[Callable[[], object]]:
        """Calls that do nothing: what they name is not there, or is nothing."""
        client, cluster, service = self._service.client, self._service.cluster, self._service.service
        nowhere = f"{family}-no-such:1"
        yield lambda: client.update_service(cluster=cluster, service=service, taskDefinition=nowhere)
        yield self._register_nothing
        yield lambda: client.deregister_task_definition(taskDefinition=nowhere)
        yield lambda: client.list_task_definitions(familyPrefix=family, maxResults=1)
        yield lambda: client.list_tasks(cluster=cluster, serviceName=service, maxResults=1)
        yield lambda: client.describe_tasks(cluster=cluster, tasks=[])
        yield lambda: client.update_task_protection(cluster=cluster, tasks=[], protectionEnabled=False)
