"""Revisions of a task definition that differ from somebody's in the workers' concurrency alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from perf.deploy.errors import FleetError
from perf.deploy.fleets.aws import asked

if TYPE_CHECKING:
    from types_boto3_ecs import ECSClient

Container = Mapping[str, Any]

#: Where a container's command says the concurrency, as `python -m worker` and `celery worker` take it.
_FLAGS = ("--concurrency", "-c")
_WITHIN = re.compile(r"((?:^|\s)(?:--concurrency(?:=|\s+)|-c(?:=|\s*)))\d+(?=\s|$)")
#: Where the worker looks for it otherwise.
VARIABLE = "WORKER_CONCURRENCY"
#: By this label on the container a revision is known to be ours, also after a run that was killed.
LABEL = "video-perf"


def short(arn: str) -> str:
    """``family:revision`` of an ARN."""
    return arn.rpartition("/")[2]


def with_concurrency(container: Container, concurrency: int) -> Container:
    """The container with this concurrency: in its command where that says one, else in the environment."""
    words = {
        key: _words(container[key], concurrency) for key in ("entryPoint", "command") if container.get(key)
    }
    if any(_says(container.get(key, ())) for key in words):
        return {**container, **words}
    others = [each for each in container.get("environment", ()) if each["name"] != VARIABLE]
    here = {"name": VARIABLE, "value": str(concurrency)}
    if here in container.get("environment", ()):
        return container
    return {**container, "environment": [*others, here]}


def _words(words: Sequence[str], concurrency: int) -> list[str]:
    found = []
    for before, word in zip(("", *words), words, strict=False):
        flagged = before in _FLAGS and word.isdigit()
        found.append(str(concurrency) if flagged else _WITHIN.sub(rf"\g<1>{concurrency}", word))
    return found


def _says(words: Sequence[str]) -> bool:
    """Whether the concurrency stands in these words."""
    return _words(words, 1) != _words(words, 2)


def worker_of(containers: Sequence[Container], name: str) -> Container:
    """The container of the worker.

    Args:
        containers: of a task definition.
        name: what it is called; empty = the only one, or the only one that says its concurrency.

    Raises:
        FleetError: it cannot be told which.
    """
    said = [each for each in containers if name == each["name"]] if name else list(containers)
    if len(said) > 1:
        said = [each for each in said if _says(each.get("command", ())) or _sets(each)]
    if len(said) == 1:
        return said[0]
    names = ", ".join(each["name"] for each in containers)
    raise FleetError(
        f"the task definition has the containers {names}: say which is the worker's by "
        "PERF_WORKERS=ecs:CLUSTER/SERVICE/CONTAINER"
    )


def _sets(container: Container) -> bool:
    return any(each["name"] == VARIABLE for each in container.get("environment", ()))


class Revisions:
    """Those of the task definition of one service.

    Args:
        client: of ECS.
        container: what the worker's container is called; empty = to be seen.
    """

    def __init__(self, client: ECSClient, container: str) -> None:
        self._client = client
        self._container = container
        self._made: dict[tuple[str, int], str] = {}

    def of(self, base: str, concurrency: int) -> str:
        """The revision of *base* with this concurrency: made once, *base* itself where that has it.

        Raises:
            FleetError: it could not be made.
        """
        key = (base, concurrency)
        if key not in self._made:
            self._made[key] = self._make(base, concurrency)
        return self._made[key]

    def _make(self, base: str, concurrency: int) -> str:
        with asked(f"read the task definition {short(base)}", "ecs"):
            found = self._client.describe_task_definition(taskDefinition=base, include=["TAGS"])
        definition: Mapping[str, Any] = found["taskDefinition"]
        before = worker_of(definition["containerDefinitions"], self._container)
        after = with_concurrency(before, concurrency)
        if after == before:
            return base
        after = {**after, "dockerLabels": {**after.get("dockerLabels", {}), LABEL: f"made of {short(base)}"}}
        containers = [after if each is before else each for each in definition["containerDefinitions"]]
        # What is asked for when one is registered, and nothing of what a description has beyond it.
        shape: Any = self._client.meta.service_model.operation_model("RegisterTaskDefinition").input_shape
        known: dict[str, Any] = {name: definition[name] for name in shape.members if name in definition}
        known["containerDefinitions"] = containers
        if tags := found.get("tags"):
            known["tags"] = tags
        with asked(f"register a revision of {short(base)} with a concurrency of {concurrency}", "ecs"):
            made = self._client.register_task_definition(**known)
        return made["taskDefinition"]["taskDefinitionArn"]

    def is_ours(self, revision: str) -> bool:
        """Whether it was made by a run of this suite: by this one, or by its label."""
        if any(revision == made != base for (base, _), made in self._made.items()):
            return True
        with asked(f"read the task definition {short(revision)}", "ecs"):
            found = self._client.describe_task_definition(taskDefinition=revision)["taskDefinition"]
        return any(LABEL in each.get("dockerLabels", {}) for each in found["containerDefinitions"])

    def remove(self, base: str, used: str) -> None:
        """Deregister all that were made of *base*, or beside it, but for one that is *used*.

        Raises:
            FleetError: one could not be.
        """
        for revision in [each for each in self._after(base) if each != used and self.is_ours(each)]:
            with asked(f"deregister the revision {short(revision)}", "ecs"):
                self._client.deregister_task_definition(taskDefinition=revision)

    def _after(self, base: str) -> list[str]:
        """The active revisions of the family that are younger than this one."""
        family, _, number = short(base).rpartition(":")
        pages = self._client.get_paginator("list_task_definitions")
        with asked(f"list the revisions of {family}", "ecs"):
            found = pages.paginate(familyPrefix=family, status="ACTIVE")
            arns = [arn for page in found for arn in page["taskDefinitionArns"]]
        named = (short(arn).rpartition(":") for arn in arns)
        return [
            arn
            for arn, (of, _, at) in zip(arns, named, strict=True)
            if of == family and int(at) > int(number)
        ]
