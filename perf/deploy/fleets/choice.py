"""Which control sets the fleet: PERF_WORKERS, else the command in PERF_WORKER_COMMAND, else a person."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from perf.cases.options import nearest
from perf.deploy.errors import FixtureError
from perf.deploy.fleet import KeptControl
from perf.deploy.fleets import command
from perf.deploy.fleets.asg import AsgFleet
from perf.deploy.fleets.aws import client_of
from perf.deploy.fleets.command import CommandFleet
from perf.deploy.fleets.ecs import EcsFleet
from perf.deploy.fleets.ecs_service import EcsService
from perf.deploy.fleets.person import AskedFleet
from perf.deploy.fleets.scaling import ServiceScaling
from perf.deploy.fleets.ssm import NodeCommand, SsmFleet
from perf.pipeline import Pipeline

VARIABLE = "PERF_WORKERS"
#: How long a fleet may take to be as it is wanted, unless told otherwise.
DEADLINE_S = 600.0


@dataclass(frozen=True)
class Given:
    """What a control is made with.

    Attributes:
        shell: the variables of the deployment.
        pipeline: where its workers report.
        say: tells people.
        deadline_s: how long a fleet may take.
    """

    shell: Mapping[str, str]
    pipeline: Pipeline
    say: Callable[[str], None]
    deadline_s: float

    @property
    def region(self) -> str | None:
        """Of AWS."""
        return self.shell.get("AWS_REGION")


@dataclass(frozen=True)
class Choice:
    """A kind of control.

    Attributes:
        looks_like: how it is written.
        pattern: what has to follow its name and a colon.
        make: it, by what the pattern found.
        lacks: what it needs beside, of these variables; empty when nothing.
    """

    looks_like: str
    pattern: str
    make: Callable[[re.Match[str], Given], KeptControl]
    lacks: Callable[[Mapping[str, str]], str] = lambda _: ""


def _ecs(found: re.Match[str], given: Given) -> KeptControl:
    cluster, service, container = found["cluster"], found["service"], found["container"] or ""
    client = client_of("ecs", given.region)
    scaling = client_of("application-autoscaling", given.region)
    return EcsFleet(
        EcsService(client, cluster, service),
        container,
        ServiceScaling(scaling, f"service/{cluster}/{service}"),
        given.pipeline,
        given.say,
        given.deadline_s,
    )


def _node_command(given: Given) -> NodeCommand:
    client = client_of("ssm", given.region)
    return NodeCommand(client, given.shell[command.VARIABLE], given.deadline_s)


def _ssm(found: re.Match[str], given: Given) -> KeptControl:
    return SsmFleet(_node_command(given), (found["name"], found["value"]), given.pipeline)


def _asg(found: re.Match[str], given: Given) -> KeptControl:
    client = client_of("autoscaling", given.region)
    nodes = _node_command(given) if given.shell.get(command.VARIABLE) else None
    return AsgFleet(client, found["group"], nodes, given.pipeline, given.deadline_s)


def _command(found: re.Match[str], given: Given) -> KeptControl:
    return CommandFleet(found["words"], given.pipeline, VARIABLE, given.deadline_s)


def _person(_: re.Match[str], given: Given) -> KeptControl:
    return AskedFleet(given.say, given.pipeline)


def _lacks_node_command(shell: Mapping[str, str]) -> str:
    if "{per_node}" in shell.get(command.VARIABLE, ""):
        return ""
    return (
        f"{command.VARIABLE}: has no {{per_node}} in it; with {VARIABLE}=ssm:... and asg:... it is run on "
        "each node, and sets the worker processes there (0 = none)"
    )


def _lacks_good_node_command(shell: Mapping[str, str]) -> str:
    return _lacks_node_command(shell) if shell.get(command.VARIABLE) else ""


_NAME = r"[\w.-]+"
CHOICES: Mapping[str, Choice] = {
    "ecs": Choice(
        "ecs:CLUSTER/SERVICE",
        rf"(?P<cluster>{_NAME})/(?P<service>{_NAME})(/(?P<container>{_NAME}))?",
        _ecs,
    ),
    "ssm": Choice("ssm:tag=NAME=VALUE", r"tag=(?P<name>[^=]+)=(?P<value>.+)", _ssm, _lacks_node_command),
    "asg": Choice("asg:NAME", r"(?P<group>[^:]+)", _asg, _lacks_good_node_command),
    "command": Choice("command:WORDS", r"(?P<words>.+)", _command),
    "ask": Choice("ask", "", _person),
}


def control_of(
    shell: Mapping[str, str],
    pipeline: Pipeline,
    say: Callable[[str], None],
    deadline_s: float = DEADLINE_S,
) -> KeptControl:
    """What sets the fleet of the deployment that these variables name. They make sense: see `complaints`."""
    given = Given(shell, pipeline, say, deadline_s)
    if value := shell.get(VARIABLE):
        choice, _, rest = value.partition(":")
        found = re.fullmatch(CHOICES[choice].pattern, rest)
        assert found  # noqa: S101 - what makes no sense has been refused
        return CHOICES[choice].make(found, given)
    if words := shell.get(command.VARIABLE):
        return CommandFleet(words, pipeline, deadline_s=deadline_s)
    return AskedFleet(say, pipeline)


def control_named(
    name: str, shell: Mapping[str, str], pipeline: Pipeline, say: Callable[[str], None]
) -> KeptControl:
    """The control that is called so, for a fleet that another run has left.

    Raises:
        FixtureError: what it needs is not in these variables.
    """
    if name != CommandFleet.name:  # whose words no note may hold
        shell = {**shell, VARIABLE: name}
    wrong = complaints(shell, terminal=True)
    control = None if wrong else control_of(shell, pipeline, say)
    if control is None or control.name != name:
        why = "; ".join(wrong) or f"set {VARIABLE} or {command.VARIABLE} as that run had it"
        raise FixtureError(f"the fleet was set by {name}, which is to put it back: {why}")
    return control


def complaints(shell: Mapping[str, str], *, terminal: bool) -> list[str]:
    """What is wrong with the choice of a control, a line each."""
    value, words = shell.get(VARIABLE, ""), shell.get(command.VARIABLE, "")
    if value:
        return [wrong] if (wrong := _wrong(value, shell, terminal=terminal)) else []
    if words:
        return [wrong] if (wrong := command.complaint(words)) else []
    if terminal:
        return []
    return [
        f"{command.VARIABLE}: what sets the fleet, with {{concurrency}} in it, or also {{nodes}} and "
        f"{{per_node}}; or {VARIABLE}: {_expected()} (or run on a terminal, to be asked)"
    ]


def _wrong(value: str, shell: Mapping[str, str], *, terminal: bool) -> str:
    """What is wrong with a PERF_WORKERS; what it holds is not told, it may be a command with a secret."""
    name, colon, rest = value.partition(":")
    choice = CHOICES.get(name)
    if choice is None:
        known = nearest(name, CHOICES) if colon or re.fullmatch(r"[a-z]{1,10}", name) else ""
        return f"{VARIABLE}: begins with no control's name; expected {_expected()}{known}"
    if not re.fullmatch(choice.pattern, rest) or bool(colon) != bool(choice.pattern):
        return f"{VARIABLE}: {name} is not followed by what it needs; expected {choice.looks_like}"
    if name == "command":
        return command.complaint(rest, VARIABLE)
    if name == "ask" and not terminal:
        return f"{VARIABLE}=ask: there is no terminal, so nobody can be asked; expected {_expected()}"
    return choice.lacks(shell)


def _expected() -> str:
    *others, last = (each.looks_like for each in CHOICES.values())
    return f"{', '.join(others)} or {last}"
