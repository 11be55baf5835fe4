"""Nodes that Systems Manager knows: the command in PERF_WORKER_COMMAND runs on each by Run Command."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from perf.deploy.errors import FleetError
from perf.deploy.fleet import State, fleet_of
from perf.deploy.fleets.aws import asked, awaited, permissions
from perf.deploy.fleets.command import filled
from perf.deploy.looks.look import wrong
from perf.pipeline import Finding, Fleet, Pipeline, ReportedWorker

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

DOCUMENT = "AWS-RunShellScript"
#: Said first on each node: an answer without it does not show that a shell has run the command. (The end of a
#: long output is cut off, its beginning is not.)
BEGINS = "video-perf begins"
#: SendCommand takes so many instances.
_MOST = 50
_UNDER_WAY = ("Pending", "InProgress", "Delayed", "Cancelling")
#: SSM takes no shorter time for a node to hear of a command.
_LEAST_HEARD_S = 30


class NodeCommand:
    """A shell command that runs on nodes, with `{per_node}` in it.

    Args:
        client: of SSM.
        command: a line of sh.
        deadline_s: how long it may take on all nodes.
    """

    poll_s = 2.0

    def __init__(self, client: SSMClient, command: str, deadline_s: float) -> None:
        self.client = client
        self._command = command
        self._deadline_s = deadline_s

    def online(self, name: str, value: str) -> Mapping[str, str]:
        """The host names of the nodes with this tag that SSM reaches now, by their ids, in order.

        Raises:
            BotoCoreError, ClientError: as boto3 does.
        """
        pages = self.client.get_paginator("describe_instance_information")
        found = [
            each
            for page in pages.paginate(Filters=[{"Key": f"tag:{name}", "Values": [value]}])
            for each in page["InstanceInformationList"]
            if each.get("PingStatus") == "Online"
        ]
        return {each["InstanceId"]: each.get("ComputerName", "") for each in sorted(found, key=_id)}

    def run(self, wanted: Mapping[str, int]) -> None:
        """Set the workers of each node; those that want the same, at once.

        Raises:
            FleetError: it failed on a node, with its exit code and what it said; or took too long.
        """
        nodes = sum(1 for count in wanted.values() if count)
        for count in sorted(set(wanted.values())):
            alike = [each for each, per_node in wanted.items() if per_node == count]
            for start in range(0, len(alike), _MOST):
                self._send(alike[start : start + _MOST], filled(self._command, Fleet(nodes, count)), count)

    def _send(self, instances: Sequence[str], line: str, count: int) -> None:
        what = f"run PERF_WORKER_COMMAND for {count} worker process(es) on {', '.join(instances)}"
        with asked(what, "ssm"):
            sent = self.client.send_command(
                InstanceIds=list(instances),
                DocumentName=DOCUMENT,
                Parameters={
                    "commands": [f"echo {BEGINS}", line],
                    "executionTimeout": [str(max(1, math.ceil(self._deadline_s)))],
                },
                TimeoutSeconds=max(_LEAST_HEARD_S, math.ceil(self._deadline_s)),
                Comment="video-perf sets the workers",
            )["Command"]["CommandId"]
        try:
            awaited(what, "ssm", lambda: self._lacks(sent, instances), self._deadline_s, self.poll_s)
        except BaseException:  # else it would go on while the fleet is being put back
            with suppress(ClientError, BotoCoreError):
                self.client.cancel_command(CommandId=sent)
            raise

    def _lacks(self, command: str, instances: Sequence[str]) -> str:
        """The nodes on which it has not ended. boto3's waiter gives up after 100 s.

        Raises:
            FleetError: it ended otherwise than it should.
        """
        pages = self.client.get_paginator("list_command_invocations")
        found: list[Any] = [
            each
            for page in pages.paginate(CommandId=command, Details=True)
            for each in page["CommandInvocations"]
        ]
        ended = [each for each in found if each["Status"] not in _UNDER_WAY]
        for each in ended:
            if why := _failed(each):
                raise FleetError(f"PERF_WORKER_COMMAND on {each['InstanceId']} {why}")
        waited = sorted(set(instances) - {each["InstanceId"] for each in ended})
        return f"it has not ended on {', '.join(waited)}" if waited else ""


def _failed(invocation: Mapping[str, Any]) -> str:
    """Why a command that has ended did not do its work; empty when it did."""
    plugin: Mapping[str, Any] = next(iter(invocation.get("CommandPlugins", ())), {})
    code, output = plugin.get("ResponseCode"), str(plugin.get("Output", ""))
    said = [line.strip() for line in output.splitlines() if line.strip() and BEGINS not in line]
    if invocation["Status"] != "Success" or code != 0:
        status = invocation.get("StatusDetails") or invocation["Status"]
        return f"ended as {status} with {code}: {' | '.join(said[-3:]) or 'it said nothing'}"
    if BEGINS not in output:
        return f"is said to be a success, but its output does not begin with {BEGINS!r}: did a shell run it?"
    return ""


def _id(information: Mapping[str, Any]) -> str:
    return str(information["InstanceId"])


def shares(workers: Sequence[ReportedWorker], hosts: Mapping[str, str]) -> dict[str, int]:
    """How many worker processes each node has: by the host names, or by their number where all are alike.

    Raises:
        FleetError: which node has how many cannot be told.
    """
    by_host = dict.fromkeys(hosts, 0)
    named = {name.partition(".")[0]: each for each, name in hosts.items() if name}
    unknown = [each for each in workers if each.node.partition(".")[0] not in named]
    if not unknown:
        for each in workers:
            by_host[named[each.node.partition(".")[0]]] += each.concurrency
        return by_host
    fleet = fleet_of(workers)
    if len({each.node for each in workers}) != fleet.nodes or fleet.nodes > len(hosts):
        raise FleetError(
            f"which node runs the worker {unknown[0].name} cannot be told, and not all run as many: let "
            "WORKER_NODE be the node's host name, or make them alike"
        )
    return {each: fleet.per_node if number < fleet.nodes else 0 for number, each in enumerate(hosts)}


class SsmFleet:
    """See perf.deploy.fleet.KeptControl: the first nodes with a tag, by their ids; the others have no worker.

    Args:
        nodes: what runs the command.
        tag: name and value.
        pipeline: where the workers report.
    """

    def __init__(self, nodes: NodeCommand, tag: tuple[str, str], pipeline: Pipeline) -> None:
        self.name = f"ssm:tag={tag[0]}={tag[1]}"
        self.description = f"PERF_WORKER_COMMAND on the nodes with the tag {tag[0]}={tag[1]}, by SSM"
        self._nodes = nodes
        self._tag = tag
        self._pipeline = pipeline

    def found(self) -> Fleet:
        """See FleetControl."""
        return fleet_of(self._pipeline.workers())

    def state(self) -> State:
        """See KeptControl."""
        return shares(self._pipeline.workers(), self._online())

    def _online(self) -> Mapping[str, str]:
        with asked(f"list the nodes with the tag {'='.join(self._tag)}", "ssm"):
            return self._nodes.online(*self._tag)

    def scale(self, fleet: Fleet) -> None:
        """Run the command on each node.

        Raises:
            FleetError: there are too few nodes, or it failed on one.
        """
        there = self._online()
        if len(there) < fleet.nodes:
            raise FleetError(
                f"{fleet} are wanted, and SSM reaches {len(there)} node(s) with the tag "
                f"{'='.join(self._tag)}: start more, or tag them"
            )
        self._nodes.run(
            {each: fleet.per_node if number < fleet.nodes else 0 for number, each in enumerate(there)}
        )

    def put_back(self, state: State) -> None:
        """See KeptControl."""
        self._nodes.run(state)

    def hold(self) -> None:
        """Nothing takes nodes away that this could keep from it."""

    def by_itself(self) -> AbstractContextManager[None]:
        """See KeptControl: what else may scale it was never kept from doing so."""
        return nullcontext()

    def stop(self) -> None:
        """Nothing was started here that is not the user's own."""

    def look(self) -> Iterator[Finding]:
        """How many nodes there are, and what these credentials may do."""
        there = self._online()
        if not there:
            yield wrong(
                "fleet", f"SSM reaches no node with the tag {'='.join(self._tag)}: correct PERF_WORKERS"
            )
            return
        lacking = list(permissions("ssm", harmless(self._nodes.client, next(iter(there)))))
        yield from lacking
        if not lacking:
            yield Finding(
                "fleet", f"{self.description}: {len(there)} online; may be set, as far as can be asked"
            )


def harmless(client: SSMClient, instance: str) -> Iterator[Callable[[], object]]:
    """Calls that do nothing: a command without a line, and what becomes of one that is not there."""
    nowhere = "00000000-0000-0000-0000-000000000000"
    yield lambda: client.send_command(InstanceIds=[instance], DocumentName=DOCUMENT, Parameters={})
    yield lambda: client.list_command_invocations(CommandId=nowhere)
    yield lambda: client.cancel_command(CommandId=nowhere)
